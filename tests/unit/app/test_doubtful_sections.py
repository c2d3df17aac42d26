"""Sections whose speeding alarms mostly come back as false."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from monitor.app.doubtful_sections import (
    DoubtfulSection,
    DoubtSettings,
    Verdict,
    doubtful_sections,
    read_sections,
    read_verdicts,
)
from monitor.errors import ReportFileError
from monitor.model.alarm import Transition
from monitor.model.evidence import AlarmEvidence, Clocks, Evidence, LimitFacts

DONE, FALSE = Verdict.DONE, Verdict.FALSE_ALARM


def pairs(**of_section: list[Verdict]) -> list[tuple[str, Verdict]]:
    return [(section, verdict) for section, verdicts in of_section.items() for verdict in verdicts]


@pytest.mark.parametrize(
    ("verdicts", "is_doubtful"),
    [
        ([FALSE] * 3 + [DONE] * 3, True),
        ([FALSE] * 3 + [DONE] * 4, False),
        ([FALSE] * 4, False),
        ([FALSE] * 5, True),
        ([FALSE] * 4 + [Verdict.IN_PROGRESS, Verdict.LATER], False),
        ([FALSE] * 3 + [DONE] * 2 + [Verdict.LATER] * 9, True),
        ([FALSE] * 3 + [Verdict.NO_ACTION] * 4, False),
    ],
    ids=[
        "exactly half of six",
        "less than half",
        "four say nothing yet",
        "five do",
        "what is not judged does not make it five",
        "nor does it make the share smaller",
        "no action is a judgement",
    ],
)
def test_from_five_judged_alarms_and_half_of_them_false(verdicts: list[Verdict], is_doubtful: bool) -> None:
    assert bool(doubtful_sections(pairs(S1=verdicts))) == is_doubtful


def test_bounds_are_settings() -> None:
    found = pairs(S1=[FALSE, DONE, DONE])
    assert doubtful_sections(found) == ()
    assert doubtful_sections(found, DoubtSettings(least_alarms=3, least_false_share=0.3)) == (
        DoubtfulSection("S1", 3, 1),
    )


def test_the_most_false_alarms_come_first() -> None:
    found = doubtful_sections(pairs(A=[FALSE] * 5, B=[FALSE] * 7 + [DONE] * 5, C=[FALSE] * 5 + [DONE]))
    assert [(section.section_id, section.alarms, section.false_alarms) for section in found] == [
        ("B", 12, 7),
        ("A", 5, 5),
        ("C", 6, 5),
    ]
    assert found[0].false_share == pytest.approx(7 / 12)


def test_alarms_off_the_known_sections_are_of_none() -> None:
    assert doubtful_sections([("", FALSE)] * 9) == ()


def test_verdicts_are_codes_or_words_and_the_last_one_holds(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    path.write_bytes(
        "alarm_id,handler,result\na1,张,误报\na2,张,1\na1,李,已处理\na3,李,对\n\n,李,4\na4,王,false_alarm\n".encode(
            "gb18030"
        )
    )
    found = read_verdicts(path)
    assert dict(found.verdicts) == {"a1": DONE, "a2": DONE, "a4": FALSE}
    assert found.bad_lines == (5, 7)


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    path.write_text("id,verdict\n")
    with pytest.raises(ReportFileError, match="no columns alarm_id and result"):
        read_verdicts(path)


def line(alarm_id: str, rule: str, section_id: str) -> bytes:
    bare = Evidence(alarm_id, 1, Transition.RAISED, Clocks("t", "t"), "general", "certain")
    full = msgspec.structs.replace(bare, sequence=2, limit=LimitFacts(value=60.0, section_id=section_id))
    return msgspec.json.encode(AlarmEvidence({"alarm_id": alarm_id, "rule": rule}, (bare, full))) + b"\n"


def test_the_section_of_a_speeding_alarm_is_in_its_evidence(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    path.write_bytes(line("a1", "speeding", "S1") + line("a2", "fatigue", "S1") + line("a3", "speeding", ""))
    assert list(read_sections(path)) == [("a1", "S1"), ("a3", "")]


def test_a_line_that_is_no_evidence_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    path.write_text('{"alarm_id": "a1"}\n')
    with pytest.raises(ReportFileError, match="line 1 is no alarm with evidence"):
        list(read_sections(path))
