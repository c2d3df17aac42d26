"""Terminal parameters 终端参数 by id: name, exact type and unit (JT/T 808, table of 0x8103).

A value of another length than its type's is refused by strict terminals (0x0055 as a WORD is wrong), so numbers are
written by ``number_parameter`` only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from monitor.codec.jt808.messages.parameters import Parameter
from monitor.codec.jt808.messages.reader import decode_text
from monitor.codec.jt808.messages.writer import encode_text
from monitor.errors import CodecError


class ParameterType(StrEnum):
    """How a value is written: big-endian numbers, GBK text, or bytes as they are."""

    BYTE = "BYTE"
    WORD = "WORD"
    DWORD = "DWORD"
    STRING = "STRING"
    BYTES = "BYTES"


_SIZES: Final = {ParameterType.BYTE: 1, ParameterType.WORD: 2, ParameterType.DWORD: 4}


class ParameterMeaning(msgspec.Struct, frozen=True):
    """What a parameter is; ``unit`` is empty where there is none."""

    name: str
    type: ParameterType
    unit: str = ""


_BYTE, _WORD, _DWORD, _STRING, _BYTES = ParameterType


def _meanings(*rows: tuple[int, str, ParameterType, str]) -> dict[int, ParameterMeaning]:
    return {number: ParameterMeaning(name, kind, unit) for number, name, kind, unit in rows}


MAX_SPEED: Final = 0x0055
SPEEDING_DURATION: Final = 0x0056
DRIVING_LIMIT: Final = 0x0057
DAY_DRIVING_LIMIT: Final = 0x0058
LEAST_REST: Final = 0x0059

PARAMETERS: Final[dict[int, ParameterMeaning]] = _meanings(
    (0x0001, "heartbeat_interval", _DWORD, "s"),
    (0x0002, "tcp_answer_timeout", _DWORD, "s"),
    (0x0003, "tcp_retries", _DWORD, ""),
    (0x0004, "udp_answer_timeout", _DWORD, "s"),
    (0x0005, "udp_retries", _DWORD, ""),
    (0x0006, "sms_answer_timeout", _DWORD, "s"),
    (0x0007, "sms_retries", _DWORD, ""),
    (0x0010, "main_apn", _STRING, ""),
    (0x0011, "main_user", _STRING, ""),
    (0x0012, "main_password", _STRING, ""),
    (0x0013, "main_server", _STRING, ""),
    (0x0014, "backup_apn", _STRING, ""),
    (0x0015, "backup_user", _STRING, ""),
    (0x0016, "backup_password", _STRING, ""),
    (0x0017, "backup_server", _STRING, ""),
    (0x0018, "tcp_port", _DWORD, ""),
    (0x0019, "udp_port", _DWORD, ""),
    (0x0020, "report_strategy", _DWORD, ""),
    (0x0021, "report_scheme", _DWORD, ""),
    (0x0022, "report_interval_no_driver", _DWORD, "s"),
    (0x0027, "report_interval_asleep", _DWORD, "s"),
    (0x0028, "report_interval_emergency", _DWORD, "s"),
    (0x0029, "report_interval", _DWORD, "s"),
    (0x002C, "report_distance", _DWORD, "m"),
    (0x002D, "report_distance_no_driver", _DWORD, "m"),
    (0x002E, "report_distance_asleep", _DWORD, "m"),
    (0x002F, "report_distance_emergency", _DWORD, "m"),
    (0x0030, "turn_angle", _DWORD, "deg"),
    (0x0031, "fence_radius", _WORD, "m"),
    (0x0032, "illegal_driving_period", _BYTES, ""),
    (0x0040, "platform_telephone", _STRING, ""),
    (0x0041, "reset_telephone", _STRING, ""),
    (0x0042, "factory_reset_telephone", _STRING, ""),
    (0x0043, "platform_sms_telephone", _STRING, ""),
    (0x0044, "alarm_sms_telephone", _STRING, ""),
    (0x0045, "telephone_answering", _DWORD, ""),
    (0x0046, "call_limit", _DWORD, "s"),
    (0x0047, "month_call_limit", _DWORD, "s"),
    (0x0048, "listening_telephone", _STRING, ""),
    (0x0049, "privileged_sms_telephone", _STRING, ""),
    (0x0050, "alarm_mask", _DWORD, "bits"),
    (0x0051, "alarm_sms_mask", _DWORD, "bits"),
    (0x0052, "alarm_photo_mask", _DWORD, "bits"),
    (0x0053, "alarm_photo_store_mask", _DWORD, "bits"),
    (0x0054, "key_alarm_mask", _DWORD, "bits"),
    (MAX_SPEED, "max_speed", _DWORD, "km/h"),
    (SPEEDING_DURATION, "speeding_duration", _DWORD, "s"),
    (DRIVING_LIMIT, "driving_limit", _DWORD, "s"),
    (DAY_DRIVING_LIMIT, "day_driving_limit", _DWORD, "s"),
    (LEAST_REST, "least_rest", _DWORD, "s"),
    (0x005A, "longest_stop", _DWORD, "s"),
    (0x005B, "speeding_warning_difference", _WORD, "0.1 km/h"),
    (0x005C, "fatigue_warning_difference", _WORD, "s"),
    (0x005D, "collision", _WORD, ""),
    (0x005E, "rollover_angle", _WORD, "deg"),
    (0x0064, "timed_photo", _DWORD, "bits"),
    (0x0065, "distance_photo", _DWORD, "bits"),
    (0x0070, "picture_quality", _DWORD, ""),
    (0x0071, "brightness", _DWORD, ""),
    (0x0072, "contrast", _DWORD, ""),
    (0x0073, "saturation", _DWORD, ""),
    (0x0074, "chroma", _DWORD, ""),
    (0x0080, "odometer", _DWORD, "0.1 km"),
    (0x0081, "province", _WORD, ""),
    (0x0082, "county", _WORD, ""),
    (0x0083, "plate", _STRING, ""),
    (0x0084, "plate_color", _BYTE, ""),
    (0x0090, "gnss_mode", _BYTE, "bits"),
    (0x0091, "gnss_baud", _BYTE, ""),
    (0x0092, "gnss_output_rate", _BYTE, ""),
    (0x0093, "gnss_sample_rate", _DWORD, "s"),
    (0x0094, "gnss_upload_mode", _BYTE, ""),
    (0x0095, "gnss_upload_setting", _DWORD, ""),
    (0x0100, "can1_sample_interval", _DWORD, "ms"),
    (0x0101, "can1_upload_interval", _WORD, "s"),
    (0x0102, "can2_sample_interval", _DWORD, "ms"),
    (0x0103, "can2_upload_interval", _WORD, "s"),
    (0x0110, "can_sample_setting", _BYTES, ""),
    (0xF364, "adas_setting", _BYTES, ""),
    (0xF365, "driver_state_setting", _BYTES, ""),
    (0xF366, "tyre_monitor_setting", _BYTES, ""),
    (0xF367, "blind_spot_setting", _BYTES, ""),
)
"""Every parameter whose type is known. 0x005D is acceleration (0.1 g) in the high byte and time in the low one: 4 ms in
2013, 1 ms in 2019. 0x0032 (2019) is start and end, hour and minute BYTE each."""


def parameter_name(number: int) -> str:
    """The name of a parameter, empty if it is not known."""
    meaning = PARAMETERS.get(number)
    return meaning.name if meaning else ""


def number_parameter(number: int, value: int) -> Parameter:
    """A parameter of exactly the width its type has.

    CodecError ``unknown_parameter`` for an id that has no number type, ``out_of_range`` if the value does not fit.
    """
    meaning = PARAMETERS.get(number)
    size = _SIZES.get(meaning.type) if meaning else None
    if size is None:
        raise CodecError(
            reason="unknown_parameter", field="id", detail=f"0x{number:04X} is no parameter with a number for value"
        )
    if not 0 <= value < 1 << 8 * size:
        raise CodecError(
            reason="out_of_range", field=parameter_name(number), detail=f"{value} does not fit {size} bytes"
        )
    return Parameter(number, value.to_bytes(size, "big"))


def text_parameter(number: int, value: str) -> Parameter:
    """A parameter of type STRING; CodecError ``unknown_parameter`` or ``out_of_range``."""
    meaning = PARAMETERS.get(number)
    if meaning is None or meaning.type is not ParameterType.STRING:
        raise CodecError(reason="unknown_parameter", field="id", detail=f"0x{number:04X} is no parameter with a text")
    raw = encode_text(value)
    if len(raw) > 0xFF:
        raise CodecError(reason="out_of_range", field=meaning.name, detail=f"{len(raw)} bytes of GBK, at most 255")
    return Parameter(number, raw)


def parameter_value(parameter: Parameter) -> int | str | None:
    """The value by its type; None for bytes, an unknown id, and a number of another width than its type."""
    meaning = PARAMETERS.get(parameter.id)
    if meaning is None or meaning.type is ParameterType.BYTES:
        return None
    if meaning.type is ParameterType.STRING:
        return decode_text(parameter.value)
    return int.from_bytes(parameter.value, "big") if len(parameter.value) == _SIZES[meaning.type] else None
