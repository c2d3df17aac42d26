"""Cells of registry files: each parser gives the value, None for an empty cell, or raises ValueError with a reason."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from openpyxl.utils.datetime import from_excel

from monitor.model.fleet import PlateColor, VehicleClass
from monitor.model.plate import folded_plate
from monitor.store.registry_headings import (
    CLASS_WORDS,
    COLOR_WORDS,
    EMPTY_WORDS,
    FALSE_WORDS,
    TRUE_WORDS,
    class_of,
    color_of,
    folded,
)
from monitor.store.registry_sheets import REPLACEMENT, Cell

_SPREADSHEET_ERRORS = frozenset({"#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#num!", "#null!"})
_EXACT = 2**53
"""Whole numbers from here on lose digits in a spreadsheet's floating point."""
_SERIALS = range(18_264, 73_051)
"""Excel serial dates of 1950-2099: five digits that are taken as a date."""
_OPEN_YEAR = 9999
_PHONE_DROPPED = str.maketrans("", "", " \t\u3000-'()")
_MAX_TEXT = 200
_MAX_PLATE = 16
_MAX_PHONE = 20
"""JT/T 808-2019 carries 10 BCD bytes."""

_DAY = re.compile(
    r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})[日号]?|(\d{2})(\d{2}))"
    r"(?:[T\s]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
)


def text_of(cell: Cell) -> str:
    """The cell as text; whole numbers without the ``.0`` that a spreadsheet gives them."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return str(int(cell))
    text = str(cell).strip().strip("\u3000\ufeff")
    if text.lower() in _SPREADSHEET_ERRORS:
        raise ValueError(f"the spreadsheet shows an error ({text})")
    if REPLACEMENT in text:
        raise ValueError("holds bytes that are no text in the encoding of the file")
    if any(unicodedata.category(sign) == "Cc" and sign not in "\n\r\t" for sign in text):
        raise ValueError("holds control characters")
    if len(text) > _MAX_TEXT:
        raise ValueError(f"is longer than {_MAX_TEXT} characters")
    return text


def is_empty(text: str) -> bool:
    return folded(text) in EMPTY_WORDS


def plain(cell: Cell) -> str:
    """Free text; words and signs for "nothing" become empty."""
    text = " ".join(text_of(cell).split())
    return "" if is_empty(text) else text


def identifier(cell: Cell) -> str:
    """A key as it stands, only trimmed: other files refer to it letter by letter."""
    text = text_of(cell)
    if _shortened(text):
        raise ValueError(f"{text} was shortened by the spreadsheet; format the column as text and export again")
    return text


def plate(cell: Cell) -> str:
    """Half width, upper case, without spaces and dots: ``甘ｇ·12345`` is ``甘G12345``."""
    text = text_of(cell)
    if is_empty(text):
        return ""
    text = folded_plate(text)
    if len(text) > _MAX_PLATE or not text.isalnum():
        raise ValueError(f"{text!r} is no plate")
    return text


def phone(cell: Cell) -> str:
    """Hex digits, lower case, without leading zeros; numbers as spreadsheets write them are taken back."""
    text = unicodedata.normalize("NFKC", text_of(cell))
    if is_empty(text):
        return ""
    if isinstance(cell, float) or re.fullmatch(r"\d+\.\d*|\d+(\.\d*)?[eE]\+\d+", text):
        text = _whole_number(text)
    text = text.translate(_PHONE_DROPPED).removeprefix("+86").lower().lstrip("0")
    if not text:
        raise ValueError("is all zeros")
    if len(text) > _MAX_PHONE or re.fullmatch(r"[0-9a-f]+", text) is None:
        raise ValueError(f"{text!r} is no terminal number: 1 to {_MAX_PHONE} digits")
    return text


def _whole_number(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text} is no number") from None
    if number != number.to_integral_value():
        raise ValueError(f"{text} is no whole number")
    if _shortened(text):
        raise ValueError(f"{text} was shortened by the spreadsheet; format the column as text and export again")
    if number >= _EXACT:
        raise ValueError(f"{text} has lost digits: stored as a number of more than 15 digits")
    return str(int(number))


def _shortened(text: str) -> bool:
    """Whether text in exponent form holds fewer digits than the number it stands for (1.39E+10)."""
    found = re.fullmatch(r"(\d)(?:\.(\d*))?[eE]\+(\d+)", text)
    return found is not None and len(found[2] or "") < int(found[3])


def vehicle_class(cell: Cell) -> VehicleClass:
    text = text_of(cell)
    if is_empty(text):
        return VehicleClass.OTHER
    found = class_of(text)
    if found is None:
        known = " ".join(f"{item.value} ({words[0]})" for item, words in CLASS_WORDS.items())
        raise ValueError(f"{text!r} is no vehicle class; known: {known}")
    return found


def plate_color(cell: Cell) -> PlateColor:
    text = text_of(cell)
    if not text:
        return PlateColor.OTHER
    found = color_of(text.removesuffix(".0"))
    if found is not None:
        return found
    if is_empty(text):
        return PlateColor.OTHER
    known = " ".join(f"{item.value} ({words[0]})" for item, words in COLOR_WORDS.items())
    raise ValueError(f"{text!r} is no plate colour; known: {known}, or a JT/T code")


def boolean(cell: Cell) -> bool:
    text = folded(text_of(cell))
    if text in TRUE_WORDS:
        return True
    if text in FALSE_WORDS or text in EMPTY_WORDS:
        return False
    raise ValueError(f"{text!r} is neither yes nor no (1/0, 是/否)")


def number(cell: Cell) -> float | None:
    """A number above zero; thousands separators are dropped."""
    if isinstance(cell, (datetime, date)):
        raise ValueError("is a date, not a number")
    text = unicodedata.normalize("NFKC", text_of(cell)).replace(",", "")
    if is_empty(text):
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"{text} is not above zero")
    return value


def count(cell: Cell) -> int | None:
    """A whole number above zero."""
    value = number(cell)
    if value is None:
        return None
    if not value.is_integer():
        raise ValueError(f"{value} is no whole number")
    return int(value)


def day(cell: Cell, epoch: datetime) -> date | None:
    """A calendar date; serial numbers count from ``epoch``. The year 9999 stands for an open end."""
    if isinstance(cell, datetime):
        return _open(cell.date())
    if isinstance(cell, date):
        return _open(cell)
    if isinstance(cell, timedelta):
        raise ValueError("is a duration, not a date")
    text = unicodedata.normalize("NFKC", text_of(cell))
    if is_empty(text):
        return None
    if re.fullmatch(r"\d{5}(\.\d+)?", text) and int(float(text)) in _SERIALS:
        moment = from_excel(int(float(text)), epoch)
        if isinstance(moment, datetime):
            return moment.date()
    found = _DAY.fullmatch(text.removesuffix(".0"))
    if found is None:
        raise ValueError(f"{text!r} is no date; write 2026-03-02")
    year, _, *pairs = found.groups()
    month, day_of_month = (part for part in pairs if part is not None)
    try:
        value = date(int(year), int(month), int(day_of_month))
    except ValueError:
        raise ValueError(f"{text!r} is no day of the calendar") from None
    return _open(value)


def _open(value: date) -> date | None:
    if value.year == _OPEN_YEAR:
        return None
    if not 1950 <= value.year < 2200:
        raise ValueError(f"{value.isoformat()} cannot be meant")
    return value
