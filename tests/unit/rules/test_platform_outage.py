"""A platform falls silent, or a link to one goes down; files, pauses of ours and parked fleets never look like it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from monitor.alarms.pushing import PushGate, Verdict
from monitor.app.pipeline import Pipeline, StepResult
from monitor.app.replay import replay_batch
from monitor.engine.engine import Engine
from monitor.engine.snapshot import restore_snapshot, take_snapshot
from monitor.model.alarm import AlarmState, EndReason, Grade, Subject, Transition
from monitor.model.exchange import Channel, LinkEvent
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.rules import load_rules
from tests.traces import START_MS, batch_of

NAMES = ("offline", "offline_displacement", "platform_outage", "track_gap")
RULES = tuple(rule for rule in load_rules() if rule.name in NAMES)
MINUTE_S = 60
DAY_S = 86_400


class Fleet:
    """A journal being written, minute by minute: ``n`` vehicles on each of the platforms ``A`` and ``B``."""

    def __init__(self, n: int = 10) -> None:
        self.n = n
        self.now_s = 0
        self.pipeline = Pipeline(Engine(RULES))
        self.gate = PushGate()
        self.records: list[JournalRecord] = []
        self.results: list[StepResult] = []
        self.pushed: list[tuple[str, str, Transition]] = []

    def take(self, record: JournalRecord) -> None:
        self.records.append(record)
        result = self.pipeline.take(record)
        self.results.append(result)
        verdicts = self.gate.verdicts(result.changes, result.clock_ms)
        for change, verdict in zip(result.changes, verdicts, strict=True):
            if verdict is Verdict.PUSH:
                who = change.alarm.vehicle_id or change.alarm.platform
                self.pushed.append((who, change.alarm.rule, change.transition))

    def report(
        self, platforms: str = "AB", speed_kmh: float = 60.0, *, vehicles: list[int] | None = None, lag_s: int = 0
    ) -> None:
        chosen = list(range(self.n)) if vehicles is None else vehicles
        for platform in platforms:
            keys = [("AB".index(platform)) * self.n + vehicle for vehicle in chosen]
            batch = batch_of(
                [self.now_s - lag_s] * len(keys),
                recv_s=[self.now_s] * len(keys),
                east_m=[self.now_s * speed_kmh / 3.6 + 7 * key for key in keys],
                speed_kmh=speed_kmh,
                vehicle=keys,
                n_vehicles=2 * self.n,
            )
            batch.rows["source"] = 0
            self.take(JournalRecord(0, RecordType.REPORTS, 0, replace(batch, sources=(platform,))))

    def tick(self, *, resumed_after_s: int = 0) -> None:
        clock_ms = START_MS + self.now_s * 1000
        paused_ms = clock_ms - resumed_after_s * 1000 if resumed_after_s else 0
        self.take(JournalRecord(0, RecordType.TICK, clock_ms, resumed=resumed_after_s > 0, paused_ms=paused_ms))

    def minutes(self, n: int, platforms: str = "AB", speed_kmh: float = 60.0) -> None:
        for _ in range(n):
            self.now_s += MINUTE_S
            self.report(platforms, speed_kmh)
            self.tick()

    def link(self, up: bool, channel: Channel = Channel.MAIN, link: str = "link-a", platform: str = "A") -> None:
        clock_ms = START_MS + self.now_s * 1000
        event = LinkEvent(link, channel, up, clock_ms, platform=platform)
        self.take(JournalRecord(0, RecordType.LINK, clock_ms, payload=msgspec.json.encode(event)))

    def restart(self) -> None:
        state, book, pushed = take_snapshot(self.pipeline.engine), self.pipeline.book.snapshot(), self.gate.snapshot()
        self.pipeline, self.gate = Pipeline(Engine(RULES)), PushGate()
        restore_snapshot(self.pipeline.engine, state, None)
        self.pipeline.book.restore(book)
        self.gate.restore(pushed)

    def outages(self) -> list[tuple[str, str, float, float]]:
        """Platform, transition, seconds of its figure (onset or end), minute at which it was found."""
        found = []
        for result in self.results:
            for change in result.changes:
                alarm = change.alarm
                if alarm.rule == "platform_outage":
                    figure_ms = alarm.onset_ms if alarm.end_ms is None else alarm.end_ms
                    at_s = (change.at_ms - START_MS) / 1000
                    found.append((alarm.platform, change.transition.value, (figure_ms - START_MS) / 1000, at_s))
        return found

    def changes(self, rule: str, vehicle: str) -> list[tuple[Transition, bool]]:
        """Transitions of a vehicle's alarms, each with whether something inhibits it."""
        return [
            (change.transition, bool(change.alarm.inhibited_by))
            for result in self.results
            for change in result.changes
            if change.alarm.rule == rule and change.alarm.vehicle_id == vehicle
        ]


def test_ten_driving_vehicles_that_fall_silent_together_are_an_outage_from_five_minutes_on() -> None:
    fleet = Fleet()
    fleet.minutes(5)
    fleet.minutes(4, "B")
    assert fleet.outages() == []
    fleet.minutes(3, "B")
    assert fleet.outages() == [("A", "raised", 300.0, 600.0)]
    fleet.now_s += 20
    fleet.report("A", vehicles=[3])
    fleet.now_s += 10
    fleet.report("AB")
    fleet.minutes(12)
    assert fleet.outages() == [("A", "raised", 300.0, 600.0), ("A", "cleared", 740.0, 740.0)]
    alarm = next(c.alarm for r in reversed(fleet.results) for c in r.changes if c.alarm.rule == "platform_outage")
    assert (alarm.subject, alarm.vehicle_id, alarm.plate, alarm.grade) == (Subject.PLATFORM, "", "", Grade.MAJOR)
    assert (alarm.state, alarm.end_reason) == (AlarmState.CLEARED, EndReason.CONTACT_RETURNED)
    assert alarm.peak == pytest.approx(440 / 60, abs=1e-3)
    assert alarm.limit == 5.0


def test_nine_vehicles_are_too_few() -> None:
    fleet = Fleet(9)
    fleet.minutes(5)
    fleet.minutes(30, "")
    assert fleet.outages() == []


def test_a_source_whose_vehicles_stood_has_nothing_to_say() -> None:
    fleet = Fleet(30)
    fleet.minutes(5)
    fleet.minutes(11, speed_kmh=0.0)
    fleet.minutes(600, "")
    assert fleet.outages() == []


def test_who_still_reports_shows_that_the_platform_works() -> None:
    fleet = Fleet(20)
    fleet.minutes(5)
    for _ in range(30):
        fleet.minutes(1, "B")
        fleet.report("A", 0.0, vehicles=[0])
    assert fleet.outages() == []


def test_a_pause_of_ours_is_nobodys_outage() -> None:
    fleet = Fleet()
    fleet.minutes(10)
    fleet.now_s += 3_600
    fleet.tick(resumed_after_s=3_600)
    fleet.minutes(2, "")
    fleet.minutes(10)
    assert fleet.outages() == []


def test_a_platform_that_died_while_we_paused_shows_when_our_grace_is_over() -> None:
    fleet = Fleet()
    fleet.minutes(10)
    fleet.now_s += 3_600
    fleet.tick(resumed_after_s=3_600)
    fleet.minutes(29, "B")
    assert fleet.outages() == []
    fleet.minutes(3, "B")
    assert fleet.outages() == [("A", "raised", 600.0, 600.0 + 3_600 + 1_800)]


def test_a_file_is_never_a_platform() -> None:
    fleet = Fleet(30)
    fleet.minutes(10)
    rows = np.concatenate([r.batch.rows for r in fleet.records if r.batch is not None])
    batch = ReportBatch(tuple(f"V{i}" for i in range(60)), rows, (), ("A",))
    until_ms = START_MS + 40 * DAY_S * 1000
    for as_received in (False, True):
        found = replay_batch(batch, until_ms=until_ms, now_ms=until_ms, as_received=as_received)
        assert [alarm for alarm in found.alarms if alarm.rule == "platform_outage"] == []
        assert any(alarm.rule == "offline" for alarm in found.alarms)


def test_a_link_down_for_five_minutes_is_an_outage_without_a_vehicle() -> None:
    fleet = Fleet(1)
    fleet.link(True)
    fleet.minutes(5)
    fleet.link(False)
    fleet.minutes(7, "B")
    fleet.link(True)
    fleet.minutes(1)
    assert fleet.outages() == [("A", "raised", 300.0, 600.0), ("A", "cleared", 720.0, 720.0)]


def test_a_link_is_up_while_its_sub_channel_is() -> None:
    fleet = Fleet(1)
    fleet.link(True)
    fleet.link(True, Channel.SUB)
    fleet.minutes(5)
    fleet.link(False)
    fleet.minutes(20)
    assert fleet.outages() == []
    fleet.link(False, Channel.SUB)
    fleet.minutes(6)
    assert [found[:2] for found in fleet.outages()] == [("A", "raised")]


def test_a_platform_with_two_links_is_out_when_both_are() -> None:
    fleet = Fleet(1)
    fleet.link(True)
    fleet.link(True, link="other")
    fleet.minutes(1)
    fleet.link(False)
    fleet.minutes(9, "B")
    assert fleet.outages() == []
    fleet.link(False, link="other")
    fleet.minutes(6, "B")
    assert fleet.outages() == [("A", "raised", 600.0, 900.0)]


def test_a_short_break_of_a_link_is_none() -> None:
    fleet = Fleet(1)
    for _ in range(5):
        fleet.link(True)
        fleet.minutes(5)
        fleet.link(False)
        fleet.minutes(4, "B")
    assert fleet.outages() == []


def test_a_link_that_comes_back_between_two_ticks_was_down_all_the_same() -> None:
    fleet = Fleet(1)
    fleet.link(True)
    fleet.minutes(5)
    fleet.link(False)
    fleet.minutes(4, "B")
    fleet.now_s += 70
    fleet.link(True)
    assert fleet.outages() == [("A", "raised", 300.0, 600.0), ("A", "cleared", 610.0, 610.0)]


def test_both_causes_are_one_alarm_that_ends_with_the_last_of_them() -> None:
    fleet = Fleet()
    fleet.link(True)
    fleet.minutes(5)
    fleet.link(False)
    fleet.minutes(8, "B")
    fleet.link(True)
    fleet.minutes(2, "B")
    assert fleet.outages() == [("A", "raised", 300.0, 600.0)]
    fleet.minutes(1)
    assert fleet.outages()[1:] == [("A", "cleared", 960.0, 960.0)]


def test_absences_within_an_outage_are_kept_and_not_pushed() -> None:
    fleet = Fleet()
    fleet.minutes(5)
    fleet.minutes(25 * 60, "B")
    assert fleet.changes("offline", "V3") == [(Transition.RAISED, True)]
    assert ("V3", "offline", Transition.RAISED) not in fleet.pushed
    assert ("A", "platform_outage", Transition.RAISED) in fleet.pushed
    fleet.minutes(11)
    assert fleet.changes("offline", "V3") == [(Transition.RAISED, True), (Transition.CLEARED, True)]
    assert [found for found in fleet.pushed if found[1] == "offline"] == []


@pytest.mark.parametrize("restarts", [False, True], ids=["in one life", "with restarts"])
def test_absences_still_true_after_the_outage_are_pushed(restarts: bool) -> None:
    fleet = Fleet(12)
    fleet.minutes(5)
    fleet.minutes(25 * 60, "B")
    if restarts:
        fleet.restart()
    for _ in range(9):
        fleet.minutes(1, "B")
        fleet.report("A", vehicles=list(range(2, 12)))
    assert fleet.changes("offline", "V0") == [(Transition.RAISED, True)]
    if restarts:
        fleet.restart()
    for _ in range(4):
        fleet.minutes(1, "B")
        fleet.report("A", vehicles=list(range(2, 12)))
    released = [(Transition.RAISED, True), (Transition.UPDATED, False)]
    assert fleet.changes("offline", "V0") == released
    assert sorted(found for found in fleet.pushed if found[1] == "offline") == [
        ("V0", "offline", Transition.UPDATED),
        ("V1", "offline", Transition.UPDATED),
    ]
    fleet.minutes(1)
    assert fleet.changes("offline", "V0") == [*released, (Transition.CLEARED, False)]
    assert ("V0", "offline", Transition.CLEARED) in fleet.pushed


def test_an_outage_again_before_the_release_takes_over_what_it_explains() -> None:
    fleet = Fleet(12)
    fleet.minutes(5)
    fleet.minutes(25 * 60, "B")
    fleet.report("A", vehicles=list(range(1, 12)))
    fleet.minutes(30, "B")
    assert [found[1] for found in fleet.outages()] == ["raised", "cleared", "raised"]
    assert fleet.changes("offline", "V0") == [(Transition.RAISED, True), (Transition.UPDATED, True)]
    assert [found for found in fleet.pushed if found[1] == "offline"] == []


def test_who_was_absent_before_the_outage_is_not_explained_by_it() -> None:
    fleet = Fleet(12)
    fleet.minutes(5)
    for _ in range(11):
        fleet.minutes(1, "B")
        fleet.report("A", vehicles=list(range(1, 12)))
    fleet.minutes(25 * 60, "B")
    assert fleet.changes("offline", "V0") == [(Transition.RAISED, False)]
    assert fleet.changes("offline", "V1") == [(Transition.RAISED, True)]


def test_another_platforms_vehicles_are_not_explained_by_it() -> None:
    fleet = Fleet(12)
    fleet.minutes(5)
    fleet.minutes(1, speed_kmh=0.0)
    for _ in range(25 * 60):
        fleet.minutes(1, "")
        fleet.report("B", vehicles=list(range(1, 12)))
    assert fleet.changes("offline", "V12") == [(Transition.RAISED, False)]
    assert fleet.changes("offline", "V3") == [(Transition.RAISED, True)]


@pytest.mark.parametrize("rule", ["track_gap", "offline_displacement"])
def test_gaps_of_an_outage_are_inhibited_and_those_that_outlast_it_are_not(rule: str) -> None:
    fleet = Fleet(12)
    fleet.minutes(5)
    fleet.minutes(30, "B")
    back = list(range(1, 12))
    fleet.report("A", vehicles=back)
    for _ in range(60):
        fleet.minutes(1, "B")
        fleet.report("A", vehicles=back)
    fleet.minutes(20)
    assert fleet.changes(rule, "V5") == [(Transition.RAISED, True), (Transition.CLEARED, True)]
    inhibited_anyway = rule == "track_gap"  # by the displacement of the same gap
    assert fleet.changes(rule, "V0") == [
        (Transition.RAISED, inhibited_anyway),
        (Transition.CLEARED, inhibited_anyway),
    ]
    pushed = {who for who, name, _ in fleet.pushed if name == "offline_displacement"}
    assert pushed == {"V0"}


def test_the_size_of_batches_and_restarts_change_nothing() -> None:
    fleet = Fleet(12)
    fleet.minutes(5)
    fleet.minutes(30, "B")
    fleet.report("A", vehicles=list(range(1, 12)))
    fleet.minutes(3)
    whole = Pipeline(Engine(RULES))
    expected = sorted(str(c.alarm) for r in fleet.records for c in whole.take(r).changes)
    again = Fleet(12)
    for record in fleet.records:
        if record.batch is None:
            again.take(record)
            continue
        for n in range(len(record.batch)):
            if again.results:
                again.restart()
            again.take(replace(record, batch=replace(record.batch, rows=record.batch.rows[n : n + 1])))
        if again.now_s > 600:
            break
    assert sorted(str(c.alarm) for r in again.results for c in r.changes) == expected
