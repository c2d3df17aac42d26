"""Device alarm 终端报警: what the terminal itself says is wrong (alarm word of JT/T 808, 0x0200).

One alarm per bit: onset with the report that sets it, end with the first report without it. The kind is the bit's name.
Judged by default are ``emergency``, ``speeding``, ``fatigue``, ``gnss_antenna_cut``, ``gnss_antenna_short``,
``power_lost`` and ``illegal_displacement``; others can be chosen, up to 12. Emergency is serious; tampering (antenna
cut or shorted, power lost) major; all else notice. A bit counts whether or not the report has a position. Reports older
than the newest one, and those whose time cannot be used, say nothing of the present; an unknown word changes nothing.

A bit that the terminal clears only when it is answered (emergency, illegal displacement) may come again and again: it
is one alarm until a report came without it. A bit that drops and returns is a new alarm, however short the drop: the
desk folds repeats, detection does not. When a terminal has said nothing for a day (``silence_s``) its alarms end at
its last report with ``data_ended``; ``offline`` speaks from then on. Two reports of one second are one: an emergency
pressed in the second of a timed report is not lost.

Power cut with ACC off inside a depot or loading fence (停车场, 装卸区) is a record, not an alarm. It becomes an alarm
when ACC comes on, or the vehicle moves outside of the fence, with power still cut. A device's ``speeding`` or
``fatigue`` is ``merged`` into our own alarm of that name while the two overlap.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, field_validator

from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.alarm_bits import ALARM_BITS, AlarmBit
from monitor.model.beijing import EARLIEST_MS, NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType

N_BITS = len(ALARM_BITS)
SLOTS = 12
"""Bits that can be judged for one vehicle (a guess): each open one keeps five bytes of the vehicle's row."""
MOVING_DKMH = 50
"""Moving is at least 5 km/h (F6)."""

_EARLIEST_MS = int(EARLIEST_MS)
_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_RECORD = int(EdgeType.RECORD)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_NOTICE = int(Grade.NOTICE)
_MAJOR = int(Grade.MAJOR)
_SERIOUS = int(Grade.SERIOUS)
_EMERGENCY = AlarmBit.EMERGENCY.bit
_ANTENNA_CUT = AlarmBit.GNSS_ANTENNA_CUT.bit
_ANTENNA_SHORT = AlarmBit.GNSS_ANTENNA_SHORT.bit
_POWER = AlarmBit.POWER_LOST.bit


class DeviceAlarmSettings(RuleSettings):
    """Settings of ``device_alarm``."""

    bits: tuple[str, ...] = Field(
        default=(
            AlarmBit.EMERGENCY.value,
            AlarmBit.SPEEDING.value,
            AlarmBit.FATIGUE.value,
            AlarmBit.GNSS_ANTENNA_CUT.value,
            AlarmBit.GNSS_ANTENNA_SHORT.value,
            AlarmBit.POWER_LOST.value,
            AlarmBit.ILLEGAL_DISPLACEMENT.value,
        ),
        max_length=SLOTS,
        description="bits that are judged, by name: up to 12 of the kinds (D)",
    )
    mask: int = Field(
        default=0x7FFF_FFFF,
        ge=0,
        le=0xFFFF_FFFF,
        description="bits of the word that this model of terminal uses as the standard says; reserved ones are reused "
        "by vendors. By edition: 2011 0x1FFC0FFF, 2013 0xFFFC7FFF, 2019 0x7FFFFFFF (V)",
    )
    silence_s: float = Field(
        default=86_400, gt=0, description="silence longer than this ends an alarm at the last report (D, as O1)"
    )

    @field_validator("bits")
    @classmethod
    def _known(cls, bits: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in bits if name not in ALARM_BITS]
        if unknown:
            raise ValueError(f"no such bit: {', '.join(unknown)}; known are {', '.join(ALARM_BITS)}")
        return bits


PARAMS = np.dtype([("judged", np.int64), ("silence_ms", np.int64)], align=True)
STATE = np.dtype(
    [
        ("open", np.int64),  # bits whose episode lasts
        ("last_ms", np.int64),  # newest report with a known word, while any is open
        ("last_clock_ms", np.int64),  # engine clock at that report
        ("onset_s", np.int32, (SLOTS,)),  # whole seconds since 2000, which is all that a terminal's time has
        ("slot_bit", np.int8, (SLOTS,)),  # bit + 1 that the onset is of; 0 = free
        ("recorded", np.int8),  # the open episode of lost power is a record
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, DeviceAlarmSettings)
    judged = 0
    if settings.enabled:
        for name in settings.bits:
            judged |= AlarmBit(name).mask
    return (judged & settings.mask, round(settings.silence_s * 1000))


@compiled
def grade_of(bit: int) -> int:
    """Emergency serious, tampering major, else notice."""
    if bit == _EMERGENCY:
        return _SERIOUS
    if bit in (_ANTENNA_CUT, _ANTENNA_SHORT, _POWER):
        return _MAJOR
    return _NOTICE


@compiled
def slot_of(state: np.void, key: int) -> int:
    """Where the onset of bit ``key - 1`` is kept; of 0 a free place. There is one: fewer bits are open than slots."""
    for slot in range(SLOTS):
        if state["slot_bit"][slot] == key:
            return slot
    return SLOTS - 1


@compiled
def onset_of(state: np.void, slot: int) -> int:
    """Onset in epoch ms."""
    return int(_EARLIEST_MS + np.int64(state["onset_s"][slot]) * 1000)


@compiled
def begin(state: np.void, x: np.void, out: np.void, code: int, bit: int, edge: int) -> None:
    """An episode begins with this report."""
    slot = slot_of(state, 0)
    state["open"] |= np.int64(1) << bit
    state["slot_bit"][slot] = bit + 1
    state["onset_s"][slot] = (x["fix_ms"] - _EARLIEST_MS) // 1000
    e = new_edge(out, x, code, bit, edge, onset_of(state, slot))
    e["grade"] = grade_of(bit)
    e["n_reports"] = 1
    if x["positioned"] == 1:
        e["start_lon"] = x["lon_deg"]
        e["start_lat"] = x["lat_deg"]


@compiled
def end(state: np.void, x: np.void, out: np.void, code: int, bit: int, end_ms: int, reason: int) -> None:
    """An episode is over; a record has no end of its own."""
    slot = slot_of(state, bit + 1)
    onset_ms = onset_of(state, slot)
    state["open"] &= ~(np.int64(1) << bit)
    state["slot_bit"][slot] = 0
    if bit == _POWER and state["recorded"] == 1:
        state["recorded"] = 0
        return
    e = new_edge(out, x, code, bit, _CLEAR, onset_ms)
    e["grade"] = grade_of(bit)
    e["n_reports"] = 1
    e["end_ms"] = max(end_ms, onset_ms)
    e["end_reason"] = reason
    if reason == _OVER and x["positioned"] == 1:
        e["end_lon"] = x["lon_deg"]
        e["end_lat"] = x["lat_deg"]


@compiled
def end_all(state: np.void, x: np.void, out: np.void, code: int) -> None:
    """The terminal fell silent: what was open ends at its last report."""
    for bit in range(N_BITS):
        if state["open"] >> bit & 1:
            end(state, x, out, code, bit, state["last_ms"], _DATA_ENDED)


@compiled
def silence_due_ms(state: np.void, params: np.void, x: np.void) -> int:
    """When silence ends what is open; after a pause of our own not before its grace is over."""
    due: int = state["last_clock_ms"] + params["silence_ms"]
    if due > x["paused_ms"]:
        due = max(due, x["grace_until_ms"])
    return due


@compiled
def take_word(state: np.void, params: np.void, x: np.void, out: np.void, code: int, said: int) -> None:
    """A report in which something is set, or that ends something."""
    again = x["again"] == 1
    if not again:
        if state["open"] != 0 and x["clock_ms"] > silence_due_ms(state, params, x):
            end_all(state, x, out, code)
        over = state["open"] & ~said
        for bit in range(N_BITS):
            if over >> bit & 1:
                reason = _OVER if params["judged"] >> bit & 1 else _DATA_ENDED
                end(state, x, out, code, bit, x["fix_ms"], reason)
        if state["recorded"] == 1:
            away = x["positioned"] == 1 and x["fenced"] == 0 and x["speed_dkmh"] >= MOVING_DKMH
            if x["acc"] == 1 or away:
                end(state, x, out, code, _POWER, x["fix_ms"], _OVER)
                begin(state, x, out, code, _POWER, _ONSET)
    risen = said & ~state["open"]
    for bit in range(N_BITS):
        if risen >> bit & 1:
            if bit == _POWER and x["fenced"] != 0 and x["acc"] == 0:
                state["recorded"] = 1
                begin(state, x, out, code, bit, _RECORD)
            else:
                begin(state, x, out, code, bit, _ONSET)
    if not again or risen != 0:
        state["last_ms"] = x["fix_ms"]
        state["last_clock_ms"] = x["clock_ms"]


@folded
def report(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One report newer than all before it, or another one of the newest time."""
    word = x["alarm_word"]
    if word < 0:
        return
    said = word & params["judged"]
    if said == 0 and state["open"] == 0:
        return
    take_word(state, params, x, out, code, said)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence ends what is open."""
    if state["open"] == 0:
        return NEVER_MS
    due = silence_due_ms(state, params, x)
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end_all(state, x, out, code)
        x["clock_ms"] = now
        return NEVER_MS
    return due


RULE = Rule(
    name="device_alarm",
    title_zh="终端报警",
    title_en="Device alarm",
    unit="–",
    kinds=tuple(bit.value for bit in ALARM_BITS),
    settings=DeviceAlarmSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    report=report,
    advance=advance,
    page=__doc__,
)
