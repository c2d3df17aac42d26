"""Alarms to an upper platform over a JT/T 809 link: 0x1402 for each edition of an alarm, results for those withdrawn.

Nothing answers 0x1402, so an alarm counts as delivered when its bytes are with the socket; which message carried it is
kept, because orders about it name the message (2019) or vehicle, type and time (2011).
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from monitor.codec.jt809 import Version, warn_type_of_rule
from monitor.errors import CodecError, DeliveryError, OperationError
from monitor.model.alarm import Certainty, Grade
from monitor.model.exchange import AlarmResult, HandlingResult, ReportedAlarm, WarnSource
from monitor.model.push import PushKind, PushMessage
from monitor.sinks.jt809_words import AlarmWords, PlateOf, alarm_sentence
from monitor.sinks.sink import Sent

REPORT = 0x1402
"""上报报警信息, both editions."""


class Jt809SinkSettings(BaseModel):
    """Which alarms go up over one link on which we are the lower platform."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64, pattern=r"[\w.-]+", description="unique; its cursor goes by it")
    link: str = Field(min_length=1, max_length=64, description="name of the link")
    rules: tuple[str, ...] = Field(default=(), description="rules whose alarms go; empty = all")
    grade: str = Field(default="general", description="the lowest grade that goes: notice, general, major or serious")
    suspected: bool = Field(default=False, description="whether alarms go that are only suspected")
    classes: tuple[str, ...] = Field(default=(), description="vehicle classes whose alarms go; empty = all")
    enterprises: tuple[str, ...] = Field(default=(), description="enterprises whose alarms go; empty = all")

    @field_validator("grade")
    @classmethod
    def _is_a_grade(cls, word: str) -> str:
        if word.upper() not in Grade.__members__:
            raise ValueError(f"is none of {', '.join(grade.word for grade in Grade)}")
        return word

    @property
    def kinds(self) -> tuple[PushKind, ...]:
        """What this sink is for."""
        return (PushKind.ALARM,)

    def wants(self, words: AlarmWords) -> bool:
        """Whether an alarm goes up."""
        return (
            (not self.rules or words.rule in self.rules)
            and Grade[words.grade.upper()] >= Grade[self.grade.upper()]
            and (self.suspected or words.certainty == Certainty.CERTAIN.word)
            and (not self.classes or words.vehicle_class in self.classes)
            and (not self.enterprises or words.enterprise_id in self.enterprises)
        )


class AlarmLink(Protocol):
    """The link. Both raise ``DeliveryError`` (``LinkDownError`` while it is down) and ``CodecError``."""

    async def report_alarm(self, alarm: ReportedAlarm) -> int: ...
    async def report_result(self, result: AlarmResult) -> int: ...


class Reported(Protocol):
    """One alarm as it was sent."""

    @property
    def sn(self) -> int: ...
    @property
    def info_id(self) -> int: ...
    @property
    def plate(self) -> str: ...
    @property
    def plate_color(self) -> int: ...


class References(Protocol):
    """Which message carried which alarm. Blocks; raises ``OperationError``."""

    def keep(self, alarm: ReportedAlarm, alarm_id: str, sequence: int, sent_ms: int) -> None: ...
    def last(self, alarm_id: str) -> Reported | None:
        """The last message that carried an alarm over this link."""
        ...


class Jt809Sink:
    """``now_ms`` is the wall clock. ``skipped`` counts, by reason, what is not for this link."""

    def __init__(
        self,
        settings: Jt809SinkSettings,
        link: AlarmLink,
        version: Version,
        platform_id: str,
        plate_of: PlateOf,
        references: References,
        now_ms: Callable[[], int],
    ) -> None:
        self.settings = settings
        self.skipped: Counter[str] = Counter()
        self._link = link
        self._version = version
        self._platform_id = platform_id
        self._plate_of = plate_of
        self._references = references
        self._now_ms = now_ms

    async def send(self, messages: Sequence[PushMessage], /) -> Sent:
        """In order; the first that the link does not take ends it."""
        for delivered, message in enumerate(messages):
            try:
                await self._tell(message)
            except DeliveryError as error:
                return Sent(delivered, self._error(str(error), retry=error.retry), reached=False)
            except CodecError as error:
                return Sent(delivered, self._error(f"cannot be said over this link: {error}", retry=False))
            except OperationError as error:
                return Sent(delivered, self._error(str(error)), reached=False)
        return Sent(len(messages))

    async def close(self) -> None:
        """The link is not ours to close."""

    async def report_result(self, alarm_id: str, result: HandlingResult) -> bool:
        """Tell what became of an alarm; False if it never went over this link. Raises as the link does."""
        sent = await asyncio.to_thread(self._references.last, alarm_id)
        if sent is None:
            return False
        await self._link.report_result(
            AlarmResult(
                int(result),
                self._now_ms(),
                info_id=sent.info_id if self._version is Version.V2011 else 0,
                source_type=0 if self._version is Version.V2011 else REPORT,
                source_sn=0 if self._version is Version.V2011 else sent.sn,
                plate=sent.plate,
                plate_color=sent.plate_color,
            )
        )
        return True

    async def _tell(self, message: PushMessage) -> None:
        words = msgspec.json.decode(message.data, type=AlarmWords)
        if words.state == "withdrawn":
            # Told only if the alarm itself was; how it would be judged now does not matter.
            if not await self.report_result(words.alarm_id, HandlingResult.NOT_HANDLED):
                self.skipped["withdrawn"] += 1
            return
        # An alarm that was told of once is told of to its end, whatever became of its grade.
        if not self.settings.wants(words) and await asyncio.to_thread(self._references.last, words.alarm_id) is None:
            self.skipped["not_wanted"] += 1
            return
        found = self._plate_of(words.vehicle_id or "", words.onset_ms)
        if found is None:
            self.skipped["no_plate"] += 1
            return
        plate, color = found
        alarm = ReportedAlarm(
            warn_type=warn_type_of_rule(words.rule, words.kind or "", self._version),
            warn_ms=words.onset_ms,
            at_ms=self._now_ms(),
            msg_type=REPORT,
            content=alarm_sentence(words, plate),
            plate=plate,
            plate_color=color,
            warn_source=WarnSource.ENTERPRISE,
            info_id=info_id(words.alarm_id),
            start_ms=words.onset_ms,
            end_ms=words.end_ms,
            platform_id=self._platform_id,
        )
        sn = await self._link.report_alarm(alarm)
        numbered = replace(alarm, sn=sn)
        await asyncio.to_thread(self._references.keep, numbered, words.alarm_id, message.sequence, self._now_ms())

    def _error(self, reason: str, *, retry: bool = True) -> DeliveryError:
        return DeliveryError(sink=self.settings.name, reason=reason, retry=retry)


def info_id(alarm_id: str) -> int:
    """INFO_ID of 2011: the first 32 bits of the alarm id, the same for every edition and however often it is sent.

    Among 10,000 alarms two share one with a probability of about 1 %.
    """
    return uuid.UUID(alarm_id).int >> 96
