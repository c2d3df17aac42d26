"""Silences, groups, caps, digests and dead letters over the relational store, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from alembic import command
from sqlalchemy import text

from monitor.alarms.dispatch import Dispatcher
from monitor.alarms.limits import GroupKey, LimitSettings
from monitor.alarms.pushing import PushGate, Verdict
from monitor.alarms.silences import AlarmFacts, Silence
from monitor.app.dispatching import SinkDispatch
from monitor.app.silence_book import SilenceBook
from monitor.errors import DeliveryError
from monitor.model.alarm import (
    Alarm,
    AlarmChange,
    AlarmState,
    Certainty,
    Grade,
    Subject,
    Transition,
    alarm_id,
)
from monitor.model.outbox import Cause
from monitor.model.push import PushKind, PushMessage
from monitor.sinks.delivery import Delivery, DeliverySettings
from monitor.sinks.sink import Sent
from monitor.store import schema
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database, open_database
from monitor.store.dead_letters import (
    Choice,
    LetterState,
    dead_letter,
    discard,
    find_dead_letters,
    forget_letters,
    letters_waiting,
    resend,
)
from monitor.store.outbox import Outbox, PendingPush
from monitor.store.outbox_writer import OutboxRow, append_outbox
from monitor.store.silence_store import find_silences
from monitor.store.standings import Standings, forget_standings

pytestmark = pytest.mark.integration

HOUR_MS = 3_600_000
NOON_MS = 1_772_424_000_000


def alarm(
    number: int,
    sequence: int = 1,
    *,
    grade: str = "major",
    state: str = "active",
    rule: str = "speeding",
    enterprise: str = "E1",
) -> PushMessage:
    record = {
        "alarm_id": f"alarm-{number:05d}",
        "rule": rule,
        "kind": None,
        "grade": grade,
        "state": state,
        "vehicle_id": f"V{number}",
        "vehicle_class": "hazmat",
        "enterprise_id": enterprise,
    }
    return PushMessage(
        PushKind.ALARM, f"alarm-{number:05d}", f"alarms/{enterprise}/V{number}", json.dumps(record), sequence
    )


@dataclass
class Receiver:
    """One sink over a store, worked by hand: ``now_ms`` is the wall clock, ``got`` what arrived."""

    database: Database
    name: str = "desk"
    limits: LimitSettings = field(default_factory=LimitSettings)
    regions: dict[str, str] = field(default_factory=dict)
    now_ms: int = NOON_MS
    got: list[PushMessage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.database)
        self.outbox.register(self.name)
        self.begin()

    def begin(self) -> None:
        """As after a restart."""
        self.book = SilenceBook(self.database, self.clock)
        self.book.open()
        self.dispatch = SinkDispatch(
            Dispatcher(self.name, self.limits, self._region),
            Standings(self.database, self.name),
            self.book.lasting,
            self.clock,
        )

    def clock(self) -> int:
        return self.now_ms

    def _region(self, facts: AlarmFacts) -> str:
        return self.regions.get(facts.enterprise_id or "", "")

    def take(self, *messages: PushMessage) -> list[str]:
        """Commit these, deliver what goes out, and tell their keys; digests as ``digest``."""
        with self.database.write() as connection:
            append_outbox(self.database, connection, [OutboxRow(one, 1, self.now_ms) for one in messages])
        before = len(self.got)
        self.work()
        return [_key(one) for one in self.got[before:]]

    def later(self, seconds: float) -> list[str]:
        """What goes out after a while without anything new."""
        self.now_ms += int(seconds * 1000)
        return self.take()

    def work(self) -> None:
        while True:
            rows = self.outbox.read(self.name, 7)
            if not rows:
                if self.dispatch.make_due() == 0.0:
                    continue
                return
            fates = self.dispatch.sort(rows)
            self.got += [row.message for row, fate in zip(rows, fates, strict=True) if fate == "send"]
            self.dispatch.passed(rows, len(rows))

    def silence(self, **matchers: object) -> Silence:
        silence = Silence(0, "队长", "检修", self.now_ms, self.now_ms + HOUR_MS, **matchers)  # type: ignore[arg-type]
        return self.book.add(silence)

    @property
    def digest(self) -> dict[str, object]:
        """The body of the last message, which is a digest."""
        assert self.got[-1].kind is PushKind.DIGEST
        data = json.loads(self.got[-1].body())["data"]
        assert isinstance(data, dict)
        return data


def _key(message: PushMessage) -> str:
    return "digest" if message.kind is PushKind.DIGEST else f"{message.id[-1]}/{message.sequence}"


def test_nothing_is_held_back_unless_it_is_set(database: Database) -> None:
    receiver = Receiver(database)
    assert receiver.take(*(alarm(n) for n in range(9))) == [f"{n}/1" for n in range(9)]
    assert receiver.take(alarm(3, 2, state="cleared"), alarm(77, 4, state="cleared")) == ["3/2", "7/4"]
    assert receiver.later(HOUR_MS) == []


def test_an_alarm_that_outlasts_its_silence_is_delivered_when_it_ends(database: Database) -> None:
    receiver = Receiver(database)
    receiver.silence(rule="speeding")
    assert receiver.take(alarm(1), alarm(2), alarm(3, rule="fatigue")) == ["3/1"]
    assert receiver.take(alarm(1, 2), alarm(2, 2, state="cleared")) == []
    receiver.begin()
    assert receiver.later(1_800) == []
    assert receiver.later(1_801) == ["1/2"]
    assert receiver.take(alarm(1, 3, state="cleared")) == ["1/3"]


def test_a_silence_ended_by_a_person_lets_go_at_once_and_stays_on_record(database: Database) -> None:
    receiver = Receiver(database)
    silence = receiver.silence(vehicle_id="V1")
    assert receiver.take(alarm(1)) == []
    assert receiver.book.expire(silence.silence_id, "值班员")
    assert receiver.take() == ["1/1"]
    assert not receiver.book.expire(silence.silence_id, "值班员")
    (kept,) = find_silences(database, receiver.now_ms).silences
    assert (kept.author, kept.expired_by, kept.lasts(receiver.now_ms)) == ("队长", "值班员", False)
    assert find_silences(database, receiver.now_ms, lasting_only=True).total == 0


def test_a_silence_may_be_for_one_receiver_and_for_one_region(database: Database) -> None:
    desk = Receiver(database, regions={"E1": "高台县", "E2": "临泽县"})
    bureau = Receiver(database, "bureau", regions=desk.regions)
    desk.silence(sink="desk", region="高台县")
    bureau.begin()
    assert desk.take(alarm(1), alarm(2, enterprise="E2")) == ["2/1"]
    assert bureau.take() == ["1/1", "2/1"]


def test_what_was_told_before_the_silence_is_followed_to_its_end(database: Database) -> None:
    receiver = Receiver(database)
    assert receiver.take(alarm(1), alarm(2)) == ["1/1", "2/1"]
    receiver.silence(rule="speeding")
    assert receiver.take(alarm(1, 2), alarm(2, 2)) == []
    assert receiver.take(alarm(1, 3, state="cleared")) == ["1/3"]
    assert receiver.later(3_601) == ["2/2"]


def test_a_silence_over_part_of_an_alarm_lets_go_when_the_alarm_outgrows_it(database: Database) -> None:
    receiver = Receiver(database)
    receiver.silence(grade=1, enterprise_id="E1")
    assert receiver.take(alarm(1, grade="general")) == []
    assert receiver.take(alarm(1, 2, grade="major")) == ["1/2"]


def test_above_the_cap_there_is_one_digest_and_its_ends_are_digested_too(database: Database) -> None:
    receiver = Receiver(database, limits=LimitSettings(cap_per_hour=2, burst=2, digest_ids=3))
    assert receiver.take(*(alarm(n, enterprise=f"E{n % 2}") for n in range(8))) == ["0/1", "1/1"]
    assert receiver.take(alarm(9, grade="serious"), alarm(5, 2, state="cleared")) == ["9/1"]
    receiver.begin()
    assert receiver.later(3_600) == ["digest"]
    assert receiver.digest == {
        "enterprise_id": None,
        "rule": "speeding",
        "since": "2026-03-02T12:00:00+08:00",
        "until": "2026-03-02T13:00:00+08:00",
        "alarms": 6,
        "begun": 6,
        "ended": 1,
        "changed": 0,
        "by_rule": {"speeding": 6},
        "by_grade": {"major": 6},
        "by_enterprise": {"E0": 3, "E1": 3},
        "other_enterprises": 0,
        "alarm_ids": ["alarm-00002", "alarm-00003", "alarm-00004"],
        "ids_left_out": 3,
    }
    assert receiver.take(alarm(0, 2, state="cleared"), alarm(2, 2, state="cleared")) == ["0/2"]
    assert receiver.later(3_600) == ["digest"]
    assert (receiver.digest["begun"], receiver.digest["ended"]) == (0, 1)
    assert receiver.later(3_600) == []


def test_notices_and_data_quality_go_to_the_digest_of_their_enterprise(database: Database) -> None:
    limits = LimitSettings(digest_grade="notice", digest_rules=("track_gap",), digest_every_s=86_400)
    receiver = Receiver(database, limits=limits)
    sent = receiver.take(
        alarm(1, grade="notice", rule="offline"),
        alarm(2, grade="general", rule="track_gap"),
        alarm(3, grade="notice", rule="drift", enterprise="E2"),
        alarm(4),
    )
    assert sent == ["4/1"]
    assert receiver.later(12 * 3_600) == ["digest", "digest"]
    bodies = [json.loads(one.data) for one in receiver.got[-2:]]
    assert [(one["enterprise_id"], one["rule"], one["alarms"]) for one in bodies] == [
        ("E1", None, 2),
        ("E2", "drift", 1),
    ]
    assert [one.topic for one in receiver.got[-2:]] == ["digests/E1", "digests/E2"]
    assert len({one.idempotency_key for one in receiver.got}) == len(receiver.got)
    assert receiver.take(alarm(1, 2, grade="major", rule="offline")) == []
    assert receiver.take(alarm(1, 3, grade="serious", rule="offline")) == ["1/3"]


def test_a_group_waits_for_its_members_and_comes_as_one(database: Database) -> None:
    limits = LimitSettings(group_by=(GroupKey.ENTERPRISE, GroupKey.RULE), group_wait_s=30)
    receiver = Receiver(database, limits=limits)
    assert receiver.take(alarm(1), alarm(2), alarm(3, enterprise="E2"), alarm(4, grade="serious")) == ["4/1"]
    assert receiver.later(20) == []
    assert receiver.take(alarm(5), alarm(3, 2, enterprise="E2")) == []
    assert receiver.later(10) == ["digest", "3/2"]
    assert (json.loads(receiver.got[-2].data)["alarms"], json.loads(receiver.got[-2].data)["enterprise_id"]) == (
        3,
        "E1",
    )
    assert receiver.take(alarm(3, 3, state="cleared", enterprise="E2")) == ["3/3"]
    assert receiver.take(alarm(1, 2, state="cleared")) == []
    assert receiver.later(30) == ["digest"]
    assert receiver.digest["ended"] == 1


def test_a_group_above_the_cap_goes_into_the_hourly_digest(database: Database) -> None:
    limits = LimitSettings(group_by=(GroupKey.RULE,), group_wait_s=30, cap_per_hour=1, burst=1)
    receiver = Receiver(database, limits=limits)
    assert receiver.take(alarm(1)) == []
    assert receiver.later(30) == ["1/1"]
    assert receiver.take(alarm(2)) == []
    assert receiver.later(30) == []
    assert receiver.later(3_540) == ["digest"]
    assert receiver.digest["alarm_ids"] == ["alarm-00002"]


def test_after_a_silence_the_cap_still_holds(database: Database) -> None:
    receiver = Receiver(database, limits=LimitSettings(cap_per_hour=60, burst=3))
    silence = receiver.silence(rule="speeding")
    assert receiver.take(*(alarm(n) for n in range(8))) == []
    receiver.book.expire(silence.silence_id, "队长")
    assert receiver.take() == ["0/1", "1/1", "2/1"]
    assert receiver.later(3_600) == ["digest"]
    assert receiver.digest["alarms"] == 5


def test_what_nobody_will_ask_for_is_forgotten(database: Database) -> None:
    receiver = Receiver(database)
    gone = Receiver(database, "gone")
    assert receiver.take(alarm(1), alarm(2)) == ["1/1", "2/1"]
    assert gone.take() == ["1/1", "2/1"]
    assert forget_standings(database, ["desk"]) == 2
    receiver.outbox.delete_passed(["desk"], NOON_MS + 1)
    assert forget_standings(database, ["desk"]) == 2
    assert forget_standings(database, ["desk"]) == 0


def test_a_message_for_one_receiver_reaches_no_other(database: Database) -> None:
    desk, bureau = Receiver(database, limits=LimitSettings(cap_per_hour=1, burst=1)), Receiver(database, "bureau")
    assert desk.take(alarm(1), alarm(2)) == ["1/1"]
    assert desk.later(3_600) == ["digest"]
    assert bureau.take() == ["1/1", "2/1"]
    assert bureau.outbox.backlog("bureau").messages == desk.outbox.backlog("desk").messages == 0


def test_dead_letters_are_whole_and_sent_again_with_their_key_behind_what_waits(database: Database) -> None:
    receiver = Receiver(database)
    receiver.outbox.register("bureau")
    receiver.take(alarm(1))
    with database.write() as connection:
        append_outbox(database, connection, [OutboxRow(one, 1, NOON_MS) for one in (alarm(2), alarm(2, 2))])
    receiver.outbox.record_failure("desk", "500", NOON_MS, NOON_MS + 5)
    receiver.outbox.bury("desk", receiver.outbox.read("desk")[0], Cause.GAVE_UP, "500", NOON_MS + 9)
    (letter,) = find_dead_letters(database, sink="desk").letters
    assert (letter.message, letter.created_ms) == (alarm(2), NOON_MS)
    assert (letter.cause, letter.attempts, letter.first_try_ms, letter.last_try_ms) == (
        Cause.GAVE_UP,
        1,
        NOON_MS,
        NOON_MS + 9,
    )
    assert letters_waiting(database) == {"desk": 1}
    assert resend(database, Choice((letter.letter_id,)), ["bureau"], "队长", "", NOON_MS) == 0
    assert resend(database, Choice((letter.letter_id,)), ["desk"], "队长", "ok", NOON_MS) == 1
    assert resend(database, Choice((letter.letter_id,)), ["desk"], "队长", "ok", NOON_MS) == 0
    assert receiver.take() == ["2/2", "2/1"]
    assert len(receiver.outbox.read("bureau")) == 3
    decided = dead_letter(database, letter.letter_id)
    assert decided is not None
    assert (decided.state, decided.decided_by, decided.note) == (LetterState.RESENT, "队长", "ok")


def test_all_letters_of_a_receiver_are_decided_on_in_their_order(database: Database) -> None:
    receiver = Receiver(database)
    with database.write() as connection:
        append_outbox(database, connection, [OutboxRow(alarm(n), 1, NOON_MS) for n in range(601)])
    for row in receiver.outbox.read("desk", 2_000):
        receiver.outbox.bury("desk", row, Cause.REFUSED, "410", NOON_MS)
    first = find_dead_letters(database, limit=1, offset=600).letters[0]
    assert discard(database, Choice((first.letter_id,)), "队长", "过时", NOON_MS) == 1
    assert resend(database, Choice(sink="desk"), ["desk"], "队长", "", NOON_MS) == 600
    receiver.work()
    assert [one.id for one in receiver.got] == [f"alarm-{n:05d}" for n in range(1, 601)]
    assert letters_waiting(database) == {}
    assert forget_letters(database, NOON_MS) == 0
    assert forget_letters(database, NOON_MS + 1) == 601


class FailingSink:
    """Answers 500 to one key, ``times`` times; what else comes arrives."""

    def __init__(self, key: str, *, reached: bool = True, times: int = 1_000_000) -> None:
        self.key, self.reached, self.times = key, reached, times
        self.arrived: list[str] = []
        self.tried = 0

    async def send(self, messages: Sequence[PushMessage], /) -> Sent:
        for number, message in enumerate(messages):
            if message.idempotency_key == self.key and self.tried < self.times:
                self.tried += 1
                return Sent(number, DeliveryError(sink="desk", reason="answered 500"), reached=self.reached)
            self.arrived.append(message.idempotency_key)
        return Sent(len(messages))

    async def close(self) -> None:
        pass


class Clock:
    """Passes by ``step_ms`` whenever it is asked."""

    def __init__(self, step_ms: int) -> None:
        self.at_ms, self.step_ms = NOON_MS, step_ms

    def __call__(self) -> int:
        self.at_ms += self.step_ms
        return self.at_ms


async def deliver(database: Database, sink: FailingSink, clock: Clock, until: Callable[[], bool]) -> None:
    settings = DeliverySettings(batch=10, backoff_first_s=1e-4, backoff_most_s=1e-3, give_up_s=3_600)
    worker: Delivery[PendingPush] = Delivery("desk", sink, Outbox(database), clock, settings, chance=random.Random(1))
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(30):
        while not until():  # noqa: ASYNC110  the worker reads in threads
            await asyncio.sleep(0.001)
        worker.stop()
        await task


def commit(database: Database, *messages: PushMessage) -> None:
    with database.write() as connection:
        append_outbox(database, connection, [OutboxRow(one, 1, NOON_MS) for one in messages])


async def test_a_message_that_fails_for_too_long_stops_nobody(database: Database) -> None:
    Outbox(database).register("desk")
    commit(database, alarm(1), alarm(2), alarm(2, 2), alarm(3))
    sink = FailingSink("alarm-00002/1")
    await deliver(database, sink, Clock(200_000), lambda: len(sink.arrived) == 3)
    assert sink.arrived == ["alarm-00001/1", "alarm-00002/2", "alarm-00003/1"]
    (letter,) = find_dead_letters(database).letters
    assert (letter.message.idempotency_key, letter.cause) == ("alarm-00002/1", Cause.GAVE_UP)
    assert letter.attempts == sink.tried
    assert 3_600_000 <= letter.last_try_ms - letter.first_try_ms < 4_400_000


async def test_a_receiver_that_is_not_there_makes_no_dead_letters(database: Database) -> None:
    Outbox(database).register("desk")
    commit(database, alarm(1), alarm(2))
    sink = FailingSink("alarm-00001/1", reached=False, times=30)
    await deliver(database, sink, Clock(3_600_000), lambda: len(sink.arrived) == 2)
    assert find_dead_letters(database).total == 0


async def test_attempts_and_the_next_one_survive_a_restart(database: Database) -> None:
    outbox = Outbox(database)
    outbox.register("desk")
    commit(database, alarm(1))
    for _ in range(4):
        outbox.record_failure("desk", "500", NOON_MS, NOON_MS + 50)
    sink = FailingSink("", times=0)
    worker: Delivery[PendingPush] = Delivery("desk", sink, Outbox(database), lambda: NOON_MS, DeliverySettings())
    begun = asyncio.get_running_loop().time()
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(30):
        while not sink.arrived:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    waited_s = asyncio.get_running_loop().time() - begun
    worker.stop()
    await task
    assert waited_s >= 0.05
    assert outbox.cursor("desk").attempts == 0


def test_a_store_of_the_version_before_keeps_its_refusals_and_what_was_told(empty_store_url: str) -> None:
    database = open_database(empty_store_url)
    config = schema._config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (outbox_id, kind, key, sequence, topic, data, journal_offset, created_ms)"
                " VALUES (7, 'alarm', 'a', 1, 't', '{}', 1, 5)"
            )
        )
        for outbox_id in (3, 7):
            connection.execute(
                text(
                    "INSERT INTO refused_deliveries (sink, outbox_id, kind, key, sequence, at_ms, reason)"
                    f" VALUES ('desk', {outbox_id}, 'alarm', 'a', 1, 9, '410')"
                )
            )
        connection.execute(
            text(
                "INSERT INTO sink_cursors (sink, outbox_id, attempts, next_try_ms, last_error)"
                " VALUES ('desk', 7, 0, 0, '')"
            )
        )
        for alarm_id, inhibited_by in (("told", ""), ("inhibited", "x")):
            connection.execute(
                text(
                    "INSERT INTO alarms (alarm_id, subject, rule, kind, grade, certainty, state, vehicle_id, plate,"
                    " vehicle_class, enterprise_id, driver_id, onset_ms, limit_source, suspected_serious, night_only,"
                    " n_reports, start_place, end_place, end_reason, late, provisional, inhibited_by, sequence,"
                    " raised_ms, changed_ms) VALUES (:alarm_id, 'vehicle', 'speeding', '', 2, 0, 'active', 'V1', '',"
                    " 'hazmat', 'E1', '', 1, 0, :no, :no, 1, '', '', 0, :no, :no, :by, 4, 2, 3)"
                ),
                {"alarm_id": alarm_id, "by": inhibited_by, "no": False},
            )
    database.close()
    schema.upgrade(empty_store_url)
    database = open_database(empty_store_url)
    letters = find_dead_letters(database).letters
    assert [(one.message.data, one.cause, one.last_try_ms) for one in letters] == [
        ("{}", Cause.REFUSED, 9),
        ("", Cause.REFUSED, 9),
    ]
    assert set(Standings(database, "desk").load(["told", "inhibited"])) == {"told"}
    assert resend(database, Choice(sink="desk"), ["desk"], "队长", "", NOON_MS) == 1
    database.close()


def test_what_an_outage_lets_go_of_is_delivered_from_then_on(database: Database) -> None:
    """The change that lets go is the first edition that a receiver gets."""
    gate = PushGate()
    store = AlarmStore(database, lambda: NOON_MS)
    receiver = Receiver(database)
    silent = Alarm(
        alarm_id=alarm_id(Subject.VEHICLE, "V1", "offline", "lost", NOON_MS),
        subject=Subject.VEHICLE,
        rule="offline",
        kind="lost",
        grade=Grade.GENERAL,
        certainty=Certainty.CERTAIN,
        state=AlarmState.ACTIVE,
        vehicle_id="V1",
        plate="甘G12345",
        vehicle_class="hazmat",
        enterprise_id="E1",
        driver_id="",
        onset_ms=NOON_MS,
        inhibited_by="outage",
    )
    own = replace(silent, inhibited_by="")
    over = replace(own, state=AlarmState.CLEARED, end_ms=NOON_MS + HOUR_MS)
    steps = [
        (AlarmChange(silent, Transition.RAISED, 1, NOON_MS), []),
        (AlarmChange(own, Transition.UPDATED, 2, NOON_MS), [2]),
        (AlarmChange(over, Transition.CLEARED, 3, NOON_MS), [3]),
    ]
    for offset, (change, expected) in enumerate(steps, 1):
        (verdict,) = gate.verdicts((change,), NOON_MS)
        withheld = frozenset() if verdict is Verdict.PUSH else frozenset({(change.alarm.alarm_id, change.sequence)})
        store.commit(CommittedStep(offset, (change,), withheld=withheld))
        before = len(receiver.got)
        receiver.work()
        assert [one.sequence for one in receiver.got[before:]] == expected
