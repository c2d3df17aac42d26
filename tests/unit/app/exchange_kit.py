"""A desk over a real SQLite store, with links that only note what they are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from monitor.app.exchange_commands import ExchangeCommands
from monitor.app.exchange_desk import ExchangeDesk
from monitor.app.exchange_links import LinkBook, LinkCard, ReportSources
from monitor.app.exchange_settings import ExchangeSettings
from monitor.errors import CodecError, DeliveryError, LinkDownError
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Certainty, Grade, Subject, Transition, alarm_id
from monitor.model.beijing import day_of, parse_iso
from monitor.model.exchange import (
    AlarmResult,
    Inquiry,
    InquiryAnswer,
    LinkRole,
    PlatformText,
    RegisteredVehicle,
    ReportedAlarm,
    SupervisionAnswer,
    SupervisionRequest,
)
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.journal import JournalRecord
from monitor.model.plate import CODE_OF_COLOR
from monitor.model.report import ReportRows
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database, open_database
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry, load_registry
from monitor.store.schema import upgrade

NOON_MS = parse_iso("2026-03-02T12:00:00+08:00")
TANKER = Vehicle(
    "T1",
    "甘G20002",
    PlateColor.YELLOW,
    VehicleClass.HAZMAT,
    "E1",
    "高台危货",
    "高台县",
    "13900000002",
    platform="gaotai",
)
COACH = Vehicle("C1", "甘G12345", PlateColor.YELLOW, VehicleClass.LINE_COACH, "E2", "高台客运", terminal_phone="139")


@dataclass(slots=True)
class FakeLink:
    """Either end of a link. ``up`` and ``refusal`` say how it behaves; ``said`` is what it was told."""

    up: bool = True
    refusal: DeliveryError | CodecError | None = None
    said: list[object] = field(default_factory=list)
    sn: int = 100

    def _say(self, words: object) -> int:
        if not self.up:
            raise LinkDownError(link="fake")
        if self.refusal is not None:
            raise self.refusal
        self.said.append(words)
        self.sn += 1
        return self.sn

    async def inquire(self, inquiry: Inquiry) -> int:
        return self._say(inquiry)

    async def order(self, request: SupervisionRequest) -> int:
        return self._say(request)

    async def send_text(self, text: PlatformText) -> int:
        return self._say(text)

    async def warn(self, alarm: ReportedAlarm) -> int:
        return self._say(alarm)

    async def answer_inquiry(self, answer: InquiryAnswer) -> int:
        return self._say(answer)

    async def answer_order(self, answer: SupervisionAnswer) -> int:
        return self._say(answer)

    async def report_alarm(self, alarm: ReportedAlarm) -> int:
        return self._say(alarm)

    async def report_result(self, result: AlarmResult) -> int:
        return self._say(result)

    async def register_vehicle(self, vehicle: RegisteredVehicle) -> int:
        return self._say(vehicle)

    async def send_positions(
        self, rows: ReportRows, plates: Sequence[str], colors: Sequence[int], *, backfill: bool = False
    ) -> int:
        return self._say((rows.copy(), tuple(plates), tuple(colors), backfill))


@dataclass(slots=True)
class Kit:
    """``city`` is a 2011 link and ``province`` a 2019 one on which we are the lower; ``gaotai`` (2011) and ``linze``
    (2019) are enterprise platforms below us."""

    database: Database
    desk: ExchangeDesk
    commands: ExchangeCommands
    links: dict[str, FakeLink]
    journal: list[JournalRecord]
    sources: ReportSources
    now_ms: int = NOON_MS

    def registry(self) -> Registry:
        return load_registry(self.database)

    def plate_of(self, vehicle_id: str, at_ms: int, /) -> tuple[str, int] | None:
        vehicle = self.registry().vehicle(vehicle_id, int(day_of(at_ms)))
        return None if vehicle is None else (vehicle.plate, CODE_OF_COLOR[vehicle.plate_color])

    def raise_alarm(self, vehicle: Vehicle = TANKER, onset_ms: int = NOON_MS - 600_000) -> Alarm:
        alarm = Alarm(
            alarm_id(Subject.VEHICLE, vehicle.vehicle_id, "speeding", "", onset_ms),
            Subject.VEHICLE,
            "speeding",
            "",
            Grade.MAJOR,
            Certainty.CERTAIN,
            AlarmState.ACTIVE,
            vehicle.vehicle_id,
            vehicle.plate,
            vehicle.vehicle_class.value,
            vehicle.enterprise_id,
            "",
            onset_ms,
            peak=98.0,
            limit=80.0,
        )
        store = AlarmStore(self.database, lambda: self.now_ms)
        change = AlarmChange(alarm, Transition.RAISED, 1, onset_ms)
        store.commit(CommittedStep(store.position() + 1, changes=(change,)))
        return alarm


CARDS = (
    LinkCard("city", LinkRole.LOWER, "city-bureau", 2011, "6207"),
    LinkCard("province", LinkRole.LOWER, "province-bureau", 2019, "62"),
    LinkCard("gaotai", LinkRole.UPPER, "gaotai", 2011, "620724"),
    LinkCard("linze", LinkRole.UPPER, "linze", 2019, "620723"),
)


@cache
def _empty_store() -> bytes:
    """Migrating takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "monitor.db"
        upgrade(f"sqlite:///{path}")
        return path.read_bytes()


@contextmanager
def exchange_kit(
    folder: Path, settings: ExchangeSettings | None = None, vehicles: Sequence[Vehicle] = ()
) -> Iterator[Kit]:
    """A kit over a new store with these vehicles imported (default: a tanker and a coach)."""
    path = folder / "monitor.db"
    path.write_bytes(_empty_store())
    database = open_database(f"sqlite:///{path}")
    rows = tuple(vehicles) or (TANKER, COACH)
    import_registry(database, RegistryFile(rows, (), len(rows), "fleet.csv"), date(2026, 1, 1), imported_by="person")
    book = LinkBook(CARDS)
    links = {card.name: FakeLink() for card in CARDS}
    for card in CARDS:
        if card.role is LinkRole.UPPER:
            book.put_upper(card.name, links[card.name])
        else:
            book.put_lower(card.name, links[card.name])
    journal: list[JournalRecord] = []

    async def submit(record: JournalRecord) -> None:
        journal.append(record)

    kit: Kit
    sources = ReportSources()
    desk = ExchangeDesk(
        database,
        book,
        submit,
        lambda: kit.registry(),
        lambda: kit.now_ms,
        lambda: kit.now_ms,
        settings or ExchangeSettings(),
        lambda link, sn: ("甘G20002", 2) if (link, sn) == ("province", 7) else None,
    )
    commands = ExchangeCommands(
        database, book, desk, lambda vehicle_id, at_ms: kit.plate_of(vehicle_id, at_ms), sources, lambda: kit.now_ms
    )
    kit = Kit(database, desk, commands, links, journal, sources)
    try:
        yield kit
    finally:
        database.close()
