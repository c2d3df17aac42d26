"""What the sources of the published vectors assert, made comparable with our values.

Keys are the source's: ``jT808_0X8604.PeakItems[1].Lat``, ``HighestSpeed#2``, ``msg.getLat()``, nested objects. Values
are literals, or source text such as ``JT808MsgId._0x0002.ToUInt16Value()``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from monitor.codec.jt808.items import ITEM_NAMES
from monitor.model.beijing import BEIJING

_AT = re.compile(r"(?:item|get\(|\[|#)(\d+)")
_TRIMMED = re.compile(r"\.(?:TrimStart\([^)]*\)|stringValue\(\)|Value)$")
_LAST = re.compile(r"(\w[\w.]*?)(?:\[\d+\])?(?:\(\))?(?:#\d+)?\)?$")
_MESSAGE_ID = re.compile(r"_0x([0-9A-Fa-f]{4})\b")
_ITEM = re.compile(r"0x0200_0x([0-9A-Fa-f]{2})\b", re.IGNORECASE)
_BYTES = re.compile(r"new byte\[\] ?\{([^}]*)\}$")
_LOCAL = re.compile(r"LocalDateTime\.of\(([\d, ]+)\)")
_QUOTED = re.compile(r'Convert\.ToDateTime\("([^"]+)"\)')
_SAFETY = range(0x64, 0x68)
_COUNTED = ("peakitems.count", "inflectionpointitems.count", "value.count")
_ENUMERATIONS = {
    "Success": 0,
    "success": 0,
    "succeed": 0,
    "ic_card_into": 1,
    "ic_card_pull_out": 2,
    "ic_card_reading_succeeded": 0,
    "read_card_failure_auth": 1,
    "append_region": 1,
    "regular_action": 1,
    "JPEG": 0,
    "image": 0,
    "beidou_module": 52,
    "terminal_not_database": 4,
    "正常位置批量汇报": 0,
}
_ENVELOPE = ("messageId", "properties", "protocolVersion", "clientId", "serialNo", "verified")
"""What a source repeats of the header in inner objects, with no meaning there."""
_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%y%m%d%H%M%S")


ANY_OF = frozenset(
    {"paramid", "paramlength", "paramvalue", "latitude", "longitude", "controltypeid", "controltypeparameter"}
)
"""Words whose number in a vector is the order in the source's text, not the order on the wire."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One asserted value: a name in lower case, which of several, and the value as text or number."""

    key: str
    word: str
    number: int
    value: object


def assertions(expected: dict[str, object]) -> Iterator[Assertion]:
    """All asserted values of a vector that can be told apart by name."""
    for key, value in expected.items():
        if key != "_other_values":
            yield from _flattened(key, value)


def _flattened(key: str, value: object) -> Iterator[Assertion]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if key.startswith(("attributes", "parameters")):
                yield from _flattened(f"{key}.{name}", inner)
            elif name not in _ENVELOPE:
                yield from _flattened(name, inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            for name, innermost in inner.items():
                # Names inside a list of route points clash with the route's own.
                prefix = "items." if "routeId" in inner else ""
                for one in _flattened(name, innermost) if name not in _ENVELOPE else ():
                    yield Assertion(f"{key}[{number}].{one.key}", prefix + one.word, number, one.value)
    elif isinstance(value, list) and not key.startswith("attributes") and key != "data":
        for number, element in enumerate(value):
            yield Assertion(f"{key}[{number}]", key.lower(), number, element)
    else:
        yield _named(key, value)


def _named(key: str, value: object) -> Assertion:
    lowered = key.lower()
    if lowered.startswith(("attributes.", "parameters.")):
        return Assertion(key, lowered, 0, value)
    private = _ITEM.search(key)
    if private and int(private.group(1), 16) not in ITEM_NAMES:
        return Assertion(key, f"item 0x{private.group(1)}", 0, value)
    if "Header." in key or lowered.startswith("header."):
        return Assertion(key, "header." + lowered.split("header.")[-1], 0, value)
    for counted in _COUNTED:
        if lowered.endswith(counted):
            return Assertion(key, counted, 0, value)
    prefix = "safety." if private and int(private.group(1), 16) in _SAFETY else ""
    places = _AT.findall(key)
    number = int(places[-1]) - (1 if "#" in key else 0) if places else 0
    bare = _TRIMMED.sub("", key.removeprefix("traccar_attribute ").replace('"', ""))
    found = _LAST.search(bare)
    word = (found.group(1) if found else bare).split(".")[-1]
    word = re.sub(r"^(get|set)(?=[A-Z])", "", word)
    label = "label." if "AlarmIdentification." in key else ""
    return Assertion(key, prefix + label + word.lower(), number, value)


def same(value: object, ours: object) -> bool | None:
    """Whether an asserted value is ours; None if it is an expression that cannot be read."""
    if isinstance(ours, datetime):
        return ours.astimezone(BEIJING).strftime(_MOMENTS[0]) == _moment(str(value))
    if isinstance(ours, time):
        return str(value).endswith(ours.isoformat("milliseconds" if ours.microsecond else "seconds"))
    if isinstance(ours, date):
        return str(value).replace("-", "")[:8] == ours.strftime("%Y%m%d")
    if isinstance(value, bool | int | float):
        return isinstance(ours, int | float | str) and str(ours) == str(int(value) if isinstance(ours, int) else value)
    if isinstance(value, list):
        return list(ours) == value if isinstance(ours, bytes | list | tuple) else None
    return _same_text(str(value), ours)


def _same_text(value: str, ours: object) -> bool | None:
    if isinstance(ours, bytes):
        found = _BYTES.match(value)
        return bytes(int(byte, 0) for byte in found.group(1).split(",")) == ours if found else None
    if isinstance(ours, int):
        known = [number for name, number in _ENUMERATIONS.items() if re.search(rf"\.{name}\b", value)]
        if known:
            return known[0] == ours
        if found := _MESSAGE_ID.search(value):
            return int(found.group(1), 16) == ours
        if value.startswith("0x") or value.isdigit():
            return int(value, 0 if value.startswith("0x") else 10) == ours
        return None
    if isinstance(ours, str):
        return value.strip("\0 ") == ours.strip("0 ") or value.strip("\0 ") == ours.strip("\0 ")
    return None


def _moment(text: str) -> str:
    if found := _LOCAL.match(text):
        year, month, day, *rest = (int(part) for part in found.group(1).split(","))
        return f"{date(year, month, day)} {rest[0]:02d}:{rest[1]:02d}:{rest[2]:02d}"
    if found := _QUOTED.match(text):
        text = found.group(1)
    for form in _MOMENTS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=BEIJING).strftime(_MOMENTS[0])
        except ValueError:
            continue
    return text
