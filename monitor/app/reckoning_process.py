"""The reckoning in a process of its own, of low priority: it computes for seconds, and would hold up whoever shares its
interpreter (20,000 vehicles: 6 s).

The process lives as long as its standard input is open, so it ends with the core however the core ends. Questions and
answers are pickles with their length in front, over pipes that only these two hold. Indicator rows of vehicles, the
bulk of the outcome, are written to the store by the process itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import signal
import struct
import sys
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from monitor.app.child import start_logging
from monitor.app.reckoning import OpenDays, Reckoned, reckon, write_vehicle_rows
from monitor.errors import OperationError, StoreError
from monitor.model.fleet import Registry
from monitor.store.database import open_database
from monitor.supervision.entry_rules import EntryRule

log = logging.getLogger(__name__)

_LENGTH = struct.Struct("<Q")
_PROGRAM = "from monitor.app.reckoning_process import serve; serve()"
"""Not as a script: what it pickles would belong to ``__main__``."""
_NICE = 10
_TIMEOUT_S = 600.0
"""A guess: a hundred times what 20,000 vehicles take."""
_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Question:
    """What to reckon. The registry is large and changes seldom: it comes only with ``registry_changed``."""

    database_url: str
    open_days: OpenDays
    registry_changed: bool
    rules: tuple[EntryRule, ...]
    lang: str


@dataclass(frozen=True, slots=True)
class _Failure:
    """A ``StoreError`` on its way between processes."""

    reason: str
    advice: str


class ReckoningProcess:
    """The core's end. Not for two callers at once."""

    def __init__(self, database_url: str, rules: tuple[EntryRule, ...], lang: str) -> None:
        self._database_url = database_url
        self._rules = rules
        self._lang = lang
        self._process: asyncio.subprocess.Process | None = None
        self._registry: Registry | None = None

    async def reckon(self, open_days: OpenDays) -> Reckoned:
        """The outcome without ``vehicle_rows``, which are in the store by then. Raises ``OperationError``."""
        if self._process is None:
            self._registry = None
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                _PROGRAM,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        process = self._process
        changed = open_days.registry is not self._registry or open_days.registry is None
        sent = open_days if changed else replace(open_days, registry=None)
        question = Question(self._database_url, sent, changed, self._rules, self._lang)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await _asked(process, await asyncio.to_thread(pickle.dumps, question, protocol=5))
        except (OSError, EOFError, TimeoutError) as error:
            await self.close()
            raise OperationError(
                f"the reckoning process ended or did not answer ({error!r}); it is started anew"
            ) from error
        except asyncio.CancelledError:
            await self.close()
            raise
        self._registry = open_days.registry
        found = await asyncio.to_thread(pickle.loads, answer)
        if isinstance(found, _Failure):
            raise StoreError(reason=found.reason, advice=found.advice)
        return cast(Reckoned, found)

    async def close(self) -> None:
        """Let the process end."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _asked(process: asyncio.subprocess.Process, question: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(_LENGTH.pack(len(question)))
    process.stdin.write(question)
    await process.stdin.drain()
    (size,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
    return await process.stdout.readexactly(size)


def _answer(question: Question, registry: Registry | None) -> Reckoned | _Failure:
    open_days = replace(question.open_days, registry=registry)
    database = open_database(question.database_url)
    try:
        found = reckon(database, open_days, question.rules, question.lang)
        write_vehicle_rows(database, found.vehicle_rows)
    except StoreError as error:
        return _Failure(error.reason, error.advice)
    finally:
        database.close()
    return replace(found, vehicle_rows=())


def main(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other end closes."""
    registry: Registry | None = None
    while len(head := questions.read(_LENGTH.size)) == _LENGTH.size:
        question = cast(Question, pickle.loads(questions.read(_LENGTH.unpack(head)[0])))
        if question.registry_changed:
            registry = question.open_days.registry
        answer = pickle.dumps(_answer(question, registry), protocol=5)
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


def serve() -> None:
    """The process itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent alone decides
    os.nice(_NICE)
    start_logging()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not get between the answers
    main(sys.stdin.buffer, answers)
