"""Parquet as blocks of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.errors import ReportFileError
from monitor.sources.bad_rows import FileProblem, FileProblemKind
from monitor.sources.cells import CellBlock
from monitor.sources.columns_found import fitting
from monitor.sources.mapping import ColumnMapping, Mapping
from monitor.sources.report_columns import TIME_COLUMNS, UNITS

_BATCH_ROWS = 131_072


class ParquetCells:
    """One pass over a Parquet file; ``problem`` is set where it turned out damaged half-way."""

    def __init__(self, path: Path, candidates: Sequence[Mapping]) -> None:
        self._path = path
        self.problem: FileProblem | None = None
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            reason = f"no readable Parquet: {_first_line(error)}"
            raise ReportFileError(path=str(path), reason=reason, advice="Was it copied whole?") from None
        schema = self._file.schema_arrow
        self.mapping = fitting(path, candidates, schema.names)
        for column in self.mapping.columns:
            if column.constant is None:
                self._check_type(column, schema.field(column.column).type)

    def blocks(self) -> Iterator[CellBlock]:
        """Cells of all rows that can be read; rows are numbered from 1."""
        total = self._file.metadata.num_rows
        done = 0
        wanted = list(self.mapping.file_columns())
        try:
            for columns in self._file.iter_batches(_BATCH_ROWS, columns=wanted):
                row_numbers = np.arange(done + 1, done + 1 + columns.num_rows, dtype=np.int64)
                done += columns.num_rows
                yield CellBlock(columns, row_numbers, done, total)
        except (pa.ArrowException, OSError) as error:
            reason = _first_line(error)
            if not done:
                raise ReportFileError(path=str(self._path), reason=f"no readable Parquet: {reason}") from None
            detail = f"damaged after row {done:,} of {total:,} ({reason}); the rows before are used"
            self.problem = FileProblem(FileProblemKind.DAMAGED_PARQUET, str(self._path), detail)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _check_type(self, column: ColumnMapping, stored: pa.DataType) -> None:
        kind = stored.value_type if pa.types.is_dictionary(stored) else stored
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        if column.target in UNITS:
            fits, wanted = text or number, "a number or text"
        elif column.target in TIME_COLUMNS:
            fits = text or number or pa.types.is_timestamp(kind)
            wanted = "a timestamp, a number or text"
        else:
            fits, wanted = text or number or pa.types.is_boolean(kind), "text, a number or a boolean"
        if not fits:
            reason = f"column {column.column!r} has the type {stored}, expected is {wanted}"
            raise ReportFileError(path=str(self._path), reason=reason)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(". ")
