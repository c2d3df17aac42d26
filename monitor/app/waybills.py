"""Electronic waybills 电子运单 in the live pipeline: what a hazmat vehicle carries when an alarm of it is raised.

A pure function of the journal, like everything that it stands beside: the same records give the same cargo and load,
however the reports were cut into batches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Transition
from monitor.model.flaw import Flaw
from monitor.model.fleet import VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.model.waybill import Load, Waybill, waybill_payload

LONGEST_CARGO = 200
"""Characters of a cargo's name that are kept (a guess)."""
_LOADED_BITS: Final = 0x300
"""Status bits 8-9 of JT/T 808-2011 table 17 and its successors: 01 half loaded, 11 full. 00 is empty, but also what a
terminal without a load sensor sends, so it says nothing here."""
_TIME_FLAW: Final = int(Flaw.TIME)
_PAIR = re.compile(r"^\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?::=|:|=|：|＝)\s*(.*?)\s*$")
_EMPTY_WORDS = ("空车", "空载", "空驶", "无货", "EMPTY")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def parse_waybill(key: str, at_ms: int, content: str) -> Waybill:
    """Read cargo and load out of a waybill's text, as far as it says them.

    The form is ``KEY:=VALUE;KEY:=VALUE`` with the keys of 0x9204 (``CARGO_NAME``, ``CARGO_TONNAGE``, ``DG_TYPE``).
    Free text, as JT/T 617.5 leaves it to the carrier, is kept and not interpreted, but for a plain word for empty.
    """
    pairs = waybill_pairs(content)
    if not pairs:
        text = content.strip().upper()
        return Waybill(key, at_ms, content, load=Load.EMPTY if text.startswith(_EMPTY_WORDS) else Load.UNKNOWN)
    name = pairs.get("CARGO_NAME", "")
    tonnage = _NUMBER.search(pairs.get("CARGO_TONNAGE", ""))
    if name.upper().startswith(_EMPTY_WORDS):
        return Waybill(key, at_ms, content, load=Load.EMPTY)
    cargo = name or pairs.get("DG_TYPE", "")
    if tonnage is not None:
        load = Load.LOADED if float(tonnage[0]) > 0 else Load.EMPTY
    else:
        load = Load.LOADED if name else Load.UNKNOWN
    return Waybill(key, at_ms, content, cargo[:LONGEST_CARGO], load)


def waybill_pairs(content: str) -> dict[str, str]:
    """The pairs of ``KEY:=VALUE;``, keys in capitals; empty where the text has another form."""
    found: dict[str, str] = {}
    for part in re.split(r"[;；\r\n]", content):
        if not part.strip("\x00 \t"):
            continue
        match = _PAIR.match(part.strip("\x00"))
        if match is None:
            return {}
        found.setdefault(match[1].upper(), match[2])
    return found


class _WaybillPayload(msgspec.Struct, frozen=True):
    """Payload of a WAYBILL record: as received; what it means is read when it is taken."""

    key: str
    at_ms: int
    content: str


def waybill_record(key: str, at_ms: int, content: str, clock_ms: int) -> JournalRecord:
    """A waybill as the journal keeps it. ``key`` as in reports: vehicle id, ``terminal:`` or ``plate:``."""
    return JournalRecord(0, RecordType.WAYBILL, clock_ms, payload=waybill_payload(key, at_ms, content))


def waybill_of(payload: bytes) -> Waybill:
    """The waybill of a WAYBILL record. Raises ``msgspec.MsgspecError`` for bytes of another form."""
    found = msgspec.json.decode(payload, type=_WaybillPayload)
    return parse_waybill(found.key, found.at_ms, found.content)


class FleetRows(Protocol):
    """What has to be known of the engine's fleet."""

    @property
    def keys(self) -> Sequence[str]: ...
    def rows_of(self, keys: Sequence[str], /) -> NDArray[np.int32]: ...


_BITS = np.dtype(
    [
        ("clock_ms", np.int64),  # engine clock of the last report that stated a status
        ("loaded", np.bool_),  # what it said
        ("before", np.bool_),  # what the last one before that clock said
    ],
    align=True,
)


class _Saved(msgspec.Struct, frozen=True):
    waybills: list[Waybill]
    bits: dict[str, tuple[int, bool, bool]]
    carried: dict[str, tuple[str, Load]]


class WaybillBook:
    """The latest waybill and load bits per vehicle, and the cargo of the alarms that are open.

    An alarm keeps for life what was known when it was raised. Load bits count from reports that the engine's clock had
    passed by then, so that a batch may be cut anywhere.
    """

    def __init__(self, fleet: FleetRows) -> None:
        self._fleet = fleet
        self._waybills: dict[str, Waybill] = {}
        self._bits: NDArray[np.void] = np.zeros(0, _BITS)
        self._speaking = False  # whether any vehicle ever said loaded
        self._carried: dict[str, tuple[str, Load]] = {}

    def take(self, record: JournalRecord) -> Waybill | None:
        """A WAYBILL record; returns it under the key of its vehicle. None where it cannot be read."""
        try:
            found = waybill_of(record.payload)
        except msgspec.MsgspecError:
            return None
        row = int(self._fleet.rows_of([found.key])[0])
        waybill = replace(found, key=self._fleet.keys[row])
        known = self._waybills.get(waybill.key)
        if known is None or waybill.at_ms >= known.at_ms:
            self._waybills[waybill.key] = waybill
        return waybill

    def marked(
        self, changes: tuple[AlarmChange, ...], batch: ReportBatch | None, clock_ms: int
    ) -> tuple[AlarmChange, ...]:
        """Changes of hazmat alarms with their cargo and load; then the load bits of the batch that brought them.

        ``clock_ms`` is the engine clock before the batch.
        """
        if any(change.alarm.vehicle_class == VehicleClass.HAZMAT for change in changes):
            said = self._said(batch, clock_ms)
            changes = tuple(self._marked(change, said) for change in changes)
        if batch is not None and len(batch):
            self._read_bits(batch, clock_ms)
        return changes

    def snapshot(self) -> bytes:
        """The state as JSON."""
        names = self._fleet.keys
        spoken = np.flatnonzero(self._bits["loaded"] | self._bits["before"]).tolist()
        bits = {names[row]: tuple(self._bits[row].tolist()) for row in spoken}
        return msgspec.json.encode(_Saved(list(self._waybills.values()), bits, self._carried))

    def restore(self, data: bytes) -> None:
        """Take over a snapshot; an empty one is of a version that had no waybills."""
        if not data:
            return
        saved = msgspec.json.decode(data, type=_Saved)
        self._waybills = {waybill.key: waybill for waybill in saved.waybills}
        self._carried = saved.carried
        self._speaking = bool(saved.bits)
        if saved.bits:
            rows = self._fleet.rows_of(list(saved.bits))
            self._grow()
            for row, bits in zip(rows.tolist(), saved.bits.values(), strict=True):
                self._bits[row] = bits

    def _said(self, batch: ReportBatch | None, clock_ms: int) -> _LoadBits | None:
        """The load bits of a batch; None where they say nothing that is not known without them."""
        if batch is None or not len(batch):
            return None
        status = batch.rows["status"]
        if not (self._speaking or np.any((status >= 0) & (status & _LOADED_BITS != 0))):
            return None
        return _LoadBits(batch, self._fleet.rows_of(batch.keys)[batch.rows["key"]], _clocks(batch, clock_ms))

    def _marked(self, change: AlarmChange, said: _LoadBits | None) -> AlarmChange:
        alarm = change.alarm
        if alarm.vehicle_class != VehicleClass.HAZMAT:
            return change
        if change.sequence == 1 or change.transition is Transition.RAISED:
            cargo, load = self._carried_now(alarm, said, change.at_ms)
        else:
            cargo, load = self._carried.get(alarm.alarm_id, ("", Load.UNKNOWN))
        if not (cargo or load):
            return change
        if alarm.state is AlarmState.ACTIVE:
            self._carried[alarm.alarm_id] = (cargo, load)
        else:
            self._carried.pop(alarm.alarm_id, None)
        return replace(change, alarm=replace(alarm, cargo=cargo, load=load))

    def _carried_now(self, alarm: Alarm, said: _LoadBits | None, at_ms: int) -> tuple[str, Load]:
        waybill = self._waybills.get(alarm.vehicle_id)
        cargo, load = (waybill.cargo, waybill.load) if waybill is not None else ("", Load.UNKNOWN)
        if self._loaded(alarm.vehicle_id, said, at_ms):
            load = Load.LOADED
        return cargo, load

    def _loaded(self, vehicle_id: str, said: _LoadBits | None, at_ms: int) -> bool:
        """What the load bits said before the engine clock ``at_ms``."""
        row = int(self._fleet.rows_of([vehicle_id])[0])
        loaded = said.before(row, at_ms) if said is not None else None
        if loaded is not None:
            return loaded
        if row >= len(self._bits):
            return False
        bits = self._bits[row]
        return bool(bits["loaded"] if bits["clock_ms"] < at_ms else bits["before"])

    def _read_bits(self, batch: ReportBatch, clock_ms: int) -> None:
        """Note per vehicle what its last report said. A fleet without load sensors costs one comparison."""
        status = batch.rows["status"]
        stated = status >= 0
        loaded = stated & ((status & _LOADED_BITS) != 0)
        if not stated.any() or not (self._speaking or loaded.any()):
            return
        self._speaking = True
        row = self._fleet.rows_of(batch.keys)[batch.rows["key"]][stated]
        self._grow()
        order = np.argsort(row, kind="stable")
        row, clock, said = row[order], _clocks(batch, clock_ms)[stated][order], loaded[stated][order]
        # The last report of each vehicle at each clock; then the last of these, and the one before it.
        ends = np.flatnonzero(np.append((row[1:] != row[:-1]) | (clock[1:] != clock[:-1]), True))
        row, clock, said = row[ends], clock[ends], said[ends]
        last = np.flatnonzero(np.append(row[1:] != row[:-1], True))
        has_former = np.zeros(len(last), np.bool_)
        has_former[last > 0] = row[last[last > 0]] == row[last[last > 0] - 1]
        known = self._bits[row[last]]
        from_state = np.where(known["clock_ms"] < clock[last], known["loaded"], known["before"])
        former = np.where(has_former, said[np.maximum(last - 1, 0)], from_state)
        new = np.zeros(len(last), _BITS)
        new["clock_ms"], new["loaded"], new["before"] = clock[last], said[last], former
        self._bits[row[last]] = new

    def _grow(self) -> None:
        size = len(self._fleet.keys)
        if size > len(self._bits):
            wider = np.zeros(max(size, 2 * len(self._bits)), _BITS)
            wider[: len(self._bits)] = self._bits
            self._bits = wider


class _LoadBits:
    """What the reports of a batch say of their vehicles' load, found by vehicle."""

    def __init__(self, batch: ReportBatch, row_of: NDArray[np.int32], clocks: NDArray[np.int64]) -> None:
        status = batch.rows["status"]
        stated = np.flatnonzero(status >= 0)
        order = stated[np.argsort(row_of[stated], kind="stable")]
        self._rows = row_of[order]
        self._clocks = clocks[order]
        self._loaded = status[order] & _LOADED_BITS != 0

    def before(self, row: int, at_ms: int) -> bool | None:
        """What the last report of a vehicle before the engine clock ``at_ms`` said; None where there is none."""
        begin, end = np.searchsorted(self._rows, [row, row + 1])
        place = begin + int(np.searchsorted(self._clocks[begin:end], at_ms))
        return bool(self._loaded[place - 1]) if place > begin else None


def _clocks(batch: ReportBatch, clock_ms: int) -> NDArray[np.int64]:
    """The engine clock at each report, as the engine counts it."""
    rows = batch.rows
    timed = np.where(rows["flaws"] & _TIME_FLAW == 0, rows["recv_ms"], 0)
    clocks: NDArray[np.int64] = np.maximum.accumulate(np.maximum(timed, clock_ms))
    return clocks
