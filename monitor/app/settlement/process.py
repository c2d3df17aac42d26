"""Settlement in a process of its own, of low priority: a day takes a minute of computing.

Over its pipes it says what the live engine has to be told, and waits until that is in the journal. It ends with the
core, however the core ends; nothing is lost by that.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import pickle
import signal
import struct
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from monitor.app.child import start_logging
from monitor.app.settlement.composing import Part, parts
from monitor.app.settlement.settings import SettlementSettings
from monitor.app.settlement.settled_state import SettledFolder
from monitor.app.settlement.settler import DayReport, Settler, ToPutRight
from monitor.app.wall_clock import now_ms
from monitor.errors import MonitorError, OperationError, StoreError
from monitor.model.journal import RecordType
from monitor.store.archive import Archive, ArchiveSettings
from monitor.store.database import open_database

log = logging.getLogger(__name__)

_LENGTH = struct.Struct("<Q")
_PROGRAM = "from monitor.app.settlement.process import serve; serve()"
"""Not as a script: what it pickles would belong to ``__main__``."""
_NICE = 15
_STOP_S = 5.0
_LOOK_S = 0.5
_PR_SET_PDEATHSIG = 1

Tell = Callable[[tuple[Part, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Question:
    """What to settle: days ``first`` to ``last``, or with ``first`` None what is stale up to ``last``."""

    database_url: str
    archive: Path
    archive_settings: ArchiveSettings
    folder: Path
    settings: SettlementSettings
    first: int | None
    last: int
    current: dict[RecordType, bytes] | None
    clock_ms: int


@dataclass(frozen=True, slots=True)
class _Told:
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Done:
    reports: tuple[DayReport, ...]


@dataclass(frozen=True, slots=True)
class _Failed:
    reason: str
    advice: str


async def settle_beside(question: Question, tell: Tell) -> tuple[DayReport, ...]:
    """Have it done by a process; ``tell`` brings parts into the journal. Raises ``OperationError``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await _send(process.stdin, question)
        while True:
            (size,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
            said = await asyncio.to_thread(pickle.loads, await process.stdout.readexactly(size))
            if isinstance(said, _Done):
                return said.reports
            if isinstance(said, _Failed):
                raise StoreError(reason=said.reason, advice=said.advice)
            assert isinstance(said, _Told)
            await tell(said.parts)
            await _send(process.stdin, True)
    except (OSError, EOFError) as error:
        raise OperationError(f"the settlement process ended ({error!r}); the next run does the day again") from error
    finally:
        await _ended(process)


async def _send(pipe: asyncio.StreamWriter, what: object) -> None:
    data = await asyncio.to_thread(pickle.dumps, what, protocol=5)
    pipe.write(_LENGTH.pack(len(data)) + data)
    await pipe.drain()


async def _ended(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class _ThroughThePipe:
    """The live engine, as the process sees it."""

    def __init__(self, questions: BinaryIO, answers: BinaryIO, archive: Archive, at_once: int) -> None:
        self._questions = questions
        self._answers = answers
        self._archive = archive
        self._at_once = at_once

    def put_right(self, told: ToPutRight) -> None:
        for part in parts(told, self._archive, self._at_once):
            say(self._answers, _Told((part,)))
            if heard(self._questions) is None:
                raise StoreError(reason="the core is gone", advice="The next run does the day again")


def run(question: Question, live: object, stopped: Callable[[], bool] = lambda: False) -> tuple[DayReport, ...]:
    """Settle here. Raises ``OperationError``."""
    archive = Archive(question.archive, question.archive_settings)
    database = open_database(question.database_url)
    begun_s = time.monotonic()

    def clock_ms() -> int:
        return question.clock_ms + round((time.monotonic() - begun_s) * 1000)

    try:
        assert hasattr(live, "put_right")
        settler = Settler(archive, database, SettledFolder(question.folder), question.settings, live, clock_ms, now_ms)
        first = question.first if question.first is not None else settler.stale_from(question.last)
        if first is None:
            return ()
        return settler.settle(first, question.last, current=question.current, stopped=stopped)
    finally:
        database.close()


def say(pipe: BinaryIO, what: object) -> None:
    """Write a pickle with its length in front."""
    data = pickle.dumps(what, protocol=5)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def heard(pipe: BinaryIO) -> object | None:
    """The next pickle; None when the other end is closed."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    found: object = pickle.loads(pipe.read(_LENGTH.unpack(head)[0]))
    return found


def serve() -> None:
    """The process itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent alone decides
    os.nice(_NICE)
    _end_with(os.getppid())
    start_logging()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not get between the answers
    questions = sys.stdin.buffer
    question = heard(questions)
    if not isinstance(question, Question):
        return
    archive = Archive(question.archive, question.archive_settings)
    live = _ThroughThePipe(questions, answers, archive, question.settings.vehicles_at_once)
    try:
        say(answers, _Done(run(question, live)))
    except StoreError as error:
        say(answers, _Failed(error.reason, error.advice))
    except MonitorError as error:
        say(answers, _Failed(str(error), "Look at the log of the core"))


def _end_with(parent: int) -> None:
    """End when the parent has: its successor may settle the same day."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=look, name="parent", daemon=True).start()
