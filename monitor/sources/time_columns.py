"""Cells read as times, giving UTC epoch milliseconds.

Whole columns at once where all cells have one form; cell by cell in a block where they do not. A time without an
offset counts only where the mapping declares its zone: a guess would move a night by eight hours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.sources.cells import Column, doubles, is_text, null_mask, plain_text, text_list
from monitor.sources.report_columns import BLANK_TEXTS
from monitor.sources.zone import Zone

SECONDS_BELOW = 1e11
"""Unix numbers below this are seconds, from it on milliseconds: 5138 as seconds, 1973 as milliseconds."""

_MIN_MS = -62_135_596_800_000  # 0001-01-01
_MAX_MS = 253_402_300_799_999  # 9999-12-31
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_OFFSET = re.compile(r".*(Z|[+-]\d{2}(:?\d{2})?)")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}[ T].*")


@dataclass(frozen=True, slots=True)
class Times:
    """Epoch ms (0 where unknown); ``known``; ``bad`` = no time; ``zoneless`` = a time whose zone nobody declares."""

    ms: NDArray[np.int64]
    known: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    zoneless: NDArray[np.bool_]


def times(column: Column, form: str = "auto", zone: Zone | None = None, unknown: tuple[str, ...] = ()) -> Times:
    """Times of a column. ``form``: ``auto``, ``iso``, ``unix_s``, ``unix_ms`` or a ``%`` pattern."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _stored(column, zone)
    if pa.types.is_null(column.type):
        return _result(np.zeros(len(column), np.int64), null_mask(column))
    if not is_text(column):
        return _unix(column.cast(pa.float64(), safe=False), form)
    column = plain_text(column)
    if unknown:
        sentinel = pc.is_in(
            pc.call_function("utf8_trim_whitespace", [column]), value_set=pa.array(unknown, pa.string())
        )
        column = pc.call_function("if_else", [sentinel, pa.scalar(None, pa.string()), column])
    try:
        return _uniform(column, form, zone)
    except pa.ArrowInvalid:
        return _mixed(column, form, zone)


def _result(
    ms: NDArray[np.int64],
    empty: NDArray[np.bool_],
    bad: NDArray[np.bool_] | None = None,
    zoneless: NDArray[np.bool_] | None = None,
) -> Times:
    none = np.zeros(len(ms), np.bool_)
    bad = none if bad is None else bad
    zoneless = none if zoneless is None else zoneless
    bad = bad | (~empty & ~zoneless & ((ms < _MIN_MS) | (ms > _MAX_MS)))
    known = ~(empty | bad | zoneless)
    return Times(np.where(known, ms, 0), known, bad, zoneless & ~bad)


def _uniform(column: Column, form: str, zone: Zone | None) -> Times:
    """All cells of the form of the first one; raises ArrowInvalid where one is not."""
    if column.null_count == len(column):
        return _result(np.zeros(len(column), np.int64), null_mask(column))
    if "%" in form:
        if "%f" in form or "%z" in form:
            raise pa.ArrowInvalid("a pattern that only the slow way knows")
        options = pc.StrptimeOptions(form, "us", error_is_null=True)
        parsed: Column = pc.call_function("strptime", [column], options)
        if parsed.null_count != column.null_count:
            raise pa.ArrowInvalid("a cell does not follow the pattern")
        return _stored(parsed, zone)
    first = str(column.drop_null()[0].as_py())
    if form in ("unix_s", "unix_ms") or (form == "auto" and _NUMBER.fullmatch(first)):
        return _unix(column.cast(pa.float64()), form)
    aware = _OFFSET.fullmatch(first[10:]) is not None
    return _stored(column.cast(pa.timestamp("us", tz="UTC" if aware else None)), zone)


def _stored(column: Column, zone: Zone | None) -> Times:
    """Timestamps of Arrow, with or without a zone of their own."""
    empty = null_mask(column)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    stored = cast("pa.TimestampType[Literal['s', 'ms', 'us', 'ns'], str]", column.type)
    zone_name: str | None = stored.tz
    naive = zone_name is None
    if naive:
        if zone is None:
            return _result(np.zeros(len(column), np.int64), empty, zoneless=~empty)
        if zone.offset_ms is None:
            options = pc.AssumeTimezoneOptions(zone.name, ambiguous="earliest", nonexistent="earliest")
            column = pc.call_function("assume_timezone", [column], options)
    naive_offset_ms = (zone.offset_ms or 0) if naive and zone is not None else 0
    ticks: NDArray[np.int64] = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    if stored.unit == "s":
        # Bounded first, for the product must not wrap around.
        ms = np.clip(ticks, _MIN_MS // 1000 - 1, _MAX_MS // 1000 + 1) * 1000
    else:
        ms = ticks // {"ms": 1, "us": 1_000, "ns": 1_000_000}[stored.unit]
    return _result(ms - naive_offset_ms, empty)


def _unix(column: Column, form: str) -> Times:
    """Numbers of seconds or milliseconds since 1970."""
    values = doubles(column)
    # NaN is an empty cell, also one stored as such in Parquet.
    empty = np.isnan(values)
    if form == "unix_s":
        seconds = np.ones(len(values), np.bool_)
    elif form == "unix_ms":
        seconds = np.zeros(len(values), np.bool_)
    else:
        seconds = np.abs(values) < SECONDS_BELOW
    # Bounded, so that what lies outside the calendar stays a number, which _result refuses.
    scaled = np.clip(np.where(empty, 0.0, values), -1e15, 1e15) * np.where(seconds, 1000.0, 1.0)
    return _result(np.floor(scaled + 0.5).astype(np.int64), empty)


def _mixed(column: Column, form: str, zone: Zone | None) -> Times:
    n = len(column)
    ms = np.zeros(n, np.int64)
    empty, bad, zoneless = np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    for row, cell in enumerate(text_list(column)):
        text = "" if cell is None else cell.strip()
        if text in BLANK_TEXTS:
            empty[row] = True
            continue
        try:
            moment = _moment(text, form)
        except ValueError:
            bad[row] = True
            continue
        if isinstance(moment, int):
            ms[row] = moment
        elif moment.tzinfo is not None:
            ms[row] = _epoch_ms(moment)
        elif zone is not None:
            ms[row] = _epoch_ms(zone.localise(moment))
        else:
            zoneless[row] = True
    return _result(ms, empty, bad, zoneless)


def _moment(text: str, form: str) -> int | datetime:
    """Epoch ms of a Unix number, or a date and time; raises ValueError."""
    if "%" in form:
        return datetime.strptime(text, form)  # noqa: DTZ007  the zone is applied by the caller
    if form in ("unix_s", "unix_ms") or (form == "auto" and _NUMBER.fullmatch(text)):
        found = _unix(pa.array([float(text)]), form)
        if not found.known[0]:
            raise ValueError(text)
        return int(found.ms[0])
    if _DATE.fullmatch(text):
        day, _, clock = text.partition("T" if "T" in text else " ")
        year, month, day_of_month = re.split("[-/.]", day)
        text = f"{year}-{month:0>2}-{day_of_month:0>2}T{clock.strip().replace(' ', '')}"
        if len(clock.strip().partition(":")[0]) == 1:
            text = text[:11] + "0" + text[11:]
    return datetime.fromisoformat(text)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _epoch_ms(moment: datetime) -> int:
    try:
        past = moment - _EPOCH
    except OverflowError:
        return _MAX_MS + 1
    return past.days * 86_400_000 + past.seconds * 1000 + past.microseconds // 1000
