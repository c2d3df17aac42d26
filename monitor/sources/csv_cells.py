"""Delimited text as blocks of cells.

A row is a line. Arrow parses a block at once; only a block in which lines and rows do not agree (a stray quote, a
line end inside quotes) or with bytes that are no text is read line by line, so that a bad line spoils only itself.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from monitor.errors import MappingError, ReportFileError
from monitor.sources.bad_rows import BadRows, RejectReason
from monitor.sources.cells import DICTIONARY, CellBlock
from monitor.sources.columns_found import fitting
from monitor.sources.line_blocks import LineBlock, line_blocks
from monitor.sources.mapping import Mapping
from monitor.sources.report_columns import BLANK_TEXTS, TIME_COLUMNS, UNITS
from monitor.sources.unpacking import Unpacking, foreign_form

SEPARATORS = (",", ";", "\t", "|")
"""Tried in this order where the mapping declares none."""
_LONGEST_HEADER_BYTES = 1 << 20
_QUOTED_LINES = 8
"""A quoted cell may hold at most so many line ends (a guess); a quote that stays open longer is a stray one."""


class CsvCells:
    """One pass over a delimited text file. ``mapping`` is known after the first line."""

    def __init__(self, path: Path, candidates: Sequence[Mapping], unpacking: Unpacking, bad: BadRows) -> None:
        self._path = path
        self._unpacking = unpacking
        self._bad = bad
        self._blocks = line_blocks(unpacking, candidates[0].encoding)
        self._first = next(self._blocks, None)
        try:
            if self._first is None or not (self._first.data.strip() or self._first.cut_line):
                self._refuse_empty()
            self.mapping, self._separator, self._names = self._header(candidates)
        except BaseException:
            self.close()
            raise
        self._wanted = self.mapping.file_columns()

    def blocks(self) -> Iterator[CellBlock]:
        """Cells of all rows; ragged and unreadable lines are counted and left out."""
        block = self._first
        while block is not None:
            if block.data:
                yield self._cells(block)
            if block.cut_line:
                line = block.first_line + block.n_lines
                self._bad.reject(RejectReason.CUT_OFF, "", np.array([line], np.int64))
            block = next(self._blocks, None)

    def close(self) -> None:
        """Stop reading ahead."""
        close = getattr(self._blocks, "close", None)
        if close is not None:
            close()

    def _refuse_empty(self) -> None:
        problem = self._unpacking.problem
        if problem is not None:
            raise ReportFileError(path=str(self._path), reason=f"nothing readable in it, {problem.detail}")
        raise ReportFileError(path=str(self._path), reason="the file is empty")

    def _header(self, candidates: Sequence[Mapping]) -> tuple[Mapping, str, list[str]]:
        """Fit a mapping to the first line and take that line off the first block."""
        assert self._first is not None
        data = self._first.data
        for mapping in candidates:
            if mapping.names:
                return mapping, mapping.separator or _best_separator(_text_of(data), mapping), list(mapping.names)
        blank_lines = len(data) - len(data.lstrip(b"\r\n"))
        end = data.find(b"\n", blank_lines) + 1 or len(data)
        line = data[blank_lines:end]
        if b"\0" in line or len(line) > _LONGEST_HEADER_BYTES or not _is_utf8(line):
            form = foreign_form(data[:16])
            what = f"this is {form}" if form else "the first line is no text"
            advice = "Expected is CSV (plain, gzip or xz) or Parquet."
            raise ReportFileError(path=str(self._path), reason=what, advice=advice)
        taken = data[:end].count(b"\n")
        self._first = replace(
            self._first,
            data=data[end:],
            first_line=self._first.first_line + taken,
            n_lines=self._first.n_lines - max(taken, 1),
        )
        mapping, separator, names = self._fit(candidates, line.decode().rstrip("\r\n"))
        return mapping, separator, names

    def _fit(self, candidates: Sequence[Mapping], line: str) -> tuple[Mapping, str, list[str]]:
        refusal: MappingError | ReportFileError | None = None
        for mapping in candidates:
            separators = [mapping.separator] if mapping.separator else list(SEPARATORS)
            # The separator that gives most columns comes first, so that a refusal lists sensible names.
            for separator in sorted(separators, key=lambda s: -len(_split(line, s))):
                names = _split(line, separator)
                try:
                    return fitting(self._path, [mapping], names), separator, names
                except (MappingError, ReportFileError) as error:
                    refusal = refusal or error
        assert refusal is not None
        raise refusal

    def _cells(self, block: LineBlock) -> CellBlock:
        ragged: list[int] = []
        columns: pa.RecordBatch | None = None
        # Arrow shows ragged lines to Python as text, so bytes that are none must not get there.
        if block.data.isascii() or _is_utf8(block.data):
            with contextlib.suppress(pa.ArrowInvalid):
                columns = self._parsed(block.data, ragged)
        # Arrow follows quotes over line ends; rows that a stray quote swallowed show in the count.
        if columns is None or columns.num_rows + len(ragged) != block.n_lines:
            columns, row_numbers = self._line_by_line(block)
        else:
            row_numbers = np.arange(block.first_line, block.first_line + block.n_lines, dtype=np.int64)
            if ragged:
                at = np.array(ragged, np.int64) - 1
                self._bad.reject(RejectReason.RAGGED_ROW, "", row_numbers[at])
                row_numbers = np.delete(row_numbers, at)
        return _without_blank_rows(CellBlock(columns, row_numbers, block.packed_bytes, self._unpacking.total_bytes))

    def _parsed(self, data: bytes, ragged: list[int]) -> pa.RecordBatch:
        def skip(row: pacsv.InvalidRow) -> Literal["skip"]:
            ragged.append(row.number or 0)
            return "skip"

        table = pacsv.read_csv(
            io.BytesIO(data),
            pacsv.ReadOptions(column_names=self._unique_names(), use_threads=False, block_size=len(data) + 1),
            pacsv.ParseOptions(delimiter=self._separator, ignore_empty_lines=False, invalid_row_handler=skip),
            pacsv.ConvertOptions(
                include_columns=list(self._wanted),
                column_types={name: self._type(name) for name in self._wanted},
                null_values=list(BLANK_TEXTS),
                strings_can_be_null=True,
            ),
        )
        batches = table.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)

    def _unique_names(self) -> list[str]:
        return [name if name in self._wanted else f"\0{at}" for at, name in enumerate(self._names)]

    def _type(self, name: str) -> pa.DataType:
        """Numbers and times are converted from plain text; identities and words recur, so they are interned."""
        plain = any(c.column == name and (c.target in UNITS or c.target in TIME_COLUMNS) for c in self.mapping.columns)
        return pa.string() if plain else DICTIONARY

    def _line_by_line(self, block: LineBlock) -> tuple[pa.RecordBatch, NDArray[np.int64]]:
        at = [self._names.index(name) for name in self._wanted]
        cells: list[list[str | None]] = [[] for _ in at]
        row_numbers: list[int] = []
        lines = block.data.split(b"\n")
        n = 0
        while n < block.n_lines:
            number = block.first_line + n
            row, used = self._row(lines, n, number)
            n += used
            if row is not None:
                row_numbers.append(number)
                for column, index in zip(cells, at, strict=True):
                    column.append(None if row[index] in BLANK_TEXTS else row[index])
        arrays = [pa.array(column, pa.string()) for column in cells]
        return pa.RecordBatch.from_arrays(arrays, list(self._wanted)), np.array(row_numbers, np.int64)

    def _row(self, lines: list[bytes], n: int, number: int) -> tuple[list[str] | None, int]:
        """Cells of the row that begins at line ``n`` (None: counted as bad, or blank), and how many lines it takes."""
        line = lines[n].rstrip(b"\r")
        if not line:
            return None, 1
        if not _is_utf8(line):
            self._bad.reject(RejectReason.BAD_ENCODING, "", np.array([number], np.int64))
            return None, 1
        row = _split(line.decode(), self._separator, strip=False)
        if len(row) == len(self._names) and line.count(b'"') % 2 == 0:
            return row, 1
        for more in range(1, min(_QUOTED_LINES, len(lines) - n)):
            joined = b"\n".join(lines[n : n + more + 1]).rstrip(b"\r")
            if line.count(b'"') % 2 and joined.count(b'"') % 2 == 0 and _is_utf8(joined):
                row_over_lines = _split(joined.decode(), self._separator, strip=False)
                if len(row_over_lines) == len(self._names):
                    return row_over_lines, more + 1
                break
        if len(row) == len(self._names):
            return row, 1
        self._bad.reject(RejectReason.RAGGED_ROW, "", np.array([number], np.int64))
        return None, 1


def _without_blank_rows(block: CellBlock) -> CellBlock:
    """Lines without any content are no rows."""
    columns = block.columns
    if not columns.num_rows or not all(column.null_count for column in columns.columns):
        return block
    blank = np.ones(columns.num_rows, np.bool_)
    for column in columns.columns:
        blank &= column.is_null().to_numpy(zero_copy_only=False)
    if not blank.any():
        return block
    return replace(block, columns=columns.filter(pa.array(~blank)), row_numbers=block.row_numbers[~blank])


def _split(line: str, separator: str, strip: bool = True) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        cells = line.split(separator)
    return [cell.strip() for cell in cells] if strip else cells


def _best_separator(text: str, mapping: Mapping) -> str:
    """The separator that gives the first line as many cells as the mapping has names."""
    line = text.partition("\n")[0].rstrip("\r")
    return min(SEPARATORS, key=lambda s: abs(len(_split(line, s)) - len(mapping.names)))


def _text_of(data: bytes) -> str:
    return data[:_LONGEST_HEADER_BYTES].decode(errors="replace")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
