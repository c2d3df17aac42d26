"""Truth: what a perfect monitor would find, written from the schedule.

A row with ``expected = false`` is a near miss: something that looks like a violation and is none. ``near_boundary``
says that the episode is within two report intervals of a threshold, so that either verdict is acceptable.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.errors import ReportFileError
from monitor.model.beijing import iso, parse_iso

TRUTH_COLUMNS: tuple[str, ...] = (
    "vehicle_id",
    "driver_id",
    "rule",
    "kind",
    "grade",
    "onset",
    "end",
    "value",
    "limit",
    "near_boundary",
    "suspected",
    "expected",
    "note",
    "times_threshold",
    "explained",
)


@dataclass(frozen=True, slots=True)
class TruthEpisode:
    """One episode. Times are epoch ms, ``end_ms`` None when it outlasts the data; ``value`` in the rule's own unit.

    ``grade`` is None where the rulebook leaves it open; ``value`` and ``limit`` are None where the rule has none.
    ``times_threshold`` is what decides, as a multiple of its threshold: 1 is the boundary, None where there is none.
    ``explained``: a known dead zone explains it, so that it is counted and pushed to nobody.
    """

    vehicle_id: str
    rule: str
    onset_ms: int
    end_ms: int | None
    kind: str = ""
    grade: str | None = None
    driver_id: str = ""
    value: float | None = None
    limit: float | None = None
    near_boundary: bool = False
    suspected: bool = False
    expected: bool = True
    note: str = ""
    times_threshold: float | None = None
    explained: bool = False

    def record(self) -> dict[str, str | float | bool | None]:
        """The row other programs read, in the order of ``TRUTH_COLUMNS``; empty text as null."""
        return {
            "vehicle_id": self.vehicle_id,
            "driver_id": self.driver_id or None,
            "rule": self.rule,
            "kind": self.kind or None,
            "grade": self.grade,
            "onset": iso(self.onset_ms),
            "end": None if self.end_ms is None else iso(self.end_ms),
            "value": None if self.value is None else round(self.value, 3),
            "limit": self.limit,
            "near_boundary": self.near_boundary,
            "suspected": self.suspected,
            "expected": self.expected,
            "note": self.note or None,
            "times_threshold": None if self.times_threshold is None else round(self.times_threshold, 3),
            "explained": self.explained,
        }


class TruthRow(msgspec.Struct):
    """A truth row as it stands in a file; unknown columns are ignored."""

    vehicle_id: str
    rule: str
    onset: str
    end: str | None = None
    kind: str | None = None
    grade: str | None = None
    driver_id: str | None = None
    value: float | None = None
    limit: float | None = None
    near_boundary: bool = False
    suspected: bool = False
    expected: bool = True
    note: str | None = None
    times_threshold: float | None = None
    explained: bool = False

    def episode(self) -> TruthEpisode:
        """Raises ValueError for a time that is none."""
        return TruthEpisode(
            vehicle_id=self.vehicle_id,
            rule=self.rule,
            onset_ms=parse_iso(self.onset),
            end_ms=parse_iso(self.end) if self.end else None,
            kind=self.kind or "",
            grade=self.grade or None,
            driver_id=self.driver_id or "",
            value=self.value,
            limit=self.limit,
            near_boundary=self.near_boundary,
            suspected=self.suspected,
            expected=self.expected,
            note=self.note or "",
            times_threshold=self.times_threshold,
            explained=self.explained,
        )


def write_truth(episodes: tuple[TruthEpisode, ...], path: Path) -> None:
    """JSONL, CSV or Parquet by the ending of ``path``. Raises ReportFileError for another ending."""
    records = [episode.record() for episode in episodes]
    ending = path.suffix.lower()
    if ending == ".jsonl":
        path.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    elif ending == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, TRUTH_COLUMNS)
            writer.writeheader()
            for record in records:
                writer.writerow({k: str(v).lower() if isinstance(v, bool) else v for k, v in record.items()})
    elif ending == ".parquet":
        floats, flags = ("value", "limit", "times_threshold"), ("near_boundary", "suspected", "expected", "explained")
        schema = pa.schema(
            [
                (name, pa.float64() if name in floats else pa.bool_() if name in flags else pa.string())
                for name in TRUTH_COLUMNS
            ]
        )
        pq.write_table(pa.Table.from_pylist(records, schema=schema), path)
    else:
        raise ReportFileError(path=str(path), reason="a truth file ends in .jsonl, .csv or .parquet")


def read_truth(path: Path) -> tuple[TruthEpisode, ...]:
    """Episodes of a truth file. Raises ReportFileError, naming the row."""
    episodes = []
    for number, record in enumerate(read_records(path), start=1):
        try:
            episodes.append(msgspec.convert(record, TruthRow, strict=False).episode())
        except (msgspec.ValidationError, ValueError) as error:
            raise ReportFileError(path=str(path), reason=f"row {number}: {error}") from error
    return tuple(episodes)


def read_records(path: Path) -> list[dict[str, object]]:
    """Rows of a JSONL, CSV or Parquet file by column name; empty CSV cells are None. Raises ReportFileError."""
    ending = path.suffix.lower()
    try:
        if ending == ".jsonl":
            lines = path.read_bytes().splitlines()
            return [msgspec.json.decode(line, type=dict[str, object]) for line in lines if line.strip()]
        if ending == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as stream:
                return [{k: v or None for k, v in row.items() if k} for row in csv.DictReader(stream)]
        if ending == ".parquet":
            rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
            return rows
    except (OSError, UnicodeDecodeError, csv.Error, msgspec.MsgspecError, pa.ArrowException) as error:
        raise ReportFileError(path=str(path), reason=str(error)) from error
    raise ReportFileError(path=str(path), reason="a table ends in .jsonl, .csv or .parquet")
