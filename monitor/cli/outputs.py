"""Writing records to ``OUT`` by its ending: .jsonl, .csv or .parquet."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from monitor.errors import ReportFileError
from monitor.model.alarm import Alarm
from monitor.model.evidence import AlarmEvidence, Evidence

Record = Mapping[str, object]
ENDINGS = (".jsonl", ".csv", ".parquet")

_FLOATS = frozenset(
    {
        "duration_s",
        "peak",
        "mean",
        "limit",
        "distance_m",
        "start_lon",
        "start_lat",
        "end_lon",
        "end_lat",
    }
)
_FLAGS = frozenset({"suspected_serious", "night_only", "late", "provisional"})


def check_ending(path: Path) -> None:
    """Refuse an ending that no writer has, as bad usage."""
    if path.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"{path}: the ending {path.suffix!r} names no form; use one of {', '.join(ENDINGS)}")


def write_records(path: Path, columns: Sequence[str], records: Sequence[Record]) -> None:
    """Write ``records`` with ``columns`` in order; the file appears whole or not at all."""
    check_ending(path)
    writer = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}[path.suffix.lower()]
    write_whole(path, lambda file: writer(file, columns, records))


def write_evidence(path: Path, alarms: Sequence[Alarm], pieces: Sequence[Evidence]) -> None:
    """Write one line of JSON per alarm with its evidence; the file appears whole or not at all."""
    of_alarm: dict[str, list[Evidence]] = {}
    for piece in pieces:
        of_alarm.setdefault(piece.alarm_id, []).append(piece)
    lines = [AlarmEvidence(alarm.record(), tuple(of_alarm.get(alarm.alarm_id, ()))) for alarm in alarms]
    write_whole(path, lambda file: file.writelines(msgspec.json.encode(line) + b"\n" for line in lines))


def write_whole(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file so that it appears whole or not at all. Raises ReportFileError."""
    handle = -1
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ReportFileError(path=str(path), reason=f"cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _jsonl(file: IO[bytes], columns: Sequence[str], records: Sequence[Record]) -> None:
    encoder = msgspec.json.Encoder()
    for record in records:
        file.write(encoder.encode({name: record[name] for name in columns}) + b"\n")


def _csv(file: IO[bytes], columns: Sequence[str], records: Sequence[Record]) -> None:
    with tempfile.SpooledTemporaryFile(1 << 24, "w+", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(record[name]) for name in columns] for record in records)
        text.seek(0)
        while block := text.read(1 << 20):
            file.write(block.encode())


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return str(value)


def _parquet(file: IO[bytes], columns: Sequence[str], records: Sequence[Record]) -> None:
    arrays = [_array(name, [record[name] for record in records]) for name in columns]
    pq.write_table(pa.table(dict(zip(columns, arrays, strict=True))), file, compression="zstd")


def _array(name: str, values: list[object]) -> pa.Array[pa.Scalar[pa.DataType]]:
    if name in _FLAGS:
        return pa.array(values, pa.bool_())
    if name in _FLOATS:
        return pa.array(values, pa.float64())
    if name == "alarm_ids":
        return pa.array(values, pa.list_(pa.string()))
    if all(isinstance(value, int) for value in values) and values:
        return pa.array(values, pa.int64())
    return pa.array([None if value is None else _cell(value) for value in values], pa.string())
