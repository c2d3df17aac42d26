"""Alarms to an upper platform: which go, what they say, and what is remembered of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from monitor.codec.jt809 import Version
from monitor.errors import CodecError, DeliveryError, LinkDownError
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Certainty, Grade, Subject, Transition, alarm_id
from monitor.model.beijing import parse_iso
from monitor.model.exchange import AlarmResult, HandlingResult, ReportedAlarm
from monitor.model.push import PushMessage, alarm_message
from monitor.model.waybill import Load
from monitor.sinks.jt809 import Jt809Sink, Jt809SinkSettings, info_id
from monitor.sinks.jt809_words import alarm_sentence, fitted, words_of
from monitor.sinks.sink import Sink

ONSET_MS = parse_iso("2026-03-02T22:10:05+08:00")
NOW_MS = ONSET_MS + 60_000
SPEEDING = Alarm(
    alarm_id(Subject.VEHICLE, "T1", "speeding", "", ONSET_MS),
    Subject.VEHICLE,
    "speeding",
    "",
    Grade.MAJOR,
    Certainty.CERTAIN,
    AlarmState.ACTIVE,
    "T1",
    "甘G20002",
    "hazmat",
    "E1",
    "",
    ONSET_MS,
    peak=98.0,
    limit=80.0,
)
OVER = replace(SPEEDING, state=AlarmState.CLEARED, end_ms=ONSET_MS + 95_000, peak=104.5)


def _push(alarm: Alarm, sequence: int = 1) -> PushMessage:
    return alarm_message(AlarmChange(alarm, Transition.RAISED, sequence, NOW_MS))


@dataclass(slots=True)
class Link:
    error: DeliveryError | CodecError | None = None
    alarms: list[ReportedAlarm] = field(default_factory=list)
    results: list[AlarmResult] = field(default_factory=list)
    sn: int = 40

    async def report_alarm(self, alarm: ReportedAlarm) -> int:
        if self.error is not None:
            raise self.error
        self.alarms.append(alarm)
        self.sn += 1
        return self.sn

    async def report_result(self, result: AlarmResult) -> int:
        self.results.append(result)
        return 1


@dataclass(slots=True)
class References:
    kept: list[tuple[ReportedAlarm, str, int]] = field(default_factory=list)

    def keep(self, alarm: ReportedAlarm, alarm_id: str, sequence: int, sent_ms: int) -> None:
        self.kept.append((alarm, alarm_id, sequence))

    def last(self, alarm_id: str) -> ReportedAlarm | None:
        return next((alarm for alarm, known, _ in reversed(self.kept) if known == alarm_id), None)


def _plate_of(vehicle_id: str, at_ms: int, /) -> tuple[str, int] | None:
    return {"T1": ("甘G20002", 2)}.get(vehicle_id)


@dataclass(slots=True)
class Desk:
    sink: Jt809Sink
    link: Link
    references: References


def _desk(version: Version = Version.V2019, settings: dict[str, object] | None = None) -> Desk:
    link, references = Link(), References()
    chosen = Jt809SinkSettings.model_validate({"name": "up", "link": "province", **(settings or {})})
    return Desk(Jt809Sink(chosen, link, version, "62", _plate_of, references, lambda: NOW_MS), link, references)


async def test_every_edition_goes_up_under_the_same_number() -> None:
    desk = _desk(Version.V2011)
    sent = await desk.sink.send([_push(SPEEDING), _push(OVER, 2)])
    assert (sent.delivered, sent.error) == (2, None)
    first, last = desk.link.alarms
    assert (first.msg_type, first.warn_type, first.plate, first.plate_color) == (0x1402, 1, "甘G20002", 2)
    assert (first.warn_ms, first.start_ms, first.end_ms, last.end_ms) == (ONSET_MS, ONSET_MS, 0, OVER.end_ms)
    assert first.info_id == last.info_id == info_id(SPEEDING.alarm_id)
    assert 0 < first.info_id < 2**32
    assert [(alarm.sn, number) for alarm, _, number in desk.references.kept] == [(41, 1), (42, 2)]


def test_the_sentence_says_vehicle_rule_time_and_figures() -> None:
    assert alarm_sentence(words_of(SPEEDING.record()), "甘G20002") == (
        "甘G20002 超速（较重），2026-03-02 22:10:05起，最高98km/h，限值80km/h"
    )
    told = replace(OVER, certainty=Certainty.SUSPECTED, cargo="汽油", load=Load.LOADED)
    assert alarm_sentence(words_of(told.record()), "甘G20002") == (
        "甘G20002 超速（较重，疑似），2026-03-02 22:10:05起，最高104.5km/h，限值80km/h，持续1分35秒，"
        "重车，货物汽油，已解除"
    )


def test_a_text_is_cut_between_two_characters() -> None:
    assert fitted("超速" * 300) == "超速" * 256
    assert fitted("x" + "超" * 600, 4) == "x超"


WANTED = [
    pytest.param({}, SPEEDING, 1, id="general and above by default"),
    pytest.param({}, replace(SPEEDING, grade=Grade.NOTICE), 0, id="a notice stays here"),
    pytest.param({"grade": "notice"}, replace(SPEEDING, grade=Grade.NOTICE), 1, id="unless it is wanted"),
    pytest.param({}, replace(SPEEDING, certainty=Certainty.SUSPECTED), 0, id="a suspicion stays here"),
    pytest.param(
        {"suspected": True}, replace(SPEEDING, certainty=Certainty.SUSPECTED), 1, id="unless it is wanted too"
    ),
    pytest.param({"rules": ["fatigue"]}, SPEEDING, 0, id="another rule"),
    pytest.param({"classes": ["line_coach"]}, SPEEDING, 0, id="another class"),
    pytest.param({"enterprises": ["E1"]}, SPEEDING, 1, id="its enterprise"),
    pytest.param({}, replace(SPEEDING, vehicle_id="terminal:1"), 0, id="no plate, no alarm"),
]


@pytest.mark.parametrize(("settings", "alarm", "n"), WANTED)
async def test_settings_say_which_alarms_go(settings: dict[str, object], alarm: Alarm, n: int) -> None:
    desk = _desk(settings=settings)
    assert (await desk.sink.send([_push(alarm)])).delivered == 1
    assert (len(desk.link.alarms), sum(desk.sink.skipped.values())) == (n, 1 - n)


async def test_an_alarm_that_was_told_is_told_to_its_end() -> None:
    desk = _desk()
    await desk.sink.send([_push(SPEEDING), _push(replace(OVER, grade=Grade.NOTICE), 2)])
    assert len(desk.link.alarms) == 2


@pytest.mark.parametrize(
    ("version", "number", "source"), [(Version.V2011, True, (0, 0)), (Version.V2019, False, (0x1402, 41))]
)
async def test_a_withdrawn_alarm_is_told_by_its_result(version: Version, number: bool, source: tuple[int, int]) -> None:
    desk = _desk(version)
    await desk.sink.send([_push(SPEEDING), _push(replace(SPEEDING, state=AlarmState.WITHDRAWN), 2)])
    (result,) = desk.link.results
    assert (result.result, (result.source_type, result.source_sn)) == (HandlingResult.NOT_HANDLED, source)
    assert bool(result.info_id) is number


async def test_a_withdrawn_alarm_that_was_never_told_is_passed_over() -> None:
    desk = _desk()
    sent = await desk.sink.send([_push(replace(SPEEDING, state=AlarmState.WITHDRAWN))])
    assert (sent.delivered, desk.link.results, desk.sink.skipped) == (1, [], {"withdrawn": 1})


async def test_what_a_broken_link_did_not_take_comes_again() -> None:
    desk = _desk()
    desk.link.error = LinkDownError(link="province")
    sent = await desk.sink.send([_push(SPEEDING)])
    assert sent.error is not None
    assert (sent.delivered, sent.error.retry, desk.references.kept) == (0, True, [])


async def test_what_cannot_be_said_is_given_up() -> None:
    desk = _desk()
    desk.link.error = CodecError(reason="too_long", field="plate")
    sent = await desk.sink.send([_push(SPEEDING)])
    assert sent.error is not None
    assert sent.error.retry is False


async def test_it_is_a_sink() -> None:
    sink: Sink = _desk().sink
    await sink.close()


def test_an_unknown_grade_is_refused() -> None:
    with pytest.raises(ValueError, match="none of"):
        Jt809SinkSettings(name="up", link="x", grade="terrible")
