"""Truth against alarms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from monitor.errors import ReportFileError
from monitor.model.beijing import iso
from simulators.score import AlarmRow, read_alarms, score
from simulators.truth import TruthEpisode

T0 = 1_772_380_800_000
MINUTE = 60_000


def truth(
    onset: int,
    end: int | None,
    *,
    expected: bool = True,
    near: bool = False,
    grade: str = "notice",
    rule: str = "speeding",
) -> TruthEpisode:
    return TruthEpisode(
        "V1",
        rule,
        T0 + onset * MINUTE,
        None if end is None else T0 + end * MINUTE,
        grade=grade,
        expected=expected,
        near_boundary=near,
    )


def alarm(
    onset: float, end: float | None, *, grade: str = "notice", state: str = "cleared", rule: str = "speeding"
) -> AlarmRow:
    return AlarmRow(
        rule=rule,
        vehicle_id="V1",
        onset=iso(T0 + round(onset * MINUTE)),
        end=None if end is None else iso(T0 + round(end * MINUTE)),
        grade=grade,
        state=state,
    )


def test_a_found_episode_counts_its_delay_and_its_grade() -> None:
    line = score([truth(0, 10)], [alarm(0.5, 10, grade="major")]).total
    assert (line.expected, line.found, line.false, line.precision, line.recall) == (1, 1, 0, 1.0, 1.0)
    assert line.delay_median_s == 30
    assert (line.grade_errors, line.grades_compared) == (1, 1)


def test_less_than_half_an_overlap_is_both_missed_and_false() -> None:
    line = score([truth(0, 10)], [alarm(6, 16)]).total
    assert (line.missed, line.false) == (1, 1)


def test_two_alarms_for_one_episode_are_one_split() -> None:
    line = score([truth(0, 10)], [alarm(0, 5), alarm(5, 10)]).total
    assert (line.found, line.split, line.false) == (1, 1, 0)


@pytest.mark.parametrize("second", [alarm(5, 18), alarm(5, None), alarm(-6, 4), alarm(5, 10, rule="fatigue")])
def test_an_alarm_that_reaches_out_of_the_episode_is_no_part_of_it(second: AlarmRow) -> None:
    line = score([truth(0, 10)], [alarm(0, 5), second]).total
    assert (line.found, line.split, line.false) == (1, 0, 1)


def test_kinds_are_counted_apart() -> None:
    rows = [replace(truth(0, 10, rule="fatigue"), kind=kind) for kind in ("day", "night")]
    said = msgspec.structs.replace(alarm(0, 10, rule="fatigue"), kind="night")
    result = score(rows, [said])
    assert [(line.rule, line.expected, line.found) for line in result.rules] == [("fatigue", 2, 1)]
    assert [(line.kind, line.expected, line.found) for line in result.kinds] == [("day", 1, 0), ("night", 1, 1)]


def test_an_alarm_of_a_near_miss_is_false_and_says_so() -> None:
    result = score([truth(0, 10, expected=False)], [alarm(0, 10)])
    assert result.total.false == 1
    assert result.remarks[0].note.startswith("near miss")


@pytest.mark.parametrize("expected", [True, False])
def test_at_the_boundary_either_verdict_is_right(expected: bool) -> None:
    row = truth(0, 10, expected=expected, near=True)
    found, missed = score([row], [alarm(0, 10)]).total, score([row], []).total
    assert (found.precision, found.recall, found.boundary, found.boundary_found) == (1.0, 1.0, 1, 1)
    assert (missed.precision, missed.recall, missed.boundary, missed.boundary_found) == (1.0, 1.0, 1, 0)


def test_withdrawn_and_merged_alarms_say_nothing() -> None:
    alarms = [alarm(0, 10), alarm(30, 40, state="withdrawn"), alarm(50, 60, state="merged")]
    assert score([truth(0, 10)], alarms).total.false == 0


def test_what_still_lasts_matches_what_still_lasts() -> None:
    assert score([truth(0, None)], [alarm(2, None)]).total.found == 1


def test_rules_are_scored_apart_and_may_be_chosen() -> None:
    rows = [truth(0, 10), truth(0, 10, rule="track_gap")]
    result = score(rows, [alarm(0, 10)])
    assert [(line.rule, line.recall) for line in result.rules] == [("speeding", 1.0), ("track_gap", 0.0)]
    assert score(rows, [alarm(0, 10)], ["speeding"]).total.recall == 1.0


def test_alarms_are_read_from_every_form(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "alarm_id,rule,kind,vehicle_id,grade,onset,end,state\n"
        "1,offline,lost,V1,notice,2026-03-02T00:00:00+08:00,,active\n",
        encoding="utf-8",
    )
    (row,) = read_alarms(tmp_path / "a.csv")
    assert (row.interval().kind, row.interval().end_ms) == ("lost", None)


def test_a_bad_alarm_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "alarms.jsonl"
    path.write_text('{"rule": "speeding"}\n', encoding="utf-8")
    with pytest.raises(ReportFileError, match=r"alarms\.jsonl: row 1"):
        read_alarms(path)
    with pytest.raises(ReportFileError):
        read_alarms(tmp_path / "absent.csv")


def test_an_alarm_that_only_touches_an_episode_at_the_boundary_is_not_false() -> None:
    near = [truth(0, 1, near=True)]
    assert score(near, [alarm(0.9, 4)]).total.false == 0
    assert score(near, [alarm(2.9, 6)]).total.false == 0
    assert score(near, [alarm(3.1, 6)]).total.false == 1
