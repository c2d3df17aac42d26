"""Cells turned into report rows by a mapping.

Judges form only: what is no time, no number, no place. Ranges are judged by ``monitor.quality``. A row without
vehicle, time or position gives no report and is counted by reason; an optional value that cannot be read becomes
unknown, with the flaw of its field, and is counted by column.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.geo import gcj02_to_wgs84
from monitor.model.report import REPORT, UNKNOWN, UNKNOWN_ALTITUDE, ReportBatch, ReportRows, empty_rows, terminal_key
from monitor.sources.bad_rows import BadRows, RejectReason
from monitor.sources.cells import CellBlock, Column, distinct_text
from monitor.sources.mapping import ColumnMapping, Mapping
from monitor.sources.number_columns import Numbers, booleans, half_away, numbers, words
from monitor.sources.report_columns import IDENTITY_COLUMNS, ReportColumn
from monitor.sources.time_columns import Times, times

_LARGEST_INT32 = 2_000_000_000.0
_LARGEST_INT64 = 9e15
_STATUS_ACC = 1 << 0  # JT/T 808 table 24: bit 0 ACC on, bit 1 positioned
_STATUS_POSITIONED = 1 << 1

Mask = NDArray[np.bool_]


class ReportMaker:
    """Collects the reports of one file, block by block, with vehicles, drivers and sources interned."""

    def __init__(self, mapping: Mapping, bad: BadRows) -> None:
        self._mapping = mapping
        self._bad = bad
        self._parts: list[ReportRows] = []
        self._keys: dict[str, int] = {}
        self._drivers: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self.rows_filtered = 0

    def take(self, block: CellBlock) -> None:
        """Add the reports of a block."""
        block = self._kept(block)
        if len(block.row_numbers):
            conversion = _Conversion(self._mapping, block, self._bad)
            self._parts.append(conversion.rows(self._keys, self._drivers, self._sources))

    def batch(self) -> ReportBatch:
        """All reports in file order; what was collected is handed over."""
        rows = np.concatenate(self._parts) if self._parts else np.zeros(0, REPORT)
        self._parts = []
        return ReportBatch(tuple(self._keys), rows, tuple(self._drivers), tuple(self._sources))

    def _kept(self, block: CellBlock) -> CellBlock:
        """Rows that pass the mapping's filters."""
        keep = np.ones(len(block.row_numbers), np.bool_)
        for row_filter in self._mapping.keep:
            indices, texts = distinct_text(block.columns.column(row_filter.column))
            wanted = np.array([text in row_filter.values for text in texts] + ["" in row_filter.values])
            keep &= wanted[indices]
        if keep.all():
            return block
        self.rows_filtered += int(len(keep) - keep.sum())
        columns = block.columns.filter(pa.array(keep))
        return CellBlock(columns, block.row_numbers[keep], block.done, block.total)


class _Conversion:
    """One block of cells on its way to rows."""

    def __init__(self, mapping: Mapping, block: CellBlock, bad: BadRows) -> None:
        self._mapping = mapping
        self._block = block
        self._bad = bad
        self._n = len(block.row_numbers)
        self._rejected = np.zeros(self._n, np.bool_)

    def rows(self, keys: dict[str, int], drivers: dict[str, int], sources: dict[str, int]) -> ReportRows:
        """Rows of dtype ``REPORT`` with indices into the interned texts, rejected ones left out."""
        rows = empty_rows(self._n)
        names = self._vehicles(rows)
        self._fix_time(rows)
        flags = self._optional(rows)
        self._position(rows, flags & ReportFlag.POSITIONED != 0)
        rows["flags"] = flags
        driver_names = self._interned(rows, "driver", ReportColumn.DRIVER_ID)
        source_names = self._interned(rows, "source", ReportColumn.SOURCE)
        if self._rejected.any():
            rows = rows[~self._rejected]
        # Interned last: a vehicle of which no row was good is no vehicle of the batch.
        _intern(rows, "key", names, keys)
        _intern(rows, "driver", driver_names, drivers)
        _intern(rows, "source", source_names, sources)
        return rows

    def _cells(self, column: ColumnMapping) -> Column:
        if column.constant is not None:
            return pa.repeat(pa.scalar(column.constant), self._n)
        return self._block.columns.column(column.column)

    def _reject(self, reason: RejectReason, column: str, mask: Mask) -> None:
        mask = mask & ~self._rejected
        if mask.any():
            self._rejected |= mask
            self._bad.reject(reason, column, self._block.row_numbers[mask])

    def _doubt(self, reason: RejectReason, column: ColumnMapping, mask: Mask) -> None:
        if mask.any():
            self._bad.doubt(reason, column.label, self._block.row_numbers[mask & ~self._rejected])

    def _texts(self, target: ReportColumn) -> tuple[NDArray[np.int64], list[str]] | None:
        """Index of each cell into distinct texts (-1 unknown), or None without such a column."""
        column = self._mapping.find(target)
        if column is None:
            return None
        indices, found = distinct_text(self._cells(column))
        texts = ["" if text is None or text in column.unknown_texts else text for text in found]
        blank = np.array([not text for text in texts] + [True])
        return np.where(blank[indices], UNKNOWN, indices), texts

    def _vehicles(self, rows: ReportRows) -> list[str]:
        names: list[str] = []
        rows["key"] = UNKNOWN
        for target in IDENTITY_COLUMNS:
            found = self._texts(target)
            if found is None:
                continue
            indices, texts = found
            if target is ReportColumn.TERMINAL_PHONE:
                texts = [terminal_key(text) for text in texts]
            open_rows = (rows["key"] == UNKNOWN) & (indices >= 0)
            rows["key"] = np.where(open_rows, indices + len(names), rows["key"])
            names += texts
        labels = " or ".join(c.label for c in self._mapping.columns if c.target in IDENTITY_COLUMNS)
        self._reject(RejectReason.MISSING_VEHICLE, labels, rows["key"] == UNKNOWN)
        return names

    def _times(self, target: ReportColumn) -> tuple[ColumnMapping, Times] | None:
        column = self._mapping.find(target)
        if column is None:
            return None
        return column, times(self._cells(column), column.form, column.zone, column.unknown_texts)

    def _fix_time(self, rows: ReportRows) -> None:
        found = self._times(ReportColumn.FIX_TIME)
        assert found is not None, "a mapping without fix_time is refused on loading"
        column, fixed = found
        rows["fix_ms"] = fixed.ms
        if not fixed.known.all():
            self._reject(RejectReason.BAD_TIME, column.label, fixed.bad)
            self._reject(RejectReason.TIME_WITHOUT_ZONE, column.label, fixed.zoneless)
            self._reject(RejectReason.MISSING_TIME, column.label, ~fixed.known)

    def _position(self, rows: ReportRows, positioned: Mask) -> None:
        """Longitude and latitude; a report that says "not positioned" may leave them out."""
        placed = np.ones(self._n, np.bool_)
        for target, field in ((ReportColumn.LON, "lon_deg"), (ReportColumn.LAT, "lat_deg")):
            column = self._mapping.find(target)
            assert column is not None, "a mapping without a position is refused on loading"
            found = numbers(self._cells(column), column.unknown_numbers, column.unknown_texts)
            self._reject(RejectReason.BAD_NUMBER, column.label, found.bad)
            self._reject(RejectReason.MISSING_POSITION, column.label, ~found.known & positioned)
            rows[field] = _scaled(found.values, column.factor)
            placed &= found.known
        if self._mapping.gcj02:
            # Only a real place is shifted: (0, 0) means "no fix" and has to stay that.
            shifted = placed & ((rows["lon_deg"] != 0.0) | (rows["lat_deg"] != 0.0))
            lon, lat = gcj02_to_wgs84(rows["lon_deg"][shifted], rows["lat_deg"][shifted])
            rows["lon_deg"][shifted], rows["lat_deg"][shifted] = lon, lat
        if not placed.all():
            rows["lon_deg"][~placed] = 0.0
            rows["lat_deg"][~placed] = 0.0
            rows["flaws"][~placed] |= Flaw.NO_FIX

    def _optional(self, rows: ReportRows) -> NDArray[np.int32]:
        """Fill the optional fields; the flags they state."""
        for target, field, flaw, convert in _MEASURES:
            column = self._mapping.find(target)
            if column is None:
                continue
            found = numbers(self._cells(column), column.unknown_numbers, column.unknown_texts)
            self._bad_values(rows, RejectReason.BAD_NUMBER, column, found, flaw)
            unknown = UNKNOWN_ALTITUDE if field == "altitude_m" else UNKNOWN
            rows[field] = np.where(found.known, convert(_scaled(found.values, column.factor)), unknown)
        for target, field in ((ReportColumn.STATUS, "status"), (ReportColumn.ALARM_FLAGS, "alarm_flags")):
            column = self._mapping.find(target)
            if column is None:
                continue
            found = words(self._cells(column), column.unknown_numbers, column.unknown_texts)
            self._bad_values(rows, RejectReason.BAD_WORD, column, found, Flaw.STATUS)
            rows[field] = np.where(found.known, found.values.astype(np.int64), UNKNOWN)
        return self._flags(rows)

    def _flags(self, rows: ReportRows) -> NDArray[np.int32]:
        flags = np.full(self._n, ReportFlag.POSITIONED, np.int32)
        if self._mapping.find(ReportColumn.STATUS) is not None:
            stated = rows["status"] >= 0
            _set(flags, stated, ReportFlag.ACC_KNOWN)
            _set(flags, stated & (rows["status"] & _STATUS_ACC != 0), ReportFlag.ACC_ON)
            _clear(flags, stated & (rows["status"] & _STATUS_POSITIONED == 0), ReportFlag.POSITIONED)
        for target, flag, known_flag, flaw in (
            (ReportColumn.ACC_ON, ReportFlag.ACC_ON, ReportFlag.ACC_KNOWN, Flaw.STATUS),
            (ReportColumn.POSITIONED, ReportFlag.POSITIONED, ReportFlag(0), Flaw.STATUS),
            (ReportColumn.BACKFILL, ReportFlag.BACKFILL, ReportFlag(0), Flaw(0)),
        ):
            column = self._mapping.find(target)
            if column is None:
                continue
            found = booleans(self._cells(column), column.unknown_texts)
            self._bad_values(rows, RejectReason.BAD_BOOLEAN, column, found, flaw)
            _clear(flags, found.known, flag)
            _set(flags, found.known, known_flag)
            _set(flags, found.known & (found.values == 1.0), flag)
        received = self._times(ReportColumn.RECV_TIME)
        if received is not None:
            column, stamped = received
            rows["recv_ms"] = stamped.ms
            _set(flags, stamped.known, ReportFlag.PAYLOAD_RECV)
            self._doubt(RejectReason.BAD_TIME, column, stamped.bad)
            self._doubt(RejectReason.TIME_WITHOUT_ZONE, column, stamped.zoneless)
        return flags

    def _bad_values(
        self, rows: ReportRows, reason: RejectReason, column: ColumnMapping, found: Numbers, flaw: Flaw
    ) -> None:
        if found.bad.any():
            rows["flaws"][found.bad] |= flaw
            self._doubt(reason, column, found.bad)

    def _interned(self, rows: ReportRows, field: str, target: ReportColumn) -> list[str]:
        found = self._texts(target)
        if found is None:
            return []
        rows[field] = found[0]
        return found[1]


def _intern(rows: ReportRows, field: str, texts: list[str], interned: dict[str, int]) -> None:
    """Replace indices into ``texts`` by indices into the texts of the whole file."""
    if not texts:
        return
    table = np.full(len(texts) + 1, UNKNOWN, np.int32)
    for index in np.unique(rows[field]):
        if index >= 0:
            table[index] = interned.setdefault(texts[index], len(interned))
    rows[field] = table[rows[field]]


def _scaled(values: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    if factor == 1.0:
        return values
    inverse = round(1.0 / factor) if abs(factor) < 1.0 else 0
    # Dividing by a whole number is exact where multiplying by 1e-6 is not.
    return values / inverse if inverse and 1.0 / inverse == factor else values * factor


def _int32(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole numbers that fit; a known value never turns into the sentinel -1."""
    whole = half_away(np.clip(values, -_LARGEST_INT32, _LARGEST_INT32))
    return np.where(whole == UNKNOWN, UNKNOWN - 1.0, whole)


def _altitude(values: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = half_away(np.clip(values, -_LARGEST_INT32, _LARGEST_INT32))
    return np.where(whole == UNKNOWN_ALTITUDE, UNKNOWN_ALTITUDE - 1.0, whole)


def _heading(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole degrees; 359.6 is north, a stated 360 stays what it is: out of range."""
    whole = _int32(values)
    return np.where((whole == 360.0) & (values < 360.0), 0.0, whole)


def _metres(values: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = half_away(np.clip(values, -_LARGEST_INT64, _LARGEST_INT64))
    return np.where(whole < 0.0, float(UNKNOWN), whole)


_MEASURES: tuple[tuple[ReportColumn, str, Flaw, Callable[[NDArray[np.float64]], NDArray[np.float64]]], ...] = (
    (ReportColumn.SPEED, "speed_dkmh", Flaw.SPEED, _int32),
    (ReportColumn.RECORDER_SPEED, "recorder_speed_dkmh", Flaw(0), _int32),
    (ReportColumn.HEADING, "heading_deg", Flaw.DIRECTION, _heading),
    (ReportColumn.ALTITUDE, "altitude_m", Flaw.ALTITUDE, _altitude),
    (ReportColumn.MILEAGE, "mileage_m", Flaw(0), _metres),
)


def _set(flags: NDArray[np.int32], mask: Mask, flag: ReportFlag) -> None:
    flags[mask] |= np.int32(flag)


def _clear(flags: NDArray[np.int32], mask: Mask, flag: ReportFlag) -> None:
    flags[mask] &= np.int32(~int(flag))
