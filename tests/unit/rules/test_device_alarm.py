"""Device alarms at their boundaries: same second, sent again, settings, our own pause, fences."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from monitor.app.live_pipeline import LivePipeline
from monitor.app.pipeline import Pipeline, StepResult
from monitor.app.snapshot_state import restore, save, write
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.row_layout import part_bytes
from monitor.errors import ConfigError
from monitor.model.alarm import EndReason, Grade, Transition
from monitor.model.alarm_bits import ALARM_BITS, AlarmBit, alarm_word
from monitor.model.fleet import VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from monitor.store.snapshot import read_latest
from tests.traces import LAT_DEG, ORIGIN_LON_DEG, START_MS, batch_of, registry_of

RULES = load_rules()
EMERGENCY = alarm_word(AlarmBit.EMERGENCY)
POWER = alarm_word(AlarmBit.POWER_LOST)
DAY_S = 86_400
Said = tuple[str, str, float, float | None]


def pipeline(**settings: object) -> Pipeline:
    layers = RuleLayers(rules={"device_alarm": dict(settings)})
    made = Pipeline(Engine(RULES, ParameterTable(RULES, layers)))
    made.engine.apply_registry(registry_of([VehicleClass.HAZMAT]))
    return made


def reports(batch: ReportBatch) -> JournalRecord:
    judge(batch.rows, None)
    return JournalRecord(1, RecordType.REPORTS, 0, batch)


def tick(at_s: float, *, resumed: bool = False, paused_s: float = 0) -> JournalRecord:
    ms = START_MS + round(at_s * 1000)
    return JournalRecord(2, RecordType.TICK, ms, resumed=resumed, paused_ms=START_MS + round(paused_s * 1000))


def said(*steps: StepResult) -> list[Said]:
    """Transition, kind, onset and end (s after the start) of each change of a device alarm."""
    return [
        (
            one.transition.value,
            one.alarm.kind,
            (one.alarm.onset_ms - START_MS) / 1000,
            None if one.alarm.end_ms is None else (one.alarm.end_ms - START_MS) / 1000,
        )
        for step in steps
        for one in step.changes
        if one.alarm.rule == "device_alarm"
    ]


def heard(at_s: Sequence[float], words: Sequence[int], *, received_s: Sequence[float] | None = None) -> list[Said]:
    return said(pipeline().take(reports(batch_of(at_s, alarm=words, recv_s=received_s))))


RAISED = ("raised", "emergency", 30.0, None)


def test_an_emergency_in_the_second_of_a_timed_report_is_not_lost() -> None:
    assert heard([0, 30, 30, 60], [0, 0, EMERGENCY, 0]) == [RAISED, ("cleared", "emergency", 30.0, 60.0)]


def test_a_second_report_of_one_time_ends_nothing() -> None:
    assert heard([0, 30, 30], [0, EMERGENCY, 0]) == [RAISED]


def test_sent_again_at_once_it_changes_nothing() -> None:
    assert heard([0, 30, 30, 30], [0, EMERGENCY, EMERGENCY, EMERGENCY]) == [RAISED]


def test_sent_again_when_it_was_over_it_begins_nothing() -> None:
    words = [0, EMERGENCY, 0, EMERGENCY]
    assert heard([0, 30, 60, 30], words, received_s=[0, 30, 60, 61]) == [RAISED, ("cleared", "emergency", 30.0, 60.0)]


@pytest.mark.parametrize(("after_s", "n"), [(300, 1), (301, 0)], ids=["within five minutes", "later"])
def test_a_report_of_the_newest_time_belongs_to_it_for_five_minutes(after_s: int, n: int) -> None:
    assert len(heard([0, 30, 30], [0, 0, EMERGENCY], received_s=[0, 30, 30 + after_s])) == n


def test_a_report_older_than_the_newest_says_nothing_of_the_present() -> None:
    assert heard([0, 30, 60, 45], [0, 0, 0, EMERGENCY], received_s=[0, 30, 60, 61]) == []


def test_a_report_of_an_impossible_time_neither_begins_nor_ends() -> None:
    words = [0, EMERGENCY, EMERGENCY, 0]
    assert heard([0, 30, 9_000_000, 9_000_000], words, received_s=[0, 30, 60, 90]) == [RAISED]


def test_every_bit_can_be_judged_and_has_its_grade() -> None:
    serious, major = {"emergency"}, {"gnss_antenna_cut", "gnss_antenna_short", "power_lost"}
    for bit in ALARM_BITS:
        step = pipeline(bits=[bit.value], mask=0xFFFF_FFFF).take(reports(batch_of([0], alarm=[0xFFFF_FFFF])))
        (change,) = (one for one in step.changes if one.alarm.rule == "device_alarm")
        expected = Grade.SERIOUS if bit in serious else Grade.MAJOR if bit in major else Grade.NOTICE
        assert (change.alarm.kind, change.alarm.grade) == (bit.value, expected)


def test_twelve_bits_can_be_open_at_once() -> None:
    judged = ALARM_BITS[8:20]
    made = pipeline(bits=[bit.value for bit in judged])
    found = said(*(made.take(reports(batch_of([at_s], alarm=[word]))) for at_s, word in ((0, 0xFFFF_FFFF), (9, 0))))
    assert [kind for what, kind, *_ in found if what == "raised"] == list(judged)
    assert [kind for what, kind, *_ in found if what == "cleared"] == list(judged)


@pytest.mark.parametrize(
    ("mask", "kinds"),
    [(0x1FFC0FFF, []), (0xFFFC7FFF, ["collision", "illegal_door"]), (0x7FFFFFFF, ["tyre_pressure", "collision"])],
    ids=["2011", "2013", "2019"],
)
def test_the_mask_leaves_out_what_an_edition_reserves(mask: int, kinds: list[str]) -> None:
    made = pipeline(bits=["tyre_pressure", "collision", "illegal_door"], mask=mask)
    assert [kind for _, kind, *_ in said(made.take(reports(batch_of([0], alarm=[0xFFFF_FFFF]))))] == kinds


@pytest.mark.parametrize(
    "settings",
    [{"bits": ["klaxon"]}, {"bits": [bit.value for bit in ALARM_BITS[:13]]}, {"mask": -1}, {"silence_s": 0}],
    ids=["an unknown bit", "more than twelve", "a mask below 0", "no silence"],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="device_alarm"):
        ParameterTable(RULES, RuleLayers(rules={"device_alarm": settings}))


def test_a_bit_that_is_no_longer_judged_ends_with_the_next_report() -> None:
    made = pipeline()
    made.take(reports(batch_of([0, 30], alarm=[0, EMERGENCY])))
    made.engine.fleet.apply_parameters(
        ParameterTable(RULES, RuleLayers(rules={"device_alarm": {"bits": ["power_lost"]}}))
    )
    (change,) = made.take(reports(batch_of([60], alarm=[EMERGENCY]))).changes
    assert (change.transition, change.alarm.end_reason) == (Transition.CLEARED, EndReason.DATA_ENDED)


def test_it_takes_some_hundred_bytes_of_a_vehicles_row() -> None:
    assert part_bytes(Engine(RULES).fleet.rows.dtype, "device_alarm") <= 100


@pytest.mark.parametrize(
    ("at_s", "ended"), [(30 + DAY_S, False), (30 + DAY_S + 1, True)], ids=["a day", "more than a day"]
)
def test_more_than_a_day_of_silence_ends_it_at_the_last_report(at_s: int, ended: bool) -> None:
    made = pipeline()
    steps = [made.take(reports(batch_of([0, 30], alarm=[POWER, POWER]))), made.take(tick(at_s))]
    assert said(*steps)[1:] == ([("cleared", "power_lost", 0.0, 30.0)] if ended else [])


def test_silence_of_ours_is_no_silence_of_the_terminal() -> None:
    made = pipeline()
    made.take(reports(batch_of([0, 30], alarm=[0, POWER])))
    back_s = 3 * DAY_S
    assert said(made.take(tick(back_s, resumed=True, paused_s=3_600))) == []
    assert said(made.take(reports(batch_of([back_s + 60], alarm=[POWER])))) == []
    assert said(made.take(tick(back_s + 3_600))) == []


def test_after_our_pause_it_ends_when_nothing_comes_within_the_grace() -> None:
    made = pipeline()
    made.take(reports(batch_of([0, 30], alarm=[0, POWER])))
    back_s = 3 * DAY_S
    made.take(tick(back_s, resumed=True, paused_s=3_600))
    assert said(made.take(tick(back_s + 1_800))) == []
    assert said(made.take(tick(back_s + 1_801))) == [("cleared", "power_lost", 30.0, 30.0)]


def fence(kind: str = "depot") -> bytes:
    west, east, south, north = ORIGIN_LON_DEG - 0.01, ORIGIN_LON_DEG + 0.01, LAT_DEG - 0.01, LAT_DEG + 0.01
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "id": "D1", "properties": {"kind": kind}, "geometry": shape}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def fences(payload: bytes) -> JournalRecord:
    return JournalRecord(3, RecordType.FENCES, 0, payload=payload)


def test_a_record_comes_out_of_the_pipeline_and_no_alarm() -> None:
    made = pipeline()
    made.take(fences(fence()))
    step = made.take(reports(batch_of([0, 30, 60], alarm=[0, POWER, 0], acc=0)))
    assert said(step) == []
    assert [(one.kind, one.vehicle_id, one.at_ms, one.fence_id) for one in step.records] == [
        ("power_lost", "V0", START_MS + 30_000, "D1")
    ]


@pytest.mark.parametrize(
    "places", [(), (1,), (1, 2, 3, 4, 5), (4,)], ids=["one batch", "after the first", "one by one", "in the middle"]
)
def test_with_fences_the_size_of_batches_changes_nothing(places: tuple[int, ...]) -> None:
    whole = batch_of(
        [0, 30, 60, 90, 120, 150],
        alarm=[0, POWER, POWER, POWER, POWER, 0],
        acc=[0, 0, 0, 1, 1, 0],
        east_m=[0, 0, 0, 0, 2_000, 2_300],
        n_vehicles=1,
    )
    made = pipeline()
    made.take(fences(fence("loading")))
    parts = np.split(np.arange(len(whole)), list(places))
    steps = [made.take(reports(ReportBatch(whole.keys, whole.rows[part], whole.drivers))) for part in parts]
    assert said(*steps) == [("raised", "power_lost", 90.0, None), ("cleared", "power_lost", 90.0, 150.0)]
    assert [one.at_ms for step in steps for one in step.records] == [START_MS + 30_000]


def test_without_a_position_nobody_knows_that_it_is_in_the_depot() -> None:
    made = pipeline()
    made.take(fences(fence()))
    step = made.take(reports(batch_of([0, 30], alarm=[0, POWER], acc=0, positioned=[True, False])))
    assert said(step) == [("raised", "power_lost", 30.0, None)]


def test_fences_that_cannot_be_read_leave_those_in_force(caplog: pytest.LogCaptureFixture) -> None:
    made = pipeline()
    made.take(fences(fence()))
    with caplog.at_level(logging.WARNING):
        made.take(fences(b"{}"))
    assert "the fences stay as they were" in caplog.text
    assert made.take(reports(batch_of([0], alarm=[POWER], acc=0))).records


def test_a_snapshot_holds_the_fences_and_the_open_record(tmp_path: Path) -> None:
    first, second = (LivePipeline(RULES, RuleLayers()) for _ in "ab")
    for record in (fences(fence()), reports(batch_of([0, 30], alarm=[0, POWER], acc=0))):
        first.take(record)
    write(tmp_path, save(first, 2))
    snapshot = read_latest(tmp_path)
    assert snapshot is not None
    restore(second, snapshot)
    for live in (first, second):
        step = live.take(reports(batch_of([60, 90, 120], alarm=[POWER, 0, POWER], acc=0)))
        assert step.changes == ()
        assert [one.at_ms for one in step.records] == [START_MS + 120_000]
