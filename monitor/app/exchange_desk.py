"""The desk: what other platforms say to us over JT/T 809 is stored, joined to what it answers, and only then answered.

Everything is taken in one transaction per call and is idempotent: a message that comes again changes nothing. Waybills
and the coming and going of channels also go into the journal, because the engine reads them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from monitor.app.exchange_events import bounded_event
from monitor.app.exchange_links import LinkBook, LinkCard
from monitor.app.exchange_settings import ExchangeSettings
from monitor.app.platform_vehicles import PlatformVehicles
from monitor.app.waybills import waybill_record
from monitor.errors import MonitorError, StoreError
from monitor.model.beijing import DAY_MS, MINUTE_MS, day_of
from monitor.model.exchange import (
    AlarmResult,
    Channel,
    Direction,
    ExchangeEvent,
    Inquiry,
    InquiryAnswer,
    LinkEvent,
    PlatformText,
    RegisteredVehicle,
    ReportedAlarm,
    StaticVehicle,
    SupervisionAnswer,
    SupervisionRequest,
    TextReceipt,
    VehicleDriver,
    VehicleWaybill,
)
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.plate import color_of_code, folded_plate
from monitor.model.report import plate_key
from monitor.store.database import Database
from monitor.store.inquiry_store import (
    add_inquiry,
    add_text,
    mark_inquiries_overdue,
    pressing_inquiries,
    take_inquiry_answer,
    take_text_receipt,
)
from monitor.store.link_store import link_states, record_link_event
from monitor.store.order_store import add_order, mark_orders_overdue, take_order_answer
from monitor.store.platform_alarm_store import (
    add_platform_alarm,
    platform_alarm_by_message,
    take_alarm_result,
)
from monitor.store.reference_store import forget_references, reference_by_message, reference_by_vehicle
from monitor.store.waybill_store import NamedDriver, keep_driver

log = logging.getLogger(__name__)

_TIDY_S = 3_600.0
_STOPPED = "our own end"

Submit = Callable[[JournalRecord], Awaitable[None]]
"""Journals a record of ours; raises ``OperationError``."""
PositionSent = Callable[[str, int], tuple[str, int] | None]
"""Link and sequence number of a position message of ours to the plate and colour it carried, if remembered."""


class ExchangeDesk:
    """Implements ``sources.jt809.Desk``. ``clock_ms`` is the engine clock for journal records, ``registry`` the one in
    force. ``counts`` are by what was done: ``inquiry``, ``inquiry_again``, ``order`` …"""

    def __init__(
        self,
        database: Database,
        links: LinkBook,
        submit: Submit,
        registry: Callable[[], Registry | None],
        now_ms: Callable[[], int],
        clock_ms: Callable[[], int],
        settings: ExchangeSettings,
        position_sent: PositionSent | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.pressing = 0
        self.vehicles = PlatformVehicles(database, enabled=settings.registry_from_platforms)
        self.locks: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in links.cards}
        self._database = database
        self._links = links
        self._submit = submit
        self._registry = registry
        self._now_ms = now_ms
        self._clock_ms = clock_ms
        self._settings = settings
        self._position_sent = position_sent
        self._warned: set[int] = set()

    async def take(self, link: str, events: Sequence[ExchangeEvent]) -> None:
        """Returns when everything is journalled and committed. Raises ``OperationError`` when it is not."""
        card = self._links.cards[link]
        events = [bounded_event(event) for event in events]
        for event in events:
            record = self._record(event, card.platform)
            if record is not None:
                await self._submit(record)
        # What we just asked has to be numbered before its answer is looked up.
        async with self.locks[link]:
            await asyncio.to_thread(self._commit, card, events)

    def begin(self, last_life_ms: int) -> None:
        """At the start: channels that were up when we ended have been down since ``last_life_ms``; links that never
        were up are down from now on. Blocks."""
        now_ms = self._now_ms()
        known = link_states(self._database)
        with self._database.write() as connection:
            for state in known:
                card = self._links.cards.get(state.link)
                if state.up:
                    since_ms = max(state.since_ms + 1, min(last_life_ms, now_ms))
                    event = LinkEvent(state.link, state.channel, False, since_ms, _STOPPED)
                    platform = state.platform if card is None else card.platform
                    record_link_event(self._database, connection, state.role, platform, event)
            for name in self._links.cards.keys() - {state.link for state in known}:
                card = self._links.cards[name]
                event = LinkEvent(name, Channel.MAIN, False, now_ms, "not connected yet")
                record_link_event(self._database, connection, card.role, card.platform, event)

    async def run(self) -> None:
        """Look after deadlines until cancelled."""
        tidied_ms = 0
        while True:
            try:
                await asyncio.to_thread(self._look_at_deadlines)
                if self._now_ms() - tidied_ms > _TIDY_S * 1000:
                    tidied_ms = self._now_ms()
                    before_ms = tidied_ms - int(self._settings.reference_days * DAY_MS)
                    await asyncio.to_thread(forget_references, self._database, before_ms)
            except StoreError as error:
                log.error("deadlines of inquiries and orders were not looked at: %s", error)
            await asyncio.sleep(self._settings.look_s)

    def vehicle_key(self, plate: str, color: int, at_ms: int) -> str:
        """The vehicle of a plate: its id, or ``plate:`` and so on where nobody registered it; empty without a plate."""
        folded = folded_plate(plate)
        if not folded:
            return ""
        word = color_of_code(color).value
        registry = self._registry()
        vehicle = None if registry is None else registry.by_plate(word, folded, int(day_of(at_ms)))
        return plate_key(word, folded) if vehicle is None else vehicle.vehicle_id

    def _record(self, event: ExchangeEvent, platform: str) -> JournalRecord | None:
        if isinstance(event, VehicleWaybill):
            key = plate_key(color_of_code(event.plate_color).value, folded_plate(event.plate))
            return waybill_record(key, event.at_ms, event.content, self._clock_ms())
        if isinstance(event, LinkEvent):
            named = replace(event, platform=platform)
            return JournalRecord(0, RecordType.LINK, self._clock_ms(), payload=msgspec.json.encode(named))
        return None

    def _commit(self, card: LinkCard, events: Sequence[ExchangeEvent]) -> None:
        try:
            self.counts.update(self._committed(card, events))
        except MonitorError:
            raise
        except Exception:
            # What one message does to us must not cost its neighbours, nor the link.
            log.exception("link %s: something of ours failed; its %d messages one by one", card.name, len(events))
            for event in events:
                self._commit_alone(card, event)

    def _commit_alone(self, card: LinkCard, event: ExchangeEvent) -> None:
        try:
            self.counts.update(self._committed(card, (event,)))
        except MonitorError:
            raise
        except Exception:
            log.exception("link %s: a message of kind %s is lost", card.name, type(event).__name__)
            self.counts["lost"] += 1

    def _committed(self, card: LinkCard, events: Sequence[ExchangeEvent]) -> Counter[str]:
        done: Counter[str] = Counter()
        announced: list[RegisteredVehicle | StaticVehicle] = []
        with self._database.write() as connection:
            for event in events:
                if isinstance(event, RegisteredVehicle | StaticVehicle):
                    announced.append(event)
                else:
                    done[self._take(connection, card, event)] += 1
            if announced:
                self.vehicles.take(connection, card, announced)
        return done

    def _take(self, connection: Connection, card: LinkCard, event: ExchangeEvent) -> str:
        """Store one event; returns what was done, for the counts."""
        database, link = self._database, card.name
        match event:
            case LinkEvent():
                new = record_link_event(database, connection, card.role, card.platform, event)
                return "link_event" if new else "link_event_again"
            case Inquiry():
                return self._inquiry(connection, card, event)
            case InquiryAnswer():
                return _joined("inquiry_answer", take_inquiry_answer(connection, link, event))
            case PlatformText():
                _, new = add_text(connection, event, direction=Direction.RECEIVED, link=link, platform=card.platform)
                return "text" if new else "text_again"
            case TextReceipt():
                return _joined("text_receipt", take_text_receipt(connection, link, event))
            case SupervisionRequest():
                return self._order(connection, card, event)
            case SupervisionAnswer():
                return _joined("order_answer", take_order_answer(connection, link, event))
            case ReportedAlarm():
                vehicle_id = self.vehicle_key(event.plate, event.plate_color, event.warn_ms)
                return "alarm" if add_platform_alarm(connection, link, event, vehicle_id) else "alarm_again"
            case AlarmResult():
                vehicle_id = self.vehicle_key(event.plate, event.plate_color, event.at_ms)
                return "alarm_result" if take_alarm_result(connection, link, event, vehicle_id) else "result_again"
            case VehicleDriver():
                self._driver(connection, card, event)
                return "driver"
            case VehicleWaybill():
                return "waybill"
            case RegisteredVehicle() | StaticVehicle():
                return "vehicle"

    def _inquiry(self, connection: Connection, card: LinkCard, inquiry: Inquiry) -> str:
        minutes = inquiry.answer_minutes or self._settings.inquiry_min
        inquiry_id, new = add_inquiry(
            connection,
            inquiry,
            direction=Direction.RECEIVED,
            link=card.name,
            platform=card.platform,
            deadline_ms=inquiry.asked_ms + int(minutes * MINUTE_MS),
        )
        if new:
            log.warning("link %s: inquiry %d wants an answer within %g min", card.name, inquiry_id, minutes)
        return "inquiry" if new else "inquiry_again"

    def _order(self, connection: Connection, card: LinkCard, request: SupervisionRequest) -> str:
        """Find out which vehicle and which alarm of ours an order means, as far as its edition says."""
        link, alarm_id = card.name, ""
        plate, color, warn_type = request.plate, request.plate_color, request.warn_type
        if request.source_type:
            reference = reference_by_message(connection, link, request.source_type, request.source_sn)
            reported = platform_alarm_by_message(connection, link, request.source_type, request.source_sn)
            sent = None
            if self._position_sent is not None and request.source_type in (0x1202, 0x1203):
                sent = self._position_sent(link, request.source_sn)
            if reference is not None:
                alarm_id = reference.alarm_id
                plate, color, warn_type = reference.plate, reference.plate_color, reference.warn_type
            elif reported is not None:
                plate, color, warn_type = reported.plate, reported.plate_color, reported.warn_type
            elif sent is not None:
                plate, color = sent
        if not alarm_id and plate and request.warn_ms:
            reference = reference_by_vehicle(connection, link, folded_plate(plate), warn_type, request.warn_ms)
            alarm_id = "" if reference is None else reference.alarm_id
        order_id, new = add_order(
            connection,
            replace(request, plate=plate, plate_color=color, warn_type=warn_type),
            direction=Direction.RECEIVED,
            link=link,
            alarm_id=alarm_id,
            vehicle_id=self.vehicle_key(plate, color, request.warn_ms),
        )
        if new:
            log.warning("link %s: supervision order %d received", link, order_id)
        return "order" if new else "order_again"

    def _driver(self, connection: Connection, card: LinkCard, driver: VehicleDriver) -> None:
        plate = folded_plate(driver.plate)
        named = NamedDriver(
            plate_color=color_of_code(driver.plate_color).value,
            plate=plate,
            vehicle_id=self.vehicle_key(driver.plate, driver.plate_color, driver.at_ms),
            link=card.name,
            name=driver.name,
            driver_id=driver.driver_id,
            licence=driver.licence,
            issuer=driver.issuer,
            valid_ms=driver.valid_ms,
            at_ms=driver.at_ms,
        )
        keep_driver(self._database, connection, named)

    def _look_at_deadlines(self) -> None:
        now_ms = self._now_ms()
        with self._database.write() as connection:
            late = mark_inquiries_overdue(connection, now_ms)
            late_orders = mark_orders_overdue(connection, now_ms)
            pressing = pressing_inquiries(connection, now_ms + int(self._settings.nearing_s * 1000))
        if late or late_orders:
            log.warning("%d inquiries and %d supervision orders are overdue", late, late_orders)
        self.counts["inquiry_overdue"] += late
        self.counts["order_overdue"] += late_orders
        for inquiry_id in sorted(set(pressing) - self._warned):
            log.warning("inquiry %d has to be answered within %g s", inquiry_id, self._settings.nearing_s)
        self._warned = set(pressing)
        self.pressing = len(pressing)


def _joined(word: str, found: int | None) -> str:
    """An answer that belongs to nothing we asked, or was there before, is counted apart."""
    return word if found is not None else f"{word}_unmatched"
