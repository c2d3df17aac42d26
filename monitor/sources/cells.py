"""Cells of a report file as Arrow columns: what the readers of CSV and Parquet hand on.

A column is text (plain or dictionary) or, from Parquet, of its stored type; a null is an empty cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Column: TypeAlias = "pa.Array[pa.Scalar[pa.DataType]]"

_LARGEST_WHOLE = 2.0**53

DICTIONARY = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True, slots=True)
class CellBlock:
    """Some rows of a file. ``columns`` has one Arrow array per name read, ``row_numbers`` one int64 per row.

    ``done`` of ``total`` says how far into the file this block reaches.
    """

    columns: pa.RecordBatch
    row_numbers: NDArray[np.int64]
    done: int
    total: int


def is_text(column: Column) -> bool:
    """Whether the cells are text, plain or dictionary."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain_text(column: Column) -> Column:
    """Any column as strings; whole floats without their ``.0`` (phones that went through a spreadsheet)."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        values = doubles(column.cast(pa.float64()))
        with np.errstate(invalid="ignore"):
            whole = bool(np.all((np.isnan(values) | (values == np.floor(values))) & ~(np.abs(values) > _LARGEST_WHOLE)))
        if whole:
            column = pa.array(np.nan_to_num(values).astype(np.int64), mask=np.isnan(values))
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def doubles(column: Column) -> NDArray[np.float64]:
    """Values of a float64 column, NaN for an empty cell."""
    values: NDArray[np.float64] = cast("pa.DoubleArray", column).fill_null(math.nan).to_numpy(zero_copy_only=False)
    return values


def text_list(column: Column) -> list[str | None]:
    """Values of a text column as Python strings."""
    return cast("pa.StringArray", column).to_pylist()


def distinct_text(column: Column) -> tuple[NDArray[np.int64], list[str | None]]:
    """Index of each cell into the distinct texts, -1 for an empty cell; texts without outer blanks."""
    if not (isinstance(column, pa.DictionaryArray) and is_text(column)):
        column = plain_text(column).dictionary_encode()
    assert isinstance(column, pa.DictionaryArray)
    indices = column.indices.cast(pa.int64()).fill_null(-1)
    texts = [None if text is None else text.strip() for text in column.dictionary.to_pylist()]
    return indices.to_numpy(zero_copy_only=False), texts


def null_mask(column: Column) -> NDArray[np.bool_]:
    """True where the cell is empty."""
    if not column.null_count:
        return np.zeros(len(column), np.bool_)
    mask: NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return mask
