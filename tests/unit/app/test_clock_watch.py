"""A clock that jumps is not followed; one that is set right, slowly or by a person, is."""

from __future__ import annotations

import logging

import pytest

from monitor.app.clock_watch import ACCEPT, ClockState, ClockWatch
from monitor.app.core_settings import CoreSettings
from monitor.app.ticker import Ticker
from monitor.console.commands import command
from monitor.model.beijing import iso

START_MS = 1_772_000_000_000


class _Machine:
    """Two clocks; ``pass_s`` lets time go by, ``step_s`` moves the wall clock alone."""

    def __init__(self, wall_ms: int = START_MS) -> None:
        self.wall_ms = wall_ms
        self.steady_s = 1_000.0
        self.watch = ClockWatch(600.0, lambda: self.wall_ms, lambda: self.steady_s)

    def pass_s(self, seconds: int) -> None:
        for _ in range(seconds):
            self.wall_ms += 1_000
            self.steady_s += 1.0
            self.watch.look()

    def step_s(self, seconds: float) -> None:
        self.wall_ms += round(seconds * 1000)
        self.watch.look()


@pytest.mark.parametrize("step_s", [601, 86_400, -601, -86_400])
def test_a_jump_is_not_followed_and_time_goes_on(step_s: int, caplog: pytest.LogCaptureFixture) -> None:
    machine = _Machine()
    machine.pass_s(10)
    machine.step_s(step_s)
    machine.pass_s(20)
    assert machine.watch.refused
    assert machine.watch.now_ms() == START_MS + 30_000
    assert "monitor clock accept" in machine.watch.failure
    assert iso(START_MS + 30_000) in machine.watch.failure
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == 1


@pytest.mark.parametrize("step_s", [599, 30, -30, -599])
def test_a_small_step_is_followed(step_s: int) -> None:
    machine = _Machine()
    machine.pass_s(10)
    machine.step_s(step_s)
    assert not machine.watch.refused
    assert machine.watch.now_ms() == machine.wall_ms


def test_a_step_back_of_minutes_is_followed_and_said() -> None:
    machine = _Machine()
    machine.step_s(-120)
    assert "went back" in machine.watch.failure
    machine.pass_s(120)
    assert machine.watch.failure == ""


def test_steps_add_up_to_a_jump() -> None:
    machine = _Machine()
    machine.step_s(500)
    machine.pass_s(10)
    machine.step_s(500)
    assert machine.watch.refused


def test_a_clock_that_runs_fast_is_no_jump() -> None:
    machine = _Machine()
    for _ in range(3_600):
        machine.pass_s(1)
        machine.step_s(0.001)
    machine.step_s(590)
    assert not machine.watch.refused


def test_a_clock_that_comes_back_is_followed_again() -> None:
    machine = _Machine()
    machine.step_s(7_200)
    machine.pass_s(60)
    machine.step_s(-7_199)
    assert not machine.watch.refused
    assert machine.watch.failure == ""
    assert machine.watch.now_ms() == START_MS + 61_000


async def test_a_person_says_that_the_clock_is_right() -> None:
    machine = _Machine()
    machine.step_s(7_200)
    answer = (await machine.watch.handlers()[ACCEPT](command(ACCEPT))).read(ClockState)
    assert (answer.refused, answer.failure, answer.apart_s) == (False, "", 0.0)
    assert machine.watch.now_ms() == START_MS + 7_200_000


def test_a_clock_that_was_never_set_may_be_set() -> None:
    machine = _Machine(1_000)
    assert "set it" in machine.watch.failure
    machine.step_s(START_MS / 1000)
    assert machine.watch.failure == ""
    assert not machine.watch.refused


class _Journal:
    failure = ""


def _ticker(machine: _Machine) -> Ticker:
    settings = CoreSettings(tick_s=10, heartbeat_s=60, pause_s=300)
    ticker = Ticker(_Journal(), lambda: 0, machine.watch.now_ms, settings, lambda: machine.watch.refused)  # type: ignore[arg-type]
    ticker._last_tick_ms = ticker._last_look_ms = START_MS
    return ticker


def test_no_tick_while_the_clock_is_refused_and_no_leap_when_it_comes_back() -> None:
    machine = _Machine()
    ticker = _ticker(machine)
    machine.step_s(90_000)
    for _ in range(400):
        machine.pass_s(1)
        assert ticker.wanted(machine.watch.now_ms()) is None
    machine.step_s(-90_000)
    record = ticker.wanted(machine.watch.now_ms())
    assert record is not None
    assert record.clock_ms == START_MS + 400_000
    assert not record.resumed


def test_an_accepted_leap_is_a_pause() -> None:
    """Absence and track rules hold back, as after any time in which we were not there."""
    machine = _Machine()
    ticker = _ticker(machine)
    machine.step_s(90_000)
    assert ticker.wanted(machine.watch.now_ms()) is None
    machine.watch.accept()
    record = ticker.wanted(machine.watch.now_ms())
    assert record is not None
    assert record.resumed
    assert (record.paused_ms, record.clock_ms) == (START_MS, START_MS + 90_000_000)
