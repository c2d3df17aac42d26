"""The bits of a terminal's alarm word 报警标志 by name (JT/T 808, table of 0x0200; JT/T 809 carries the same word).

A name stands for the bit's place; where editions read a bit differently (bits 3 and 29) the name is that of 2013, and
what each edition means by it is told by ``monitor.codec.jt808.alarm_bits``.
"""

from __future__ import annotations

from enum import StrEnum


class AlarmBit(StrEnum):
    """Every bit of the word, in order from bit 0, the least significant."""

    EMERGENCY = "emergency"
    SPEEDING = "speeding"
    FATIGUE = "fatigue"
    DANGER_WARNING = "danger_warning"
    GNSS_FAULT = "gnss_fault"
    GNSS_ANTENNA_CUT = "gnss_antenna_cut"
    GNSS_ANTENNA_SHORT = "gnss_antenna_short"
    POWER_LOW = "power_low"
    POWER_LOST = "power_lost"
    DISPLAY_FAULT = "display_fault"
    TTS_FAULT = "tts_fault"
    CAMERA_FAULT = "camera_fault"
    IC_MODULE_FAULT = "ic_module_fault"
    SPEEDING_WARNING = "speeding_warning"
    FATIGUE_WARNING = "fatigue_warning"
    ILLEGAL_DRIVING = "illegal_driving"
    TYRE_PRESSURE = "tyre_pressure"
    BLIND_SPOT = "blind_spot"
    CUMULATIVE_DRIVING = "cumulative_driving"
    OVERLONG_STOP = "overlong_stop"
    AREA = "area"
    ROUTE = "route"
    SEGMENT_TIME = "segment_time"
    ROUTE_DEVIATION = "route_deviation"
    VSS_FAULT = "vss_fault"
    FUEL = "fuel"
    STOLEN = "stolen"
    ILLEGAL_IGNITION = "illegal_ignition"
    ILLEGAL_DISPLACEMENT = "illegal_displacement"
    COLLISION = "collision"
    ROLLOVER = "rollover"
    ILLEGAL_DOOR = "illegal_door"

    @property
    def bit(self) -> int:
        """Its place in the word, 0 to 31."""
        return _PLACES[self]

    @property
    def mask(self) -> int:
        return 1 << _PLACES[self]


ALARM_BITS: tuple[AlarmBit, ...] = tuple(AlarmBit)
"""``ALARM_BITS[n]`` is bit ``n``."""

_PLACES = {name: place for place, name in enumerate(AlarmBit)}


def alarm_bits(word: int) -> tuple[AlarmBit, ...]:
    """The bits set in an alarm word, lowest first; an unknown word (negative) has none."""
    return tuple(name for place, name in enumerate(ALARM_BITS) if word > 0 and word >> place & 1)


def alarm_word(*bits: AlarmBit) -> int:
    """The word with these bits set."""
    word = 0
    for name in bits:
        word |= name.mask
    return word
