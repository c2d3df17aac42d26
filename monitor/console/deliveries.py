"""Addresses of the REST API for deliveries: silences, and messages that a receiver did not take."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from monitor.alarms.silences import Silence
from monitor.console.access import asked_by
from monitor.console.commands import Commands, command
from monitor.console.delivery_words import Added, DeliveryCommand, Done, ExpireBody, LettersBody, SilenceBody
from monitor.console.parameters import PREFIX, Limit, Offset, WrongParameterError, moment
from monitor.model.beijing import iso
from monitor.store.database import Database
from monitor.store.dead_letters import DeadLetter, LetterState, dead_letter, find_dead_letters
from monitor.store.silence_store import find_silences

_TAGS: list[str] = ["deliveries"]
Number = Annotated[int, Path(ge=1, le=2**53)]
Text = Annotated[str, Field(max_length=500)]
Key = Annotated[str, Field(max_length=128)]


class SilenceRecord(BaseModel):
    """A silence. Empty matchers match everything."""

    silence_id: int
    author: str
    reason: str
    created_at: str
    ends_at: str
    expired_by: str | None = Field(description="who ended it before its time")
    sink: str | None = Field(description="receiver; null for all")
    rule: str | None
    kind: str | None
    grade: str = Field(description="at most")
    vehicle_class: str | None
    enterprise_id: str | None
    vehicle_id: str | None
    region: str | None


class SilenceList(BaseModel):
    total: int
    offset: int
    silences: list[SilenceRecord]


class _New(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewSilence(_New):
    """Keep alarms from being delivered. They are detected, stored and counted all the same."""

    author: Text = Field(min_length=1)
    reason: Text = Field(min_length=1)
    until: str = Field(description="ISO 8601, in the future, at most 92 days away")
    sink: Key = Field(default="", description="receiver; default: all")
    rule: Key = ""
    kind: Key = ""
    grade: str = Field(default="serious", description="at most: notice, general, major, serious")
    vehicle_class: Key = ""
    enterprise_id: Key = ""
    vehicle_id: Key = ""
    region: Key = ""


class AddedRecord(BaseModel):
    silence_id: int


class Author(_New):
    author: Text = Field(min_length=1)


class DeadLetterRecord(BaseModel):
    """A message that a receiver did not take."""

    letter_id: int
    sink: str
    type: str
    id: str
    sequence: int
    topic: str
    created_at: str
    cause: str = Field(description="refused: it never will; gave_up: it failed for too long")
    reason: str
    attempts: int
    first_try_at: str
    last_try_at: str
    state: LetterState
    decided_at: str | None
    decided_by: str | None
    note: str | None


class WholeDeadLetter(DeadLetterRecord):
    data: object = Field(description="as it was to be sent; null where only the refusal was kept")


class DeadLetterList(BaseModel):
    total: int
    offset: int
    letters: list[DeadLetterRecord]


class LetterChoice(_New):
    """Dead letters by number, or all that wait for one receiver."""

    author: Text = Field(min_length=1)
    ids: list[int] = Field(default_factory=list, max_length=1_000)
    sink: Key = ""
    note: Text = Field(default="", description="why; required to discard")


class DoneRecord(BaseModel):
    letters: int


def add_deliveries(api: FastAPI, database: Database, commands: Commands) -> None:
    """Add them to the API."""
    _silences(api, database, commands)
    _letters(api, database, commands)


def _silences(api: FastAPI, database: Database, commands: Commands) -> None:
    @api.get(f"{PREFIX}/silences", tags=[*_TAGS])
    def silences(
        ends_after: Annotated[str | None, Query(description="only those that end later, ISO 8601")] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> SilenceList:
        """Silences 屏蔽, the newest first, those that are over too."""
        after_ms = moment("ends_after", ends_after)
        page = find_silences(database, after_ms or 0, lasting_only=after_ms is not None, limit=limit, offset=offset)
        return SilenceList(total=page.total, offset=offset, silences=[silence_record(one) for one in page.silences])

    @api.post(f"{PREFIX}/silences", tags=[*_TAGS], status_code=201)
    async def add(request: Request, new: NewSilence) -> AddedRecord:
        """Silence alarms from now on. Administrators only."""
        ends_ms = moment("until", new.until)
        assert ends_ms is not None
        body = SilenceBody(ends_ms=ends_ms, **new.model_dump(exclude={"until"}))
        answer = await commands.send(command(DeliveryCommand.ADD_SILENCE, body, by=asked_by(request)))
        return AddedRecord(silence_id=answer.read(Added).silence_id)

    @api.post(f"{PREFIX}/silences/{{silence_id}}/expire", tags=[*_TAGS])
    async def expire(request: Request, silence_id: Number, who: Author) -> AddedRecord:
        """End a silence now; what it kept back and still lasts is delivered. Administrators only."""
        body = ExpireBody(silence_id, who.author)
        await commands.send(command(DeliveryCommand.EXPIRE_SILENCE, body, by=asked_by(request)))
        return AddedRecord(silence_id=silence_id)


def _letters(api: FastAPI, database: Database, commands: Commands) -> None:
    @api.get(f"{PREFIX}/deadletters", tags=[*_TAGS])
    def letters(
        sink: str = "", state: LetterState | None = None, limit: Limit = 100, offset: Offset = 0
    ) -> DeadLetterList:
        """Messages that receivers did not take, the newest first."""
        page = find_dead_letters(database, sink=sink, state=state, limit=limit, offset=offset)
        return DeadLetterList(total=page.total, offset=offset, letters=[letter_record(one) for one in page.letters])

    @api.get(f"{PREFIX}/deadletters/{{letter_id}}", tags=[*_TAGS])
    def letter(letter_id: Number) -> WholeDeadLetter:
        """One message, whole."""
        found = dead_letter(database, letter_id)
        if found is None:
            raise HTTPException(404, f"There is no dead letter {letter_id}.")
        data: object = msgspec.json.decode(found.message.data) if found.message.data else None
        return WholeDeadLetter(**letter_record(found).model_dump(), data=data)

    @api.post(f"{PREFIX}/deadletters/resend", tags=[*_TAGS])
    async def resend(request: Request, choice: LetterChoice) -> DoneRecord:
        """Send them again, behind what waits, each with the idempotency key that it had. Administrators only."""
        return await _decided(commands, DeliveryCommand.RESEND, choice, request)

    @api.post(f"{PREFIX}/deadletters/discard", tags=[*_TAGS])
    async def discard(request: Request, choice: LetterChoice) -> DoneRecord:
        """Decide that they are not to be sent; they stay on record. Administrators only."""
        return await _decided(commands, DeliveryCommand.DISCARD, choice, request)


async def _decided(commands: Commands, name: DeliveryCommand, choice: LetterChoice, request: Request) -> DoneRecord:
    if bool(choice.ids) == bool(choice.sink):
        raise WrongParameterError("ids", "name either dead letters or a sink")
    body = LettersBody(choice.author, tuple(choice.ids), choice.sink, choice.note)
    answer = await commands.send(command(name, body, by=asked_by(request)))
    return DoneRecord(letters=answer.read(Done).letters)


def silence_record(one: Silence) -> SilenceRecord:
    """As the API shows it."""
    return SilenceRecord(
        silence_id=one.silence_id,
        author=one.author,
        reason=one.reason,
        created_at=iso(one.created_ms),
        ends_at=iso(one.ends_ms),
        expired_by=one.expired_by or None,
        sink=one.sink or None,
        rule=one.rule or None,
        kind=one.kind or None,
        grade=one.grade.word,
        vehicle_class=one.vehicle_class or None,
        enterprise_id=one.enterprise_id or None,
        vehicle_id=one.vehicle_id or None,
        region=one.region or None,
    )


def letter_record(one: DeadLetter) -> DeadLetterRecord:
    """As the API shows it in a list."""
    return DeadLetterRecord(
        letter_id=one.letter_id,
        sink=one.sink,
        type=one.message.kind.value,
        id=one.message.id,
        sequence=one.message.sequence,
        topic=one.message.topic,
        created_at=iso(one.created_ms),
        cause=one.cause.value,
        reason=one.reason,
        attempts=one.attempts,
        first_try_at=iso(one.first_try_ms),
        last_try_at=iso(one.last_try_ms),
        state=one.state,
        decided_at=None if one.decided_ms is None else iso(one.decided_ms),
        decided_by=one.decided_by or None,
        note=one.note or None,
    )
