"""The settled answer: everything merged, duplicates removed, ordered by fix time within each vehicle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.engine.driver_totals import with_driver_totals
from monitor.engine.engine import Engine, Output, joined
from monitor.engine.pass_template import CONTACT, TRACK
from monitor.engine.receive import N_OUTCOMES, RECEIPT_AHEAD_MS, Outcome
from monitor.model.beijing import DAY_MS, EARLIEST_MS, OFFSET_MS
from monitor.model.flaw import Flaw
from monitor.model.report import ReportBatch

_TIME = int(Flaw.TIME)
_ROW_SHIFT = 43  # fix times in ms fit into 42 bits until the year 2109


@dataclass(frozen=True, slots=True)
class SettledRun:
    """Edges and closed days of a settled run, the days still open at its end, and what became of each report."""

    edges: NDArray[np.void]
    days: NDArray[np.void]
    open_days: NDArray[np.void]
    outcomes: NDArray[np.int64]
    clock_ms: int
    stretches: NDArray[np.void]


def settle(engine: Engine, batch: ReportBatch, *, until_ms: int | None = None) -> SettledRun:
    """Run a whole set of reports through a fresh engine made with ``settled=True``.

    ``recv_ms`` 0 means unknown: the fix time stands for it. The clock at the end is the latest receive (else fix)
    time, or ``until_ms`` if that is later.
    """
    rows = batch.rows
    timed = rows["flaws"] & _TIME == 0
    stated = bool(np.any(rows["recv_ms"] > 0))
    received = np.where(rows["recv_ms"] > 0, rows["recv_ms"], rows["fix_ms"])
    clock_ms = int(received[timed].max()) if timed.any() else 0
    if until_ms is not None:
        clock_ms = max(clock_ms, until_ms)
    known = timed | ((rows["recv_ms"] >= EARLIEST_MS) & (rows["recv_ms"] <= clock_ms))
    received = np.where(known, received, clock_ms)
    untimed = ~timed & (rows["recv_ms"] >= EARLIEST_MS)
    if clock_ms:
        untimed &= rows["recv_ms"] <= clock_ms + RECEIPT_AHEAD_MS
    engine.begin_settled(int(received[timed].min()) if timed.any() else 0, clock_ms)
    engine.wake_all()
    phases = TRACK if stated else TRACK | CONTACT
    outputs: list[Output] = []
    contacts: list[NDArray[np.void]] = []
    contact_rows: list[NDArray[np.int32]] = []
    duplicates = np.zeros(N_OUTCOMES, np.int64)
    for part in _by_registry(engine, batch, timed, received):
        fleet_row = engine.fleet.rows_of(batch.keys)[rows["key"][part]]
        ordered, fleet_row, dropped = in_fix_order(
            replace(batch, rows=rows[part]), fleet_row, timed[part], received[part]
        )
        duplicates += dropped
        outputs.append(engine.take_settled(ordered, phases, fleet_row))
        kept = ordered.rows["flaws"] & _TIME == 0
        lost = part[untimed[part]]
        contacts += [ordered.rows[kept], rows[lost]]
        contact_rows += [fleet_row[kept], engine.fleet.rows_of(batch.keys)[rows["key"][lost]]]
    outcomes = joined(outputs).outcomes
    outputs.append(engine.finish(phases))
    open_days = engine.open_days().copy()
    if stated and contacts:
        engine.begin_contacts()
        all_rows = np.concatenate(contacts)
        fleet_row = np.concatenate(contact_rows)
        by_receipt = _in_received_order(all_rows, fleet_row)
        outputs.append(engine.take_settled(replace(batch, rows=all_rows[by_receipt]), CONTACT, fleet_row[by_receipt]))
        outputs.append(engine.finish(CONTACT))
    outcomes += duplicates
    found = joined(outputs)
    return SettledRun(
        edges=with_driver_totals(found.edges, found.stretches, engine, clock_ms),
        days=found.days,
        open_days=open_days,
        outcomes=outcomes,
        clock_ms=clock_ms,
        stretches=found.stretches,
    )


def _in_received_order(rows: NDArray[np.void], fleet_row: NDArray[np.int32]) -> NDArray[np.intp]:
    """Order by vehicle and receipt; of equal ones those without a usable time last, by what they say."""
    sort_key = (fleet_row.astype(np.int64) << _ROW_SHIFT) + rows["recv_ms"]
    untimed = np.flatnonzero(rows["flaws"] & _TIME != 0)
    if not len(untimed):
        return np.argsort(sort_key, kind="stable")
    said = rows[untimed]
    places = np.full(len(rows), -1, np.int64)
    places[untimed[np.lexsort((said["lat_deg"], said["lon_deg"], said["fix_ms"]))]] = np.arange(len(untimed))
    return np.lexsort((places, sort_key))


def _by_registry(
    engine: Engine, batch: ReportBatch, timed: NDArray[np.bool_], received: NDArray[np.int64]
) -> Iterator[NDArray[np.intp]]:
    """Reports in parts within which the same registry rows are in force, each with those rows put in force."""
    change_days = np.array(engine.fleet.change_days, np.int64)
    if not len(change_days) or not len(batch):
        yield np.arange(len(batch))
        return
    days = (np.where(timed, batch.rows["fix_ms"], received) + OFFSET_MS) // DAY_MS
    parts = np.searchsorted(change_days, days, side="right")
    for part in np.unique(parts):
        members = np.flatnonzero(parts == part)
        engine.fleet.on_day(int(days[members].min()))
        yield members


def in_fix_order(
    batch: ReportBatch, fleet_row: NDArray[np.int32], timed: NDArray[np.bool_], received: NDArray[np.int64]
) -> tuple[ReportBatch, NDArray[np.int32], NDArray[np.int64]]:
    """Reports by vehicle and fix time, each (vehicle, fix time) once, the first one kept (Q4).

    A report without a usable time stands where it was received. Also returns the fleet row of each report and the
    counts of what was left out, by outcome.
    """
    order_ms = np.where(timed, batch.rows["fix_ms"], received)
    sort_key = (fleet_row.astype(np.int64) << _ROW_SHIFT) + order_ms
    order = np.argsort(sort_key, kind="stable") if timed.all() else np.lexsort((timed, sort_key))
    in_order = sort_key[order]
    again = np.zeros(len(order), np.bool_)
    again[1:] = (in_order[1:] == in_order[:-1]) & timed[order][1:] & timed[order][:-1]
    if again.any():
        # Of equal fix times the first received is the first, wherever it stands in the file.
        order = np.lexsort((received, timed, sort_key))
    counts = np.zeros(N_OUTCOMES, np.int64)
    if again.any():
        dropped = np.flatnonzero(again)
        firsts = dropped - 1
        while np.any(again[firsts]):
            firsts = np.where(again[firsts], firsts - 1, firsts)
        rows = batch.rows
        a, b = rows[order[dropped]], rows[order[firsts]]
        differs = (a["lon_deg"] != b["lon_deg"]) | (a["lat_deg"] != b["lat_deg"]) | (a["speed_dkmh"] != b["speed_dkmh"])
        counts[Outcome.CONFLICT] = int(differs.sum())
        counts[Outcome.DUPLICATE] = len(dropped) - int(differs.sum())
        words = rows["alarm_flags"][order]
        said = np.flatnonzero(b["alarm_flags"] != a["alarm_flags"])
        for first, word in zip(firsts[said], a["alarm_flags"][said], strict=True):
            words[first] = word if words[first] < 0 else words[first] | max(word, 0)
        order, words = order[~again], words[~again]
    rows = batch.rows[order]
    if again.any():
        rows["alarm_flags"] = words  # reports of one time are one: what either of them says, it says
    rows["recv_ms"] = received[order]
    return replace(batch, rows=rows), fleet_row[order], counts
