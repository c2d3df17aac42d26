"""Reminders to drivers: when there is one, and above all when there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.app.downlinks import Downlinks, DownlinkSettings
from monitor.app.reminder_settings import TEXTS, ReminderSettings
from monitor.app.reminders import Reason, Reminders, duration_text, judge, pushed_changes, reminder_id, reminder_text
from monitor.console.downlink_request import DownlinkRequest
from monitor.model.alarm import (
    Alarm,
    AlarmChange,
    AlarmState,
    Certainty,
    Grade,
    LimitSource,
    Subject,
    Transition,
)
from monitor.model.downlink import DownlinkKind, DownlinkState
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database
from monitor.store.downlink_store import DownlinkFilter, DownlinkStore, find_downlinks
from tests.unit.app.terminal_fixtures import NOW_MS, PHONE, Clock, Names, Terminals, new_database

ON = ReminderSettings(enabled=True)


def _alarm(rule: str = "speeding", **changed: object) -> Alarm:
    alarm = Alarm(
        alarm_id="a1",
        subject=Subject.VEHICLE,
        rule=rule,
        kind="" if rule == "speeding" else "day",
        grade=Grade.GENERAL,
        certainty=Certainty.CERTAIN,
        state=AlarmState.ACTIVE,
        vehicle_id="V1",
        plate="甘A12345",
        vehicle_class="hazmat",
        enterprise_id="E1",
        driver_id="",
        onset_ms=NOW_MS - 30_000,
        peak=96.6 if rule == "speeding" else 4.5,
        limit=80.0 if rule == "speeding" else 4.0,
        limit_source=LimitSource.SECTION if rule == "speeding" else LimitSource.NONE,
        provisional=True,
    )
    return replace(alarm, **changed)  # type: ignore[arg-type]


def _start(rule: str = "speeding", **changed: object) -> AlarmChange:
    return AlarmChange(_alarm(rule, **changed), Transition.RAISED, 1, NOW_MS)


JUDGED: tuple[tuple[str, AlarmChange, Reason | None], ...] = (
    ("speeding on a known road", _start(), Reason.SENT),
    ("fatigue, which has no source of limit", _start("fatigue"), Reason.SENT),
    ("another rule", _start("track_gap"), None),
    ("an update", replace(_start(), transition=Transition.UPDATED), None),
    ("an end", replace(_start(), transition=Transition.CLEARED), None),
    ("late", _start(late=True), Reason.LATE),
    ("suspected", _start(certainty=Certainty.SUSPECTED), Reason.SUSPECTED),
    ("inhibited", _start(inhibited_by="device"), Reason.INHIBITED),
    ("merged", _start(state=AlarmState.MERGED), Reason.INHIBITED),
    ("withdrawn", _start(state=AlarmState.WITHDRAWN), Reason.OVER),
    ("only the cap of the class is known", _start(limit_source=LimitSource.CLASS_CAP), Reason.UNKNOWN_LIMIT),
    ("no source of the limit", _start(limit_source=LimitSource.NONE), Reason.UNKNOWN_LIMIT),
    ("no limit", _start(limit=None), Reason.UNKNOWN_LIMIT),
    ("found two minutes ago", replace(_start(), at_ms=NOW_MS - 120_000), Reason.TOO_OLD),
    ("found just in time", replace(_start(), at_ms=NOW_MS - 119_999), Reason.SENT),
)


@pytest.mark.parametrize(("change", "reason"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED])
def test_an_alarm_gives_a_reminder_only_if_nothing_speaks_against_it(
    change: AlarmChange, reason: Reason | None
) -> None:
    assert judge(change, ON, NOW_MS) is reason


def test_reminders_are_off_until_somebody_wants_them() -> None:
    assert judge(_start(), ReminderSettings(), NOW_MS) is Reason.DISABLED
    assert judge(_start(), ReminderSettings(enabled=True, rules=("fatigue",)), NOW_MS) is None


def test_what_is_not_pushed_gives_none() -> None:
    shown, hidden = _start(), _start(alarm_id="a2")
    step = CommittedStep(1, changes=(shown, hidden), withheld=frozenset({("a2", 1)}))
    assert pushed_changes((step, CommittedStep(2))) == (shown,)


TEXT_CASES = (
    (_start(), ON, "甘A12345您已超速，车速97公里/小时，限速80公里/小时，请立即减速。"),
    (_start("fatigue"), ON, "甘A12345您已连续驾驶4小时30分，请尽快到安全地点停车休息至少20分钟。"),
    (
        _start(),
        ReminderSettings(language="en"),
        "甘A12345 you are speeding: 97 km/h, limit 80 km/h. Slow down.",
    ),
    (_start(), ReminderSettings(texts={"speeding": {"zh": "超速{duration}"}}), "超速30秒"),
)


@pytest.mark.parametrize(("change", "settings", "text"), TEXT_CASES)
def test_a_reminder_says_what_is_wrong(change: AlarmChange, settings: ReminderSettings, text: str) -> None:
    assert reminder_text(change, settings) == text


@pytest.mark.parametrize(
    ("duration_ms", "chinese", "english"),
    [
        (59_000, "59秒", "59 s"),
        (60_000, "1分钟", "1 min"),
        (4 * 3_600_000, "4小时", "4 h"),
        (4 * 3_600_000 + 300_000, "4小时5分", "4 h 5 min"),
    ],
)
def test_durations_read_as_people_say_them(duration_ms: int, chinese: str, english: str) -> None:
    assert duration_text(duration_ms, "zh") == chinese
    assert duration_text(duration_ms, "en") == english


@pytest.mark.parametrize("rule", TEXTS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_texts_that_ship_are_texts_that_may_be_set(rule: str, language: str) -> None:
    settings = ReminderSettings(texts={rule: {language: TEXTS[rule][language]}}, language=language)
    assert settings.template(rule) == TEXTS[rule][language]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"texts": {"speeding": {"zh": "{driver}慢行"}}}, "names {driver}"),
        ({"texts": {"speeding": {"zh": "{plate.__class__}"}}}, "names {plate.__class__}"),
        ({"texts": {"speeding": {"zh": "{plate!r}"}}}, "just so"),
        ({"texts": {"speeding": {"zh": "{plate"}}}, "expected '}'"),
        ({"texts": {"speeding": {"zh": "😀"}}}, "GBK"),
        ({"texts": {"speeding": {"fr": "lent"}}}, "none of zh, en"),
        ({"texts": {"offline": {"zh": "在吗"}}}, "'offline' has no reminder"),
        ({"rules": ["offline"]}, "'offline' has no reminder"),
        ({"speak": False, "display": False}, "reaches nobody"),
        ({"language": "fr"}, "language"),
    ],
)
def test_settings_that_no_driver_could_read_are_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ReminderSettings.model_validate(settings)
    assert sentence in str(caught.value)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = new_database(tmp_path)
    yield found
    found.close()


class Desk:
    def __init__(self, database: Database, settings: ReminderSettings = ON) -> None:
        self.database = database
        self.clock = Clock()
        self.store = DownlinkStore(database)
        self.names = Names()
        self.downlinks = Downlinks(self.store, Terminals(), self.names, self.clock, DownlinkSettings())
        self.settings = settings
        self.reminders = self.restarted()

    def restarted(self) -> Reminders:
        self.reminders = Reminders(self.settings, self.downlinks, self.store, self.names, self.clock)
        return self.reminders

    async def take(self, *changes: AlarmChange) -> None:
        self.reminders.take(changes)
        for _ in range(self.reminders.waiting):
            await self.reminders.order_next()

    def ordered(self) -> list[str]:
        return [order.alarm_id for order in reversed(find_downlinks(self.database, DownlinkFilter()).downlinks)]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_a_start_becomes_an_order_to_the_vehicles_terminal(desk: Desk) -> None:
    desk.clock.pass_s(20)
    await desk.take(_start())
    order = desk.store.get(reminder_id("a1"))
    assert order is not None
    assert (order.phone, order.vehicle_id, order.kind) == (PHONE, "V1", DownlinkKind.TEXT)
    assert (order.state, order.requested_by, order.alarm_id) == (DownlinkState.QUEUED, "rule:speeding", "a1")
    assert "限速80" in order.body
    assert order.expires_ms == NOW_MS + 120_000
    assert desk.reminders.counts == {Reason.SENT: 1}


async def test_an_alarm_that_has_ended_in_the_same_step_gives_none(desk: Desk) -> None:
    over = AlarmChange(_alarm(state=AlarmState.CLEARED, end_ms=NOW_MS), Transition.CLEARED, 2, NOW_MS)
    await desk.take(_start(), over)
    assert desk.ordered() == []
    assert desk.reminders.counts == {Reason.OVER: 1}


async def test_an_alarm_that_is_found_again_after_a_crash_gives_no_second_one(desk: Desk) -> None:
    await desk.take(_start())
    desk.restarted()
    await desk.reminders.open()
    await desk.take(_start())
    assert desk.ordered() == ["a1"]


async def test_a_vehicle_is_reminded_four_times_in_any_hour(desk: Desk) -> None:
    for number in range(6):
        await desk.take(replace(_start(alarm_id=f"a{number}"), at_ms=desk.clock.ms))
        desk.clock.pass_s(600)
    assert desk.ordered() == ["a0", "a1", "a2", "a3"]
    assert desk.reminders.counts == {Reason.SENT: 4, Reason.TOO_MANY: 2}
    await desk.take(replace(_start(alarm_id="other", vehicle_id="V2"), at_ms=desk.clock.ms))
    await desk.take(replace(_start(alarm_id="next"), at_ms=desk.clock.ms))
    assert desk.ordered() == ["a0", "a1", "a2", "a3", "next", "other"]


async def test_a_restart_does_not_start_the_hour_again(desk: Desk) -> None:
    for number in range(4):
        await desk.take(_start(alarm_id=f"a{number}"))
    desk.restarted()
    await desk.reminders.open()
    await desk.take(_start(alarm_id="more"))
    assert desk.reminders.counts == {Reason.TOO_MANY: 1}


async def test_orders_of_people_do_not_count_towards_the_limit(desk: Desk) -> None:
    for _ in range(4):
        await desk.downlinks.add(DownlinkRequest(DownlinkKind.TEXT, "V1", text="停车"), "local")
    await desk.reminders.open()
    await desk.take(_start())
    assert desk.reminders.counts == {Reason.SENT: 1}


async def test_a_vehicle_without_terminal_is_counted(desk: Desk) -> None:
    await desk.take(_start(vehicle_id="V3"))
    assert desk.reminders.counts == {Reason.NO_TERMINAL: 1}


async def test_a_reminder_that_waited_too_long_is_left_out(desk: Desk) -> None:
    desk.reminders.take((_start(),))
    desk.clock.pass_s(120)
    await desk.reminders.order_next()
    assert desk.reminders.counts == {Reason.TOO_OLD: 1}


async def test_when_too_many_wait_further_ones_are_left_out_and_counted(desk: Desk) -> None:
    desk.reminders.take(tuple(_start(alarm_id=str(number)) for number in range(1_002)))
    assert desk.reminders.counts == {Reason.QUEUE_FULL: 2}


async def test_a_refused_order_is_counted_and_ends_nothing(desk: Desk) -> None:
    await desk.take(_start(plate="😀"), _start(alarm_id="a2"))
    assert desk.reminders.counts == {Reason.REFUSED: 1, Reason.SENT: 1}
