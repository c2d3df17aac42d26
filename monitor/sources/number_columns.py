"""Cells read as numbers: whole columns at once, cell by cell only in a block that holds something odd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.sources.cells import Column, distinct_text, doubles, is_text, plain_text, text_list
from monitor.sources.report_columns import BLANK_TEXTS

_TRUE = frozenset(("1", "true", "yes", "on", "y", "t", "1.0", "是", "开"))
_FALSE = frozenset(("0", "false", "no", "off", "n", "f", "0.0", "否", "关"))
LARGEST_WORD = 0xFFFF_FFFF
"""JT/T 808 status and alarm words have 32 bits."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Values (0 where unknown), which are known, and which cells held something that is no number."""

    values: NDArray[np.float64]
    known: NDArray[np.bool_]
    bad: NDArray[np.bool_]


def numbers(column: Column, unknown_numbers: tuple[float, ...] = (), unknown_texts: tuple[str, ...] = ()) -> Numbers:
    """Finite numbers of a column; empty cells, NaN and sentinels are unknown, infinities and other text are bad."""
    return _settled(*_floats(column, _decimal, unknown_texts), unknown_numbers)


def words(column: Column, unknown_numbers: tuple[float, ...] = (), unknown_texts: tuple[str, ...] = ()) -> Numbers:
    """Status or alarm words: whole numbers of 32 bits, decimal or ``0x`` hexadecimal."""
    found = _settled(*_floats(column, _decimal_or_hex, unknown_texts), unknown_numbers)
    with np.errstate(invalid="ignore"):
        whole = (found.values >= 0) & (found.values <= LARGEST_WORD) & (found.values == np.floor(found.values))
    return Numbers(np.where(whole, found.values, 0.0), found.known & whole, found.bad | (found.known & ~whole))


def booleans(column: Column, unknown_texts: tuple[str, ...] = ()) -> Numbers:
    """Values 0 and 1 of cells such as ``1``, ``true``, ``on``, ``是``."""
    indices, texts = distinct_text(column)
    lowered = ["" if text is None or text in unknown_texts else text.lower() for text in texts]
    value = np.array([float(text in _TRUE) for text in lowered] + [0.0])
    known = np.array([text in _TRUE or text in _FALSE for text in lowered] + [False])
    blank = np.array([text in BLANK_TEXTS for text in lowered] + [True])
    return Numbers(value[indices], known[indices], ~(known | blank)[indices])


def half_away(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole numbers nearest to ``values``, halves away from zero."""
    return np.copysign(np.floor(np.abs(values) + 0.5), values)


def _settled(values: NDArray[np.float64], bad: NDArray[np.bool_], unknown: tuple[float, ...]) -> Numbers:
    bad |= np.isinf(values)
    known = ~(bad | np.isnan(values))
    for sentinel in unknown:
        known &= values != sentinel
    return Numbers(np.where(known, values, 0.0), known, bad)


def _floats(
    column: Column, parse: Callable[[str], float | None], unknown_texts: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values with NaN for "empty", and which cells hold no number."""
    if is_text(column):
        column = plain_text(column)
    try:
        values = doubles(column.cast(pa.float64(), safe=False))
    except pa.ArrowInvalid:
        return _odd_floats(column, parse, unknown_texts)
    return values, np.zeros(len(values), np.bool_)


def _odd_floats(
    column: Column, parse: Callable[[str], float | None], unknown_texts: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values = np.full(len(column), np.nan)
    bad = np.zeros(len(column), np.bool_)
    for row, cell in enumerate(text_list(column)):
        text = "" if cell is None else cell.strip()
        if text in BLANK_TEXTS or text in unknown_texts:
            continue
        value = parse(text)
        if value is None:
            bad[row] = True
        else:
            values[row] = value
    return values, bad


def _decimal(text: str) -> float | None:
    # float() also takes digit groups such as 1_000, which no data file means.
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _decimal_or_hex(text: str) -> float | None:
    if text[:2] in ("0x", "0X"):
        try:
            return float(int(text[2:], 16))
        except (ValueError, OverflowError):
            return None
    return _decimal(text)
