"""What one receiver gets of an alarm: silence, digest by nature, group, cap; and what it has heard of afterwards."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alarms.dispatch import Decision, Dispatcher, Fate, Hearing, Standing
from monitor.alarms.limits import Budget, GroupKey, LimitSettings
from monitor.alarms.silences import AlarmFacts, Silence
from monitor.model.alarm import Grade
from monitor.model.push import PushKind, PushMessage

HOUR_MS = 3_600_000
NOW_MS = 1_772_424_000_000  # on the hour
EMPTY = Budget(0.0, NOW_MS)
FULL = Budget(5.0, NOW_MS)
SILENCE = Silence(1, "队长", "检修", NOW_MS, NOW_MS + HOUR_MS, rule="speeding")
NONE = LimitSettings()
CAP = LimitSettings(cap_per_hour=5, burst=5)
DIGEST = LimitSettings(digest_grade="notice", digest_rules=("track_gap",))
GROUP = LimitSettings(group_by=(GroupKey.ENTERPRISE,), group_wait_s=30)


def push(grade: str = "major", state: str = "active", rule: str = "speeding", sequence: int = 1) -> PushMessage:
    record = {"alarm_id": "a", "rule": rule, "kind": None, "grade": grade, "state": state, "enterprise_id": "E1"}
    return PushMessage(PushKind.ALARM, "a", "alarms/E1/V1", msgspec.json.encode(record).decode(), sequence)


def decide(
    message: PushMessage,
    standing: Standing | None = None,
    *,
    limits: LimitSettings = NONE,
    silences: tuple[Silence, ...] = (),
    budget: Budget | None = None,
) -> Decision:
    return Dispatcher("desk", limits, lambda _: "高台县").decide(message, standing, silences, budget, NOW_MS)


def heard(hearing: Hearing, **more: object) -> Standing:
    one = Standing("a", hearing, 1, "speeding", Grade.MAJOR, "E1", NOW_MS)
    return replace(one, **more)  # type: ignore[arg-type]


def outcome(decision: Decision) -> tuple[Fate, Hearing | None]:
    return decision.fate, decision.standing.hearing if decision.standing else None


SENT_AND_TOLD = (Fate.SEND, Hearing.TOLD)
SENT_AND_OVER = (Fate.SEND, None)


@pytest.mark.parametrize(
    ("message", "standing", "limits", "silences", "budget", "expected"),
    [
        pytest.param(push(), None, NONE, (), None, SENT_AND_TOLD, id="nothing set: an onset"),
        pytest.param(push(state="cleared"), None, NONE, (), None, SENT_AND_OVER, id="nothing set: an end unheard of"),
        pytest.param(push(), None, NONE, (SILENCE,), None, (Fate.SILENCED, Hearing.SILENCED), id="silenced onset"),
        pytest.param(
            push(state="cleared"),
            heard(Hearing.SILENCED, data="{}"),
            NONE,
            (SILENCE,),
            None,
            (Fate.SILENCED, None),
            id="silenced onset, silenced end",
        ),
        pytest.param(
            push(state="cleared"),
            heard(Hearing.SILENCED, data="{}"),
            NONE,
            (),
            None,
            (Fate.SILENCED, None),
            id="an end after the silence of an alarm unheard of",
        ),
        pytest.param(
            push(sequence=2),
            heard(Hearing.SILENCED, data="{}"),
            NONE,
            (),
            None,
            SENT_AND_TOLD,
            id="an edition after the silence",
        ),
        pytest.param(
            push(), heard(Hearing.TOLD), NONE, (SILENCE,), None, (Fate.SILENCED, Hearing.TOLD), id="told, then silenced"
        ),
        pytest.param(
            push(state="cleared"),
            heard(Hearing.TOLD),
            NONE,
            (SILENCE,),
            None,
            SENT_AND_OVER,
            id="told, and its end is told in spite of the silence",
        ),
        pytest.param(push(), None, CAP, (), FULL, SENT_AND_TOLD, id="below the cap"),
        pytest.param(push(), None, CAP, (), EMPTY, (Fate.CAPPED, Hearing.CAPPED), id="above the cap"),
        pytest.param(push("serious"), None, CAP, (), EMPTY, SENT_AND_TOLD, id="serious above the cap"),
        pytest.param(
            push(state="cleared"), heard(Hearing.TOLD), CAP, (), EMPTY, SENT_AND_OVER, id="told, its end above the cap"
        ),
        pytest.param(
            push(), heard(Hearing.TOLD), CAP, (), EMPTY, (Fate.CAPPED, Hearing.TOLD), id="told, a change above the cap"
        ),
        pytest.param(
            push(state="cleared"),
            heard(Hearing.CAPPED, begun=True, due_ms=1),
            CAP,
            (),
            FULL,
            (Fate.CAPPED, Hearing.CAPPED),
            id="its onset was digested, so is its end",
        ),
        pytest.param(
            push("serious"),
            heard(Hearing.CAPPED),
            CAP,
            (),
            EMPTY,
            SENT_AND_TOLD,
            id="digested, and serious by now",
        ),
        pytest.param(
            push("serious", "cleared"),
            heard(Hearing.CAPPED),
            CAP,
            (),
            FULL,
            (Fate.CAPPED, Hearing.CAPPED),
            id="digested, and serious only at its end",
        ),
        pytest.param(
            push(state="withdrawn"),
            heard(Hearing.CAPPED, begun=True, due_ms=1),
            CAP,
            (),
            FULL,
            (Fate.CAPPED, None),
            id="withdrawn before its digest went out",
        ),
        pytest.param(push("notice"), None, DIGEST, (), None, (Fate.ROUTINE, Hearing.ROUTINE), id="a notice"),
        pytest.param(push(), None, DIGEST, (), None, SENT_AND_TOLD, id="more than a notice"),
        pytest.param(
            push(rule="track_gap"), None, DIGEST, (), None, (Fate.ROUTINE, Hearing.ROUTINE), id="a rule for the digest"
        ),
        pytest.param(
            push("serious", rule="track_gap"), None, DIGEST, (), None, SENT_AND_TOLD, id="serious of that rule"
        ),
        pytest.param(push(), None, GROUP, (), None, (Fate.GROUPED, Hearing.GROUPED), id="the first of a group"),
        pytest.param(push("serious"), None, GROUP, (), None, SENT_AND_TOLD, id="serious waits for nobody"),
    ],
)
def test_what_becomes_of_an_edition(
    message: PushMessage,
    standing: Standing | None,
    limits: LimitSettings,
    silences: tuple[Silence, ...],
    budget: Budget | None,
    expected: tuple[Fate, Hearing | None],
) -> None:
    assert outcome(decide(message, standing, limits=limits, silences=silences, budget=budget)) == expected


def test_a_silence_keeps_the_latest_edition() -> None:
    first = decide(push(sequence=1), silences=(SILENCE,)).standing
    second = decide(push("serious", sequence=2), first, silences=(SILENCE,)).standing
    assert second is not None
    assert (second.sequence, second.data) == (2, push("serious", sequence=2).data)


def test_other_pushes_pass_whatever_is_set_and_a_silenced_prewarning_is_gone() -> None:
    summary = PushMessage(PushKind.SUMMARY, "summary:E1", "summaries/E1", '{"rule":"speeding"}', 1)
    assert decide(summary, limits=CAP, silences=(SILENCE,), budget=EMPTY).fate is Fate.SEND
    warning = PushMessage(PushKind.PREWARNING, "w", "prewarnings/E1/V1", '{"rule":"speeding"}', 1)
    assert decide(warning, silences=(SILENCE,)) == Decision(Fate.SILENCED)
    assert decide(warning, limits=CAP, budget=EMPTY).fate is Fate.SEND


def test_a_record_that_cannot_be_read_is_not_held_back() -> None:
    broken = PushMessage(PushKind.ALARM, "a", "alarms/E1/V1", "[]", 1)
    assert decide(broken, limits=CAP, silences=(SILENCE,), budget=EMPTY).fate is Fate.SEND


def test_every_message_spends_and_what_is_held_back_does_not() -> None:
    assert decide(push(), limits=CAP, budget=FULL).budget == Budget(4.0, NOW_MS)
    assert decide(push(), limits=CAP, budget=EMPTY).budget == EMPTY
    assert decide(push("serious"), limits=CAP, budget=EMPTY).budget == EMPTY


def test_digests_go_out_on_whole_spans_of_beijing_time() -> None:
    day = LimitSettings(digest_every_s=86_400)
    assert (day.digest_due_ms(NOW_MS) + 8 * HOUR_MS) % (24 * HOUR_MS) == 0
    assert CAP.digest_due_ms(NOW_MS) == NOW_MS + HOUR_MS
    assert CAP.digest_due_ms(NOW_MS + HOUR_MS - 1) == NOW_MS + HOUR_MS


def test_a_budget_fills_up_evenly_to_the_burst_and_not_by_a_clock_that_steps_back() -> None:
    assert EMPTY.at(NOW_MS + HOUR_MS // 5, CAP).tokens == 1.0
    assert EMPTY.at(NOW_MS + 100 * HOUR_MS, CAP).tokens == 5.0
    assert FULL.at(NOW_MS - HOUR_MS, CAP).tokens == 5.0


FACTS = AlarmFacts("a", "fatigue", "day", "major", "active", "V1", "hazmat", "E1")


@pytest.mark.parametrize(
    ("matchers", "covered"),
    [
        pytest.param({"rule": "fatigue"}, True, id="rule"),
        pytest.param({"rule": "speeding"}, False, id="another rule"),
        pytest.param({"kind": "day"}, True, id="kind"),
        pytest.param({"kind": "night"}, False, id="another kind"),
        pytest.param({"grade": Grade.MAJOR}, True, id="at most this grade"),
        pytest.param({"grade": Grade.GENERAL}, False, id="graver than that"),
        pytest.param({"vehicle_class": "hazmat", "enterprise_id": "E1"}, True, id="class and enterprise"),
        pytest.param({"vehicle_class": "hazmat", "enterprise_id": "E2"}, False, id="class of another enterprise"),
        pytest.param({"vehicle_id": "V1"}, True, id="vehicle"),
        pytest.param({"region": "高台县"}, True, id="region"),
        pytest.param({"region": "临泽县"}, False, id="another region"),
        pytest.param({"vehicle_id": "V1", "sink": "desk"}, True, id="this receiver"),
        pytest.param({"vehicle_id": "V1", "sink": "bureau"}, False, id="another receiver"),
    ],
)
def test_all_matchers_of_a_silence_have_to_match(matchers: dict[str, object], covered: bool) -> None:
    silence = msgspec.structs.replace(Silence(1, "a", "r", 0, NOW_MS), **matchers)
    assert silence.covers(FACTS, "高台县", "desk") is covered


EDITIONS = st.lists(
    st.tuples(st.sampled_from(["notice", "major", "serious"]), st.booleans(), st.booleans()), min_size=1, max_size=8
)


@given(EDITIONS, st.booleans(), st.sampled_from([NONE, CAP, DIGEST, GROUP]))
def test_a_receiver_hears_of_no_end_without_an_onset_and_of_every_end_of_what_it_was_told(
    editions: list[tuple[str, bool, bool]], ends_silenced: bool, limits: LimitSettings
) -> None:
    standing: Standing | None = None
    told = False
    for number, (grade, silenced, rich) in enumerate(editions, 1):
        budget = (FULL if rich else EMPTY) if limits is CAP else None
        silences = (SILENCE,) if silenced else ()
        decision = decide(push(grade, sequence=number), standing, limits=limits, silences=silences, budget=budget)
        standing = decision.standing
        told |= decision.fate is Fate.SEND
        assert (standing is not None and standing.hearing is Hearing.TOLD) == told
    silences = (SILENCE,) if ends_silenced else ()
    end = decide(push(editions[-1][0], "cleared"), standing, limits=limits, silences=silences, budget=EMPTY)
    assert (end.fate is Fate.SEND) == told
