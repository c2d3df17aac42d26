"""A store, a clock that is set by hand, and terminals that answer as they are told."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from monitor.codec.jt808 import Message
from monitor.model.beijing import parse_iso
from monitor.model.fleet import PlateColor, Registry, Vehicle
from monitor.model.terminal import Terminal
from monitor.sources.jt808.answer import Answer, AnswerResult, NotConnected
from monitor.store.database import Database, open_database
from monitor.store.schema import upgrade

NOW_MS = parse_iso("2026-03-02T12:00:00+08:00")
PHONE = "13912345678"
OTHER = "13912345679"
STRANGER = "4f07788ef87d"


def new_database(folder: Path) -> Database:
    """An SQLite store with its tables."""
    url = f"sqlite:///{folder / 'monitor.db'}"
    upgrade(url)
    return open_database(url)


def fleet() -> Registry:
    """Two vehicles with terminals, one without, one whose terminal has gone to another vehicle."""
    return Registry(
        (
            Vehicle("V1", "甘A12345", PlateColor.YELLOW, terminal_phone=PHONE),
            Vehicle("V2", "甘A23456", PlateColor.YELLOW, terminal_phone=OTHER),
            Vehicle("V3", "甘A34567", PlateColor.BLUE),
            Vehicle("V4", "甘A45678", PlateColor.BLUE, terminal_phone="13912340000", valid_to=date(2026, 1, 31)),
        ),
        version=1,
    )


@dataclass
class Clock:
    """Epoch ms that moves when it is told to."""

    ms: int = NOW_MS

    def __call__(self) -> int:
        return self.ms

    def pass_s(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@dataclass
class Terminals:
    """Connected terminals. Each answers with what was put into ``answers``, and with DONE when that is empty.

    While ``held`` is clear nobody answers.
    """

    connected: set[str] = field(default_factory=set)
    sent: list[tuple[str, Message]] = field(default_factory=list)
    answers: dict[str, deque[Answer | Exception]] = field(default_factory=lambda: defaultdict(deque))
    held: asyncio.Event = field(default_factory=asyncio.Event)
    most_at_once: int = 0
    at_once: int = 0

    def __post_init__(self) -> None:
        self.held.set()

    def online(self, phone: str) -> bool:
        return phone in self.connected

    async def send(self, phone: str, message: Message, timeout_s: float) -> Answer:
        assert timeout_s > 0
        if phone not in self.connected:
            raise NotConnected(phone=phone)
        self.sent.append((phone, message))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.held.wait()
        finally:
            self.at_once -= 1
        answer = self.answers[phone].popleft() if self.answers[phone] else Answer(AnswerResult.DONE)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Names:
    """A directory over ``fleet()``."""

    registry: Registry = field(default_factory=fleet)
    versions: dict[str, int] = field(default_factory=lambda: {PHONE: 2013, OTHER: 2019, STRANGER: 2013})

    def version(self, phone: str) -> int:
        return self.versions.get(phone, 0)

    def vehicle_of(self, phone: str) -> Vehicle | None:
        return self.registry.by_phone(phone)

    def phone_of(self, vehicle_id: str) -> str:
        if vehicle_id.startswith("terminal:"):
            return vehicle_id.removeprefix("terminal:")
        vehicle = self.registry.vehicle(vehicle_id)
        return vehicle.terminal_phone if vehicle is not None else ""


def terminal(phone: str = PHONE, *, last_seen_ms: int = NOW_MS, reports: int = 0) -> Terminal:
    return Terminal(phone, version=2013, first_seen_ms=NOW_MS - 1000, last_seen_ms=last_seen_ms, reports=reports)
