"""The table of a terminal's session."""

from __future__ import annotations

from itertools import product

import pytest

from monitor.sources.jt808.session import SessionEvent, SessionState, Verdict, step, takes_traffic

C, R, A = SessionState.CONNECTED, SessionState.REGISTERED, SessionState.AUTHENTICATED
E = SessionEvent

LIVES = {
    "a terminal registers, shows its code and reports": (
        [E.REGISTERED, E.CODE_RIGHT, E.TRAFFIC],
        [Verdict.TAKE] * 3,
        A,
    ),
    "one that has its code needs no registration": ([E.CODE_RIGHT, E.TRAFFIC], [Verdict.TAKE] * 2, A),
    "a registration alone is not enough": ([E.REGISTERED, E.TRAFFIC], [Verdict.TAKE, Verdict.REFUSE], R),
    "a wrong code ends what the right one began": (
        [E.CODE_RIGHT, E.CODE_WRONG, E.TRAFFIC],
        [Verdict.TAKE, Verdict.REFUSE, Verdict.REFUSE],
        C,
    ),
    "after a refusal a terminal may register": (
        [E.CODE_WRONG, E.REGISTERED, E.CODE_RIGHT],
        [Verdict.REFUSE, Verdict.TAKE, Verdict.TAKE],
        A,
    ),
    "a lost answer does no harm": ([E.REGISTERED, E.REGISTERED, E.CODE_RIGHT], [Verdict.TAKE] * 3, A),
    "registering once more keeps what was shown": ([E.CODE_RIGHT, E.REGISTERED, E.TRAFFIC], [Verdict.TAKE] * 3, A),
    "an unregistered terminal begins anew": (
        [E.CODE_RIGHT, E.UNREGISTERED, E.TRAFFIC],
        [Verdict.TAKE, Verdict.TAKE, Verdict.REFUSE],
        C,
    ),
    "nobody unregisters a terminal without its code": (
        [E.REGISTERED, E.UNREGISTERED],
        [Verdict.TAKE, Verdict.REFUSE],
        R,
    ),
    "whom the registry refuses is closed": ([E.REFUSED], [Verdict.CLOSE], C),
}


@pytest.mark.parametrize("life", LIVES)
def test_a_session_goes_by_its_table(life: str) -> None:
    events, verdicts, last = LIVES[life]
    state = C
    for event, expected in zip(events, verdicts, strict=True):
        state, verdict = step(state, event)
        assert verdict is expected
    assert state is last


def test_every_event_has_an_entry_in_every_state() -> None:
    for state, event in product(SessionState, SessionEvent):
        step(state, event)


def test_only_the_right_code_authenticates() -> None:
    for state, event in product((C, R), SessionEvent):
        assert (step(state, event)[0] is A) == (event is E.CODE_RIGHT)


def test_without_a_code_traffic_is_taken_only_where_none_is_required() -> None:
    assert [takes_traffic(state) for state in SessionState] == [False, False, True]
    assert all(takes_traffic(state, code_required=False) for state in SessionState)
    assert step(C, E.UNREGISTERED, code_required=False)[1] is Verdict.REFUSE
