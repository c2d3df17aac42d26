"""Sections whose speeding alarms mostly come back as false: their limit or their line is probably wrong.

What people found of an alarm is a result code of the rulebook (§2.5). Only what was found counts: an alarm that is
still being handled, or put off, says nothing of its section.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from monitor.app.road_import.words import read_text
from monitor.errors import ReportFileError
from monitor.model.evidence import AlarmEvidence, Evidence


class Verdict(IntEnum):
    """Result of handling an alarm (rulebook §2.5, seen in practice)."""

    IN_PROGRESS = 0
    DONE = 1
    NO_ACTION = 2
    LATER = 3
    FALSE_ALARM = 4


JUDGED = frozenset({Verdict.DONE, Verdict.NO_ACTION, Verdict.FALSE_ALARM})
"""Verdicts that say whether the alarm was right."""
RULE = "speeding"

_WORDS: Mapping[str, Verdict] = {
    **{str(int(verdict)): verdict for verdict in Verdict},
    **{verdict.name.lower(): verdict for verdict in Verdict},
    "处理中": Verdict.IN_PROGRESS,
    "已处理": Verdict.DONE,
    "不作处理": Verdict.NO_ACTION,
    "将来处理": Verdict.LATER,
    "误报": Verdict.FALSE_ALARM,
}


class DoubtSettings(BaseModel):
    """When a section is doubtful."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_alarms: int = Field(default=5, ge=1, description="judged alarms below which nothing is said of a section (D)")
    least_false_share: float = Field(
        default=0.5, gt=0.0, le=1.0, description="share of false alarms from which a section is doubtful (D)"
    )


@dataclass(frozen=True, slots=True)
class DoubtfulSection:
    """A section with its judged alarms, and how many of them were false."""

    section_id: str
    alarms: int
    false_alarms: int

    @property
    def false_share(self) -> float:
        return self.false_alarms / self.alarms


def doubtful_sections(
    verdicts: Iterable[tuple[str, Verdict]], settings: DoubtSettings | None = None
) -> tuple[DoubtfulSection, ...]:
    """Doubtful sections of (section id, verdict on one of its alarms), the most false alarms first."""
    bounds = settings or DoubtSettings()
    judged: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for section_id, verdict in verdicts:
        if section_id and verdict in JUDGED:
            judged[section_id] += 1
            false[section_id] += verdict is Verdict.FALSE_ALARM
    found = [
        DoubtfulSection(section_id, n, false[section_id])
        for section_id, n in judged.items()
        if n >= bounds.least_alarms and false[section_id] >= bounds.least_false_share * n
    ]
    return tuple(sorted(found, key=lambda section: (-section.false_alarms, -section.false_share, section.section_id)))


@dataclass(frozen=True, slots=True)
class VerdictFile:
    """What people found, by alarm; the last line about an alarm holds. ``bad_lines`` were not understood."""

    verdicts: Mapping[str, Verdict]
    bad_lines: tuple[int, ...]


def read_verdicts(path: Path) -> VerdictFile:
    """A CSV of ``alarm_id,result``; a result is a code or a word. Raises ReportFileError."""
    rows = csv.reader(io.StringIO(read_text(path)))
    headings = [heading.strip().lower() for heading in next(rows, [])]
    if "alarm_id" not in headings or "result" not in headings:
        raise ReportFileError(path=str(path), reason="has no columns alarm_id and result")
    key, result = headings.index("alarm_id"), headings.index("result")
    verdicts: dict[str, Verdict] = {}
    bad: list[int] = []
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        alarm_id = row[key].strip() if key < len(row) else ""
        verdict = _WORDS.get(row[result].strip().lower()) if result < len(row) else None
        if not alarm_id or verdict is None:
            bad.append(number)
            continue
        verdicts[alarm_id] = verdict
    return VerdictFile(verdicts, tuple(bad))


def section_of(pieces: Iterable[Evidence]) -> str:
    """The section where a speeding alarm began, by its evidence; empty where it was on none."""
    for piece in pieces:
        if piece.limit is not None and piece.limit.section_id and (piece.rule is None or piece.rule.name == RULE):
            return piece.limit.section_id
    return ""


def read_sections(path: Path) -> Iterator[tuple[str, str]]:
    """(alarm id, section id) of the speeding alarms of an evidence file. Raises ReportFileError."""
    decoder = msgspec.json.Decoder(AlarmEvidence)
    for number, line in enumerate(read_text(path, "utf-8").splitlines(), 1):
        try:
            found = decoder.decode(line)
        except msgspec.DecodeError as error:
            reason = f"line {number} is no alarm with evidence: {error}"
            advice = "Make the file with monitor replay --evidence FILE.jsonl."
            raise ReportFileError(path=str(path), reason=reason, advice=advice) from error
        if found.alarm.get("rule") == RULE:
            yield str(found.alarm.get("alarm_id")), section_of(found.evidence)
