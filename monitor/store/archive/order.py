"""The order of rows in the archive: bucket, vehicle key, fix time, and of equals as they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.report import REPORT, ReportBatch
from monitor.store.archive.part import bucket_of

_TIME_BITS: Final = 37
"""Milliseconds of four years; rows of one day need 27, garbage times more and then sort more slowly."""
_COPIED_ROWS: Final = 2_000_000
"""Up to so many rows (200 MB) are put in order by copying them whole, which is six times as fast as by columns."""
_COLUMNS: Final[tuple[str, ...]] = REPORT.names or ()


def key_ranks(keys: Sequence[str], buckets: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rank of each key by (bucket, key), and its bucket."""
    of_key = [bucket_of(key, buckets) for key in keys]
    order = sorted(range(len(keys)), key=lambda number: (of_key[number], keys[number]))
    ranks = np.empty(len(keys), np.int64)
    ranks[order] = np.arange(len(keys))
    return ranks, np.array(of_key, np.int64)


def sort_order(groups: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Stable order by group (from 0 on), then time; None if the rows stand so already."""
    if not len(groups):
        return None
    first = int(times.min())
    span = int(times.max()) - first
    if span >> _TIME_BITS or int(groups.max()) >> (62 - _TIME_BITS):
        found: NDArray[np.int64] = np.lexsort((times, groups))
        return found
    composite = groups << np.int64(_TIME_BITS) | (times - first)
    if bool(np.all(composite[1:] >= composite[:-1])):
        return None
    # The quick sort is several times as fast as the stable one; equals are rare and put right after it.
    order = np.argsort(composite)
    ordered = composite[order]
    equal = ordered[1:] == ordered[:-1]
    if equal.any():
        _stand_as_they_came(order, equal)
    return order


def rearranged(batch: ReportBatch, buckets: int) -> ReportBatch:
    """The batch with its rows in order; it may be done in place."""
    ranks, _ = key_ranks(batch.keys, buckets)
    order = sort_order(ranks[batch.rows["key"]], batch.rows["fix_ms"])
    if order is None:
        return batch
    if len(order) <= _COPIED_ROWS:
        return ReportBatch(batch.keys, np.take(batch.rows, order), batch.drivers, batch.sources)
    for name in _COLUMNS:
        batch.rows[name] = batch.rows[name][order]
    return batch


def _stand_as_they_came(order: NDArray[np.int64], equal: NDArray[np.bool_]) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], equal, [False])).astype(np.int8)))
    if len(edges) > len(order) // 8:
        # Many short runs: one stable sort of the positions within them costs less than a step of Python for each.
        runs = np.cumsum(np.concatenate(([True], ~equal)))
        order[:] = order[np.lexsort((order, runs))]
        return
    for begin, end in edges.reshape(-1, 2).tolist():
        order[begin : end + 1].sort()
