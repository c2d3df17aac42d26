"""What people decide about deliveries: silences, and what becomes of dead letters. Each decision is logged by name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from monitor.alarms.silences import LONGEST_MS, Silence
from monitor.app.silence_book import SilenceBook
from monitor.console.commands import Command, Handler, Reply, reply
from monitor.console.delivery_words import Added, DeliveryCommand, Done, ExpireBody, LettersBody, SilenceBody
from monitor.errors import CommandError
from monitor.model.alarm import Grade
from monitor.model.beijing import DAY_MS, iso
from monitor.model.fleet import VehicleClass
from monitor.store.database import Database
from monitor.store.dead_letters import Choice, dead_letter, discard, resend

log = logging.getLogger(__name__)

MOST_IDS = 1_000
"""Dead letters named in one command; more go by their receiver."""
_MOST_TEXT = 500


class DeliveryDesk:
    """``sinks`` are the receivers configured, ``rules`` the rules there are; ``wake`` has the workers look at once."""

    def __init__(
        self,
        database: Database,
        book: SilenceBook,
        sinks: Collection[str],
        rules: Collection[str],
        now_ms: Callable[[], int],
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._book = book
        self._sinks = frozenset(sinks)
        self._rules = frozenset(rules)
        self._now_ms = now_ms
        self._wake = wake
        self._busy = asyncio.Lock()

    def handlers(self) -> Mapping[str, Handler]:
        """What the command channel may ask."""
        return {
            DeliveryCommand.ADD_SILENCE: self._add,
            DeliveryCommand.EXPIRE_SILENCE: self._expire,
            DeliveryCommand.RESEND: self._resend,
            DeliveryCommand.DISCARD: self._discard,
        }

    async def _add(self, command: Command) -> Reply:
        wanted = self._silence(command.read(SilenceBody))
        async with self._busy:
            kept = await asyncio.to_thread(self._book.add, wanted)
        log.info(
            "silence %d by %s (%s) until %s: %s",
            kept.silence_id,
            kept.author,
            command.by,
            iso(kept.ends_ms),
            kept.reason,
        )
        return reply(Added(kept.silence_id))

    async def _expire(self, command: Command) -> Reply:
        body = command.read(ExpireBody)
        author = _text("author", body.author)
        async with self._busy:
            done = await asyncio.to_thread(self._book.expire, body.silence_id, author)
        if not done:
            raise _problem(404, "not_found", f"No silence {body.silence_id} lasts.")
        log.info("silence %d ended by %s (%s)", body.silence_id, author, command.by)
        self._wake()
        return reply()

    async def _resend(self, command: Command) -> Reply:
        body = command.read(LettersBody)
        author, choice = _text("author", body.author), _choice(body)
        note = body.note[:_MOST_TEXT]
        async with self._busy:
            done = await asyncio.to_thread(resend, self._database, choice, self._sinks, author, note, self._now_ms())
            if not done:
                await asyncio.to_thread(self._refuse, choice)
        log.info("dead letters: %d sent again by %s (%s)", done, author, command.by)
        self._wake()
        return reply(Done(done))

    async def _discard(self, command: Command) -> Reply:
        body = command.read(LettersBody)
        author, choice = _text("author", body.author), _choice(body)
        note = _text("note", body.note)
        async with self._busy:
            done = await asyncio.to_thread(discard, self._database, choice, author, note, self._now_ms())
            if not done:
                await asyncio.to_thread(self._refuse, choice)
        log.info("dead letters: %d discarded by %s (%s): %s", done, author, command.by, note)
        return reply(Done(done))

    def _refuse(self, choice: Choice) -> None:
        """Why nothing was done, where somebody named what to do."""
        for letter_id in choice.ids:
            letter = dead_letter(self._database, letter_id)
            if letter is None:
                raise _problem(404, "not_found", f"There is no dead letter {letter_id}.")
            if letter.state.value != "waiting":
                raise _problem(409, "decided", f"Dead letter {letter_id} is {letter.state.value} already.")
            if not letter.message.data:
                raise _problem(409, "not_whole", f"Of dead letter {letter_id} only the refusal was kept.")
            if letter.sink not in self._sinks:
                raise _problem(409, "no_such_sink", f"There is no sink {letter.sink} to send it to.")
        if choice.sink and choice.sink not in self._sinks:
            raise _problem(404, "not_found", f"There is no sink {choice.sink}.")

    def _silence(self, body: SilenceBody) -> Silence:
        now_ms = self._now_ms()
        if body.sink and body.sink not in self._sinks:
            raise _wrong("sink", f"{body.sink!r} is none of {', '.join(sorted(self._sinks)) or 'none configured'}")
        if body.rule and body.rule not in self._rules:
            raise _wrong("rule", f"{body.rule!r} is none of {', '.join(sorted(self._rules))}")
        if body.vehicle_class and body.vehicle_class not in list(VehicleClass):
            raise _wrong("vehicle_class", f"{body.vehicle_class!r} is none of {', '.join(VehicleClass)}")
        if body.grade.upper() not in Grade.__members__:
            raise _wrong("grade", f"{body.grade!r} is none of {', '.join(grade.word for grade in Grade)}")
        if not now_ms < body.ends_ms <= now_ms + LONGEST_MS:
            raise _wrong("until", f"has to be in the future and at most {LONGEST_MS // DAY_MS} days away")
        silence = Silence(
            silence_id=0,
            author=_text("author", body.author),
            reason=_text("reason", body.reason),
            created_ms=now_ms,
            ends_ms=body.ends_ms,
            sink=body.sink,
            rule=body.rule,
            kind=body.kind,
            grade=Grade[body.grade.upper()],
            vehicle_class=body.vehicle_class,
            enterprise_id=body.enterprise_id,
            vehicle_id=body.vehicle_id,
            region=body.region,
        )
        if silence.matches_everything:
            raise _wrong("matchers", "would silence everything; name a rule, a grade, a vehicle or the like")
        return silence


def _choice(body: LettersBody) -> Choice:
    if bool(body.ids) == bool(body.sink):
        raise _wrong("ids", "name either dead letters or a sink")
    if len(body.ids) > MOST_IDS:
        raise _wrong("ids", f"are at most {MOST_IDS}; more go by their sink")
    return Choice(body.ids, body.sink)


def _text(name: str, text: str) -> str:
    stated = text.strip()
    if not stated or len(stated) > _MOST_TEXT:
        raise _wrong(name, f"has to be a text of up to {_MOST_TEXT} characters")
    return stated


def _wrong(name: str, reason: str) -> CommandError:
    return _problem(422, "wrong_parameter", f"{name} {reason}.")


def _problem(status: int, word: str, message: str) -> CommandError:
    return CommandError(status=status, reason=word, message=message)
