"""Orders to terminals: kept first, sent when the terminal is connected, and followed to their answer.

One order at a time per terminal, and a bounded number of terminals at a time. An order is ``sent`` in the store before
it goes out, so a crash leaves it so: what may be done twice (parameters, questions) is then sent again, a text
counts as unanswered. Whoever changes a state names the one that he saw; the second of two loses and is told.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from monitor.app.downlink_messages import answer_json, message_of, order_body
from monitor.codec.jt808 import Message
from monitor.console.downlink_request import DownlinkRequest
from monitor.errors import CodecError, CommandError, OperationError, StoreError
from monitor.model.backoff import Backoff
from monitor.model.beijing import DAY_MS
from monitor.model.downlink import Downlink, DownlinkKind, DownlinkState
from monitor.model.fleet import Vehicle
from monitor.model.report import terminal_key
from monitor.quality.crs import Crs
from monitor.sources.jt808.answer import Answer, AnswerResult, NotConnected
from monitor.store.downlink_store import DownlinkStore

log = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_REPEATABLE = frozenset({DownlinkKind.PARAMETERS, DownlinkKind.POSITION, DownlinkKind.QUERY_PARAMETERS})
_OVERTIME_S = 30.0
"""The sender gives up by itself in time; so much later a wait that should not be is ended."""
_STATE_OF = {
    AnswerResult.DONE: DownlinkState.CONFIRMED,
    AnswerResult.FAILED: DownlinkState.REFUSED,
    AnswerResult.BAD_MESSAGE: DownlinkState.REFUSED,
    AnswerResult.UNSUPPORTED: DownlinkState.REFUSED,
    AnswerResult.UNANSWERED: DownlinkState.UNANSWERED,
}


class DownlinkSettings(BaseModel):
    """How long orders wait, and how many. The numbers are guesses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_s: int = Field(default=3_600, ge=1, description="how long an order waits for its terminal, unless it says so")
    valid_most_s: int = Field(default=7 * 86_400, ge=1, description="how long an order may ask to wait")
    answer_timeout_s: float = Field(
        default=60.0, gt=0, le=3_600, description="for the answer, repetitions included (10, 20, 30 s as servers ship)"
    )
    terminals_at_once: int = Field(default=256, ge=1, le=10_000, description="terminals that are sent orders at a time")
    waiting_per_terminal: int = Field(default=50, ge=1, description="further orders are refused (409)")
    sweep_s: float = Field(default=5.0, gt=0, le=3_600, description="how often expired orders are looked for")
    kept_days: float = Field(default=400.0, ge=1, description="how long closed orders are kept")


class Sender(Protocol):
    """The way to connected terminals, as ``monitor.sources.jt808.Jt808Server`` is."""

    def online(self, phone: str) -> bool:
        """Whether orders can be sent to a terminal now."""
        ...

    async def send(self, phone: str, message: Message, timeout_s: float) -> Answer:
        """Send, repeat, and wait for the answer so long at most.

        Raises ``NotConnected`` where nothing was sent, and ``CodecError``.
        """
        ...


class Directory(Protocol):
    """Who is who, as ``monitor.app.terminal_book.TerminalBookKeeper`` is."""

    def version(self, phone: str) -> int:
        """Edition of the terminal's protocol; 0 = never heard of it."""
        ...

    def vehicle_of(self, phone: str) -> Vehicle | None:
        """The vehicle that the registry gives a terminal today."""
        ...

    def phone_of(self, vehicle_id: str) -> str:
        """Phone of a vehicle's terminal today; empty where none is known."""
        ...


class Downlinks:
    """``open`` first, then ``run``; ``terminal_online`` whenever a terminal can be sent orders. One event loop.

    ``counts`` has closed orders by state and those ordered by kind, since the start. ``crs`` is what terminals'
    coordinates are in.
    """

    def __init__(
        self,
        store: DownlinkStore,
        sender: Sender,
        directory: Directory,
        now_ms: Callable[[], int],
        settings: DownlinkSettings | None = None,
        crs: Crs = Crs.WGS84,
    ) -> None:
        self.settings = settings or DownlinkSettings()
        self.counts: Counter[str] = Counter()
        self._store = store
        self._sender = sender
        self._directory = directory
        self._now_ms = now_ms
        self._crs = crs
        self._waiting: dict[str, int] = {}  # phones with queued orders, and a stamp that every new order renews
        self._stamp = 0
        self._busy: set[str] = set()
        self._ready: asyncio.Queue[str] = asyncio.Queue()  # distinct phones: bounded by the orders that wait

    @property
    def waiting(self) -> int:
        """Terminals for which orders wait."""
        return len(self._waiting)

    async def open(self) -> None:
        """Take up what an earlier run left. Raises StoreError."""
        for order in await asyncio.to_thread(self._store.in_state, DownlinkState.SENT):
            await self._left_open(order)
        for phone in await asyncio.to_thread(self._store.waiting_phones):
            self._wait(phone)

    async def run(self) -> None:
        """Send what waits until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.settings.terminals_at_once):
                group.create_task(self._work(), name=f"downlinks {number}")
            group.create_task(self._sweep_again_and_again(), name="downlinks sweep")

    def terminal_online(self, phone: str) -> None:
        """Orders can be sent to this terminal from now on."""
        if phone in self._waiting:
            self._schedule(phone)

    async def add(self, request: DownlinkRequest, by: str) -> Downlink:
        """Keep an order and send it as soon as may be; the same ``downlink_id`` again gives the order that is there.

        Raises ``CommandError``: 404 for a vehicle or terminal that nobody knows, 409 for an id used for something
        else or too many orders, 422 for what cannot be ordered; and StoreError.
        """
        phone, vehicle_id = self._whom(request)
        valid_s = self.settings.valid_s if request.valid_s is None else request.valid_s
        if not 1 <= valid_s <= self.settings.valid_most_s:
            raise _refused(422, "wrong_parameter", f"valid_s is from 1 to {self.settings.valid_most_s}, not {valid_s}.")
        if request.downlink_id and not _ID.fullmatch(request.downlink_id):
            raise _refused(
                422, "wrong_parameter", "downlink_id has 1 to 64 letters, digits and ._:- and begins with no sign."
            )
        queued_ms = self._now_ms()
        wanted = Downlink(
            downlink_id=request.downlink_id or str(uuid.uuid4()),
            phone=phone,
            vehicle_id=vehicle_id,
            kind=request.kind,
            body=order_body(request),
            state=DownlinkState.QUEUED,
            requested_by=by,
            queued_ms=queued_ms,
            expires_ms=queued_ms + valid_s * 1000,
            alarm_id=request.alarm_id,
        )
        order = await asyncio.to_thread(self._store.insert, wanted, most_open=self.settings.waiting_per_terminal)
        if order is None:
            raise _refused(409, "too_many_orders", f"{self.settings.waiting_per_terminal} orders to {phone} are open.")
        if (order.phone, order.kind, order.body) != (wanted.phone, wanted.kind, wanted.body):
            raise _refused(409, "id_taken", f"There is another order {order.downlink_id} already; take another id.")
        if order is wanted:
            self.counts[f"ordered_{order.kind}"] += 1
            self._wait(phone)
            self._schedule(phone)
        return order

    async def cancel(self, downlink_id: str) -> Downlink:
        """Cancel an order that waits. Raises ``CommandError``: 404 if there is none, 409 if it was sent; StoreError."""
        found = await asyncio.to_thread(self._store.get, downlink_id)
        if found is None:
            raise _refused(404, "not_found", f"There is no order {downlink_id[:64]}.")
        if found.state is DownlinkState.QUEUED:
            cancelled = await asyncio.to_thread(self._store.move, found, DownlinkState.CANCELLED)
            if cancelled is not None:
                self.counts[DownlinkState.CANCELLED] += 1
                return cancelled
            found = await asyncio.to_thread(self._store.get, downlink_id) or found
        raise _refused(
            409, "not_queued", f"Order {found.downlink_id} is {found.state}; only one that waits is cancelled."
        )

    async def sweep(self) -> None:
        """Close orders that waited too long, and look after terminals that are connected and still have some."""
        if not self._waiting:
            return
        stamps = dict(self._waiting)
        expired = await asyncio.to_thread(self._store.expire, self._now_ms())
        if expired:
            self.counts[DownlinkState.EXPIRED] += expired
            still = frozenset(await asyncio.to_thread(self._store.waiting_phones))
            for phone, stamp in stamps.items():
                if phone not in still and self._waiting.get(phone) == stamp:
                    del self._waiting[phone]
        for phone in tuple(self._waiting):
            self._schedule(phone)

    async def tidy(self) -> None:
        """Forget closed orders of long ago; trouble of the store is logged."""
        before_ms = self._now_ms() - int(self.settings.kept_days * DAY_MS)
        try:
            deleted = await asyncio.to_thread(self._store.delete_before, before_ms)
        except StoreError as error:
            log.warning("old orders to terminals were not tidied: %s", error)
            return
        if deleted:
            log.info("%d orders to terminals older than %g days deleted", deleted, self.settings.kept_days)

    def _whom(self, request: DownlinkRequest) -> tuple[str, str]:
        if bool(request.phone) == bool(request.vehicle_id):
            raise _refused(422, "wrong_parameter", "Name either a phone or a vehicle_id.")
        if request.vehicle_id:
            phone = self._directory.phone_of(request.vehicle_id)
            if not phone:
                message = f"The registry has no vehicle {request.vehicle_id[:100]} with a terminal today."
                raise _refused(404, "no_such_vehicle", message)
            return phone, request.vehicle_id
        vehicle = self._directory.vehicle_of(request.phone)
        if vehicle is None and not self._directory.version(request.phone):
            raise _refused(404, "no_such_terminal", f"No terminal {request.phone[:20]} was ever heard of.")
        return request.phone, vehicle.vehicle_id if vehicle is not None else terminal_key(request.phone)

    def _wait(self, phone: str) -> None:
        self._stamp += 1
        self._waiting[phone] = self._stamp

    def _schedule(self, phone: str) -> None:
        if phone not in self._busy and self._sender.online(phone):
            self._busy.add(phone)
            self._ready.put_nowait(phone)

    async def _sweep_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self.settings.sweep_s)
            try:
                await self.sweep()
            except StoreError as error:
                log.warning("orders to terminals: %s", error)

    async def _work(self) -> None:
        while True:
            phone = await self._ready.get()
            try:
                await self._serve(phone)
            except StoreError as error:
                log.warning("orders to terminal %s wait: %s", phone, error)
            finally:
                self._busy.discard(phone)

    async def _serve(self, phone: str) -> None:
        """Send what waits for one terminal, one after the other, while it is connected."""
        while self._sender.online(phone):
            stamp = self._waiting.get(phone)
            order = await asyncio.to_thread(self._store.next_queued, phone)
            if order is None:
                if self._waiting.get(phone) == stamp:
                    self._waiting.pop(phone, None)
                    return
            elif order.expires_ms <= self._now_ms():
                await self._close(order, DownlinkState.EXPIRED)
            elif not await self._sent(order):
                return

    async def _sent(self, order: Downlink) -> bool:
        """Send one order and follow it to its end; False if it still waits."""
        sent = await asyncio.to_thread(self._store.move, order, DownlinkState.SENT, sent_ms=self._now_ms())
        if sent is None:
            return True  # cancelled or expired meanwhile
        try:
            message = message_of(sent, self._directory.version(sent.phone))
            async with asyncio.timeout(self.settings.answer_timeout_s + _OVERTIME_S):
                answer = await self._sender.send(sent.phone, message, self.settings.answer_timeout_s)
        except NotConnected as error:
            log.info("order %s waits: %s", sent.downlink_id, error)
            await self._move(sent, DownlinkState.QUEUED)
            return False
        except (CodecError, msgspec.MsgspecError) as error:
            log.warning("order %s to terminal %s cannot be sent: %s", sent.downlink_id, sent.phone, error)
            await self._close(sent, DownlinkState.REFUSED, answer=answer_json("not_sendable", None))
        except (OperationError, TimeoutError) as error:
            log.warning(
                "order %s to terminal %s: %s", sent.downlink_id, sent.phone, str(error) or "no end of the waiting"
            )
            await self._close(sent, DownlinkState.UNANSWERED)
        else:
            state = _STATE_OF[answer.result]
            if state is DownlinkState.UNANSWERED:
                await self._close(sent, state)
            else:
                text = answer_json(answer.result.value, answer.message, self._crs)
                await self._close(sent, state, answered_ms=self._now_ms(), answer=text)
        return True

    async def _left_open(self, order: Downlink) -> None:
        """An order whose answer nobody waited for."""
        if order.kind in _REPEATABLE:
            await self._move(order, DownlinkState.QUEUED)
        else:
            await self._close(order, DownlinkState.UNANSWERED)

    async def _close(
        self, order: Downlink, state: DownlinkState, *, answered_ms: int | None = None, answer: str | None = None
    ) -> None:
        if await self._move(order, state, answered_ms=answered_ms, answer=answer):
            self.counts[state] += 1

    async def _move(
        self, order: Downlink, state: DownlinkState, *, answered_ms: int | None = None, answer: str | None = None
    ) -> bool:
        """What became of an order is known here only, so the store is asked until it takes it."""
        backoff = Backoff(0.2, 10.0)
        while True:
            try:
                moved = await asyncio.to_thread(self._store.move, order, state, answered_ms=answered_ms, answer=answer)
                return moved is not None
            except StoreError as error:
                wait_s = backoff.next_s()
                log.warning("order %s is %s, again in %.1f s: %s", order.downlink_id, state, wait_s, error)
                await asyncio.sleep(wait_s)


def _refused(status: int, reason: str, message: str) -> CommandError:
    return CommandError(status=status, reason=reason, message=message)
