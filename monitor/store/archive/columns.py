"""Reports <-> Arrow columns, and the schema versions of the files.

Version 1: one column per field of ``REPORT``. Texts are dictionaries, null where there is none. Degrees are whole
numbers of 10^-6 or 10^-7 where every row of the file is exactly such a one (``degrees`` in the file's metadata is 6 or
7), else plain doubles (``degrees`` 0). Columns are matched by name; one that a file lacks is unknown in every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.model.report import REPORT, ReportBatch, ReportRows, empty_rows

SCHEMA_VERSION: Final = 1
VERSION_KEY: Final = b"vdm.schema"
DEGREES_KEY: Final = b"vdm.degrees"

TEXTS: Final = ("key", "driver", "source")
DEGREES: Final = ("lon_deg", "lat_deg")
FORMS: Final = (6, 7, 0)
"""Forms of degrees, the shortest first."""

AnyColumn = NDArray[np.generic]

if TYPE_CHECKING:
    AnyArray = pa.Array[pa.Scalar[pa.DataType]]
    TextArray = pa.DictionaryArray[pa.lib.Int32Type, pa.lib.StringType]

_COLUMNS: Final[tuple[str, ...]] = REPORT.names or ()
_BLOCK: Final = 4_096
"""Rows that are copied at once (measured: whole columns take a quarter to a half longer)."""
_TEXT_TYPE: Final = pa.dictionary(pa.int32(), pa.string())


def degrees_form(rows: ReportRows) -> int:
    """The shortest form that holds every coordinate exactly."""
    for form in FORMS[:-1]:
        scale = 10.0**form
        if all(_is_exact(rows[name], scale) for name in DEGREES):
            return form
    return 0


def widest_form(forms: Sequence[int]) -> int:
    """The form that holds what all of these hold."""
    return max(forms, key=FORMS.index, default=FORMS[0])


def schema(form: int) -> pa.Schema:
    """The Arrow schema of a file."""
    fields = []
    for name in _COLUMNS:
        kind: pa.DataType
        if name in TEXTS:
            kind = _TEXT_TYPE
        elif name in DEGREES and form:
            kind = pa.int64()
        else:
            kind = pa.from_numpy_dtype(REPORT[name])
        fields.append(pa.field(name, kind))
    stated: dict[bytes | str, bytes | str] = {
        VERSION_KEY: str(SCHEMA_VERSION).encode(),
        DEGREES_KEY: str(form).encode(),
    }
    return pa.schema(fields, metadata=stated)


def arrow_table(batch: ReportBatch, target: pa.Schema) -> pa.Table:
    """Rows as a table; dictionaries hold only texts that occur."""
    form = int(target.metadata[DEGREES_KEY])
    columns: list[AnyArray] = []
    fields = {name: np.empty(len(batch), REPORT[name]) for name in _COLUMNS}
    _move([(batch.rows[name], fields[name]) for name in _COLUMNS], len(batch))
    for name, values in fields.items():
        if name == "key":
            columns.append(_text_column(values, batch.keys))
        elif name == "driver":
            columns.append(_text_column(values, batch.drivers))
        elif name == "source":
            columns.append(_text_column(values, batch.sources))
        elif name in DEGREES and form:
            columns.append(pa.array(np.rint(values * 10.0**form).astype(np.int64)))
        else:
            columns.append(pa.array(values))
    return pa.Table.from_arrays(columns, schema=target)


class Reading:
    """Collects row groups into one batch; texts are interned once.

    With ``capacity`` rows go straight into one array of that many, else into pieces that are joined at the end.
    """

    def __init__(self, capacity: int | None) -> None:
        self._rows = None if capacity is None else empty_rows(capacity)
        self._n = 0
        self._pieces: list[ReportRows] = []
        self._texts: dict[str, dict[str, int]] = {name: {} for name in TEXTS}

    def add(self, table: pa.Table, form: int, wanted: NDArray[np.bool_] | None = None) -> None:
        """Add a row group, or the wanted rows of it."""
        n = table.num_rows if wanted is None else int(wanted.sum())
        if not n:
            return
        rows = self._room(n)
        moved: list[tuple[AnyColumn, AnyColumn]] = []
        for name in _COLUMNS:
            if name not in table.column_names:
                continue
            values: NDArray[np.generic]
            if name in TEXTS:
                values = self._interned(name, text_chunk(table, name), wanted)
            else:
                values = _numbers(only_chunk(table, name), wanted)
                if name in DEGREES and form:
                    values = values / 10.0**form
            moved.append((values, rows[name]))
        _move(moved, n)

    def _room(self, n: int) -> ReportRows:
        if self._rows is None:
            self._pieces.append(empty_rows(n))
            return self._pieces[-1]
        self._n += n
        return self._rows[self._n - n : self._n]

    def batch(self) -> ReportBatch:
        """What was collected."""
        if self._rows is not None:
            rows = self._rows[: self._n]
        else:
            rows = np.concatenate(self._pieces) if self._pieces else np.zeros(0, REPORT)
        keys, drivers, sources = (tuple(self._texts[name]) for name in TEXTS)
        return ReportBatch(keys, rows, drivers, sources)

    def _interned(self, name: str, array: TextArray, wanted: NDArray[np.bool_] | None) -> NDArray[np.int32]:
        interned = self._texts[name]
        texts = array.dictionary.to_pylist()
        indices = _indices(array)
        if wanted is not None:
            # Only texts of rows that stay are named.
            indices = indices[wanted]
            occurs = _occurring(indices, len(texts))
            texts = [text if there else None for text, there in zip(texts, occurs.tolist(), strict=True)]
        table = [-1 if text is None else interned.setdefault(text, len(interned)) for text in texts]
        return np.array([*table, -1], np.int32)[indices]


def _move(columns: Sequence[tuple[AnyColumn, AnyColumn]], n: int) -> None:
    """Copy each first into its second, by blocks of rows: a row's fields share cache lines."""
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        for source, target in columns:
            target[begin:end] = source[begin:end]


def _numbers(array: AnyArray, wanted: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    values: NDArray[np.int64] = array.to_numpy(zero_copy_only=False)
    return values if wanted is None else values[wanted]


def only_chunk(table: pa.Table, name: str) -> AnyArray:
    """A column in one piece."""
    column = table.column(name)
    if column.num_chunks == 1:
        return cast("AnyArray", column.chunk(0))
    return cast("AnyArray", pa.concat_arrays(column.unify_dictionaries().chunks))


def text_chunk(table: pa.Table, name: str) -> TextArray:
    """A text column in one piece."""
    found = only_chunk(table, name)
    assert isinstance(found, pa.DictionaryArray)
    return found


def marked(array: TextArray, texts: frozenset[str]) -> NDArray[np.bool_]:
    """Which rows of a text column have one of these texts."""
    table = np.array([text in texts for text in array.dictionary.to_pylist()] + [False], np.bool_)
    found: NDArray[np.bool_] = table[_indices(array)]
    return found


def _indices(array: TextArray) -> NDArray[np.int32]:
    """Positions in the dictionary; -1 for null."""
    if not array.null_count:
        return np.asarray(array.indices, np.int32)
    return np.asarray(array.indices.fill_null(-1), np.int32)


def _text_column(values: NDArray[np.int32], names: Sequence[str]) -> TextArray:
    occurs = _occurring(values, len(names))
    table = np.concatenate([np.cumsum(occurs, dtype=np.int32) - 1, np.full(1, -1, np.int32)])
    indices = table[values]
    texts = [_writable(names[number]) for number in np.flatnonzero(occurs).tolist()]
    unknown = indices < 0
    array = pa.array(indices, mask=unknown) if unknown.any() else pa.array(indices)
    return pa.DictionaryArray.from_arrays(array, pa.array(texts, pa.string()))


def _occurring(indices: NDArray[np.int32], n: int) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.bincount(indices + 1, minlength=n + 1)[1:] > 0
    return found


def _writable(text: str) -> str:
    """A lone surrogate has no UTF-8; one odd name must not stop the file it comes to."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_exact(values: NDArray[np.float64], scale: float) -> bool:
    whole = np.rint(values * scale)
    return bool(np.all((whole / scale == values) & (np.abs(whole) < 2.0**53)))
