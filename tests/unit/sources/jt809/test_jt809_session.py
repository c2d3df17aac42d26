"""The procedure of a channel, as the table has it: no socket, no clock."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.jt809.session import TABLE, Do, Heard, Session, Side, State

HEARTBEAT_MS, DEAD_MS, LOGIN_MS = 60_000, 180_000, 10_000
STARTED_MS = 1_000_000


def session(side: Side, *heard: Heard) -> Session:
    made = Session(side, heartbeat_ms=HEARTBEAT_MS, dead_ms=DEAD_MS, login_ms=LOGIN_MS)
    for what in heard:
        made.heard(what, STARTED_MS)
    return made


UP = {
    Side.CLIENT: (Heard.OPENED, Heard.ACCEPTED),
    Side.SERVER: (Heard.OPENED, Heard.LOGIN, Heard.ACCEPTED),
}

LIVES = [
    pytest.param(
        Side.CLIENT,
        [
            (Heard.OPENED, State.LOGIN, [Do.SEND_LOGIN]),
            (Heard.ACCEPTED, State.UP, [Do.GO_UP]),
            (Heard.TRAFFIC, State.UP, [Do.TAKE]),
            (Heard.LEAVE, State.LEAVING, [Do.GO_DOWN, Do.SEND_LOGOUT]),
            (Heard.TRAFFIC, State.LEAVING, [Do.TAKE]),
            (Heard.LOGGED_OUT, State.CLOSED, [Do.CLOSE]),
            (Heard.LOST, State.CLOSED, []),
        ],
        id="a client logs in, works and logs out",
    ),
    pytest.param(
        Side.CLIENT,
        [
            (Heard.OPENED, State.LOGIN, [Do.SEND_LOGIN]),
            (Heard.REFUSED, State.CLOSED, [Do.CLOSE]),
            (Heard.TRAFFIC, State.CLOSED, [Do.IGNORE]),
        ],
        id="a client that is refused closes",
    ),
    pytest.param(
        Side.CLIENT,
        [
            (Heard.OPENED, State.LOGIN, [Do.SEND_LOGIN]),
            (Heard.TRAFFIC, State.LOGIN, [Do.IGNORE]),
            (Heard.LOST, State.CLOSED, []),
        ],
        id="a client takes nothing before its log-in is answered",
    ),
    pytest.param(
        Side.SERVER,
        [
            (Heard.OPENED, State.LOGIN, []),
            (Heard.LOGIN, State.LOGIN, [Do.CHECK_LOGIN]),
            (Heard.ACCEPTED, State.UP, [Do.WELCOME, Do.GO_UP]),
            (Heard.HEARTBEAT, State.UP, [Do.ANSWER_HEARTBEAT]),
            (Heard.LOGIN, State.UP, [Do.CHECK_LOGIN]),
            (Heard.ACCEPTED, State.UP, [Do.WELCOME]),
            (Heard.LOGOUT, State.CLOSED, [Do.ANSWER_LOGOUT, Do.GO_DOWN, Do.CLOSE]),
        ],
        id="a server welcomes, answers a second log-in, and lets go",
    ),
    pytest.param(
        Side.SERVER,
        [
            (Heard.OPENED, State.LOGIN, []),
            (Heard.LOGIN, State.LOGIN, [Do.CHECK_LOGIN]),
            (Heard.REFUSED, State.CLOSED, [Do.REFUSE, Do.CLOSE]),
        ],
        id="a server says why it refuses",
    ),
    pytest.param(
        Side.SERVER,
        [(Heard.OPENED, State.LOGIN, []), (Heard.TRAFFIC, State.CLOSED, [Do.CLOSE])],
        id="a server closes on traffic before the log-in",
    ),
    pytest.param(
        Side.SERVER,
        [
            (Heard.OPENED, State.LOGIN, []),
            (Heard.LOGIN, State.LOGIN, [Do.CHECK_LOGIN]),
            (Heard.ACCEPTED, State.UP, [Do.WELCOME, Do.GO_UP]),
            (Heard.LOGIN, State.UP, [Do.CHECK_LOGIN]),
            (Heard.REFUSED, State.CLOSED, [Do.REFUSE, Do.GO_DOWN, Do.CLOSE]),
        ],
        id="a second log-in that is wrong ends what the first began",
    ),
    pytest.param(
        Side.SERVER,
        [
            (Heard.OPENED, State.LOGIN, []),
            (Heard.LOGIN, State.LOGIN, [Do.CHECK_LOGIN]),
            (Heard.ACCEPTED, State.UP, [Do.WELCOME, Do.GO_UP]),
            (Heard.NONSENSE, State.UP, [Do.IGNORE]),
            (Heard.GARBAGE, State.CLOSED, [Do.GO_DOWN, Do.CLOSE]),
        ],
        id="garbage ends an open channel",
    ),
]


@pytest.mark.parametrize(("side", "life"), LIVES)
def test_a_life(side: Side, life: list[tuple[Heard, State, list[Do]]]) -> None:
    made = session(side)
    for heard, state, actions in life:
        assert list(made.heard(heard, STARTED_MS)) == actions
        assert made.state is state


@pytest.mark.parametrize("side", Side)
@given(heard=st.lists(st.sampled_from(Heard), max_size=40))
def test_ups_and_downs_alternate_and_a_closed_session_does_nothing(side: Side, heard: list[Heard]) -> None:
    made = session(side)
    up = False
    for what in heard:
        before = made.state
        for action in made.heard(what, STARTED_MS):
            assert action is not Do.GO_UP or not up
            assert action is not Do.GO_DOWN or up
            assert before is not State.CLOSED or action in (Do.SEND_LOGIN, Do.IGNORE)
            up = {Do.GO_UP: True, Do.GO_DOWN: False}.get(action, up)
        assert up == (made.state is State.UP)


@pytest.mark.parametrize("side", Side)
def test_every_state_but_closed_has_a_way_out_for_lost_and_garbage(side: Side) -> None:
    for state, heard in itertools.product((State.LOGIN, State.UP, State.LEAVING), (Heard.LOST, Heard.GARBAGE)):
        assert TABLE[side][state, heard][0] is State.CLOSED


def test_a_client_that_said_nothing_for_a_minute_sends_a_heartbeat() -> None:
    made = session(Side.CLIENT, *UP[Side.CLIENT])
    made.received(STARTED_MS + 30_000)
    assert made.tick(STARTED_MS + 59_999)[1] == ()
    assert made.tick(STARTED_MS + 60_000) == (Heard.IDLE, (Do.SEND_HEARTBEAT,))
    assert made.tick(STARTED_MS + 60_001)[1] == ()


def test_a_client_that_sends_and_sends_and_hears_nothing_asks_too() -> None:
    made = session(Side.CLIENT, *UP[Side.CLIENT])
    made.sent(STARTED_MS + 59_000)
    assert made.tick(STARTED_MS + 60_000) == (Heard.IDLE, (Do.SEND_HEARTBEAT,))
    made.sent(STARTED_MS + 119_000)
    assert made.tick(STARTED_MS + 119_999)[1] == ()
    assert made.tick(STARTED_MS + 120_000) == (Heard.IDLE, (Do.SEND_HEARTBEAT,))


def test_a_busy_client_sends_no_heartbeat() -> None:
    made = session(Side.CLIENT, *UP[Side.CLIENT])
    for second in range(300):
        made.sent(STARTED_MS + second * 1_000)
        made.received(STARTED_MS + second * 1_000)
        assert made.tick(STARTED_MS + second * 1_000)[1] == ()


def test_a_server_never_sends_a_heartbeat() -> None:
    made = session(Side.SERVER, *UP[Side.SERVER])
    assert made.tick(STARTED_MS + DEAD_MS - 1)[1] == ()


@pytest.mark.parametrize("side", Side)
def test_three_minutes_of_silence_close_a_channel(side: Side) -> None:
    made = session(side, *UP[side])
    made.sent(STARTED_MS + DEAD_MS - 1)
    assert made.tick(STARTED_MS + DEAD_MS) == (Heard.SILENT, (Do.GO_DOWN, Do.CLOSE))
    assert made.state is State.CLOSED
    assert made.next_ms() is None


@pytest.mark.parametrize("side", Side)
def test_whoever_does_not_log_in_in_time_is_closed(side: Side) -> None:
    made = session(side, Heard.OPENED)
    assert made.next_ms() == STARTED_MS + LOGIN_MS
    made.received(STARTED_MS + LOGIN_MS - 1)
    assert made.tick(STARTED_MS + LOGIN_MS) == (Heard.LATE, (Do.CLOSE,))


def test_a_log_out_that_is_not_answered_ends_all_the_same() -> None:
    made = session(Side.CLIENT, *UP[Side.CLIENT], Heard.LEAVE)
    assert made.tick(STARTED_MS + LOGIN_MS) == (Heard.LATE, (Do.CLOSE,))


def test_the_next_look_is_due_when_something_is() -> None:
    client, server = session(Side.CLIENT, *UP[Side.CLIENT]), session(Side.SERVER, *UP[Side.SERVER])
    assert client.next_ms() == STARTED_MS + HEARTBEAT_MS
    assert server.next_ms() == STARTED_MS + DEAD_MS
    client.received(STARTED_MS + 50_000)
    client.sent(STARTED_MS + 50_000)
    assert client.next_ms() == STARTED_MS + 110_000
