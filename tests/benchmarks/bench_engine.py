"""Detection: all rules over position reports, on one core.

Axes: size of the fleet; plain Python against compiled; where the vehicle's texts are looked up. *In the pass* is the
compiled work of ``Engine`` with vehicles known by row; *Engine.take* is the whole public call, with the texts of the
whole fleet in every batch, or only a batch's own.

    python -m tests.benchmarks.bench_engine
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from monitor.engine.engine import _NOTHING_NEAR, Engine
from monitor.engine.pass_template import CONTACT, TRACK
from monitor.engine.row_layout import hot_bytes, part_bytes
from monitor.engine.state import SPANS
from monitor.engine.surroundings import Surroundings
from monitor.model.fleet import Registry
from monitor.model.map_set import MapSet
from monitor.model.report import ReportBatch
from monitor.model.road import parse_roads
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from simulators.run import simulate
from simulators.scenario import preset
from tests.benchmarks.answers import LiveEngine, answer_of, differences, parts_of, run_live
from tests.benchmarks.bench_surroundings import N_FENCES, N_SECTIONS, province_fences, road_bytes
from tests.benchmarks.generated_fleet import (
    MICRO_BATCH,
    fleet_reports,
    section_reports,
    spread_reports,
    with_own_texts,
)
from tests.benchmarks.plain_rules.engine import PlainEngine
from tests.benchmarks.report import Report

ROUNDS_KEPT_WARM = 5
"""Rounds taken before the clock starts: every vehicle is known and has a history."""


def rate_of_take(make: Callable[[], LiveEngine], parts: Sequence[ReportBatch], warm: int, repeats: int) -> float:
    """Reports per CPU-second of ``take``; the first ``warm`` batches are not counted."""
    best = 0.0
    for _ in range(repeats):
        engine = make()
        for part in parts[:warm]:
            engine.take(part)
        began = time.process_time()
        for part in parts[warm:]:
            engine.take(part)
        best = max(best, sum(map(len, parts[warm:])) / (time.process_time() - began))
    return best


def rate_of_pass(batch: ReportBatch, warm: int, repeats: int) -> float:
    """Reports per CPU-second of the compiled pass over micro-batches, buffers emptied after each."""
    best = 0.0
    count = MICRO_BATCH
    late, unnamed = np.zeros(count, np.int8), np.full(count, -1, np.int32)
    outcomes = np.zeros(count, np.int8)
    begin = warm * count
    assert (len(batch) - begin) % count == 0
    row_of = np.ascontiguousarray(batch.rows["key"])
    clocks = np.ascontiguousarray(batch.rows["recv_ms"])
    for _ in range(repeats):
        engine = Engine(load_rules())
        engine.take(replace(batch, rows=batch.rows[:begin]))
        assert np.array_equal(engine.fleet.rows_of(batch.keys), np.arange(len(batch.keys)))
        fleet, out = engine.fleet, engine._out
        began = time.process_time()
        for i in range(begin, len(batch), count):
            for name in ("edges", "days", "stretches", "signs"):
                out[0][f"n_{name}"] = 0
            done = engine._pass.run(
                batch.rows[i : i + count],
                row_of[i : i + count],
                unnamed,
                unnamed,
                clocks[i : i + count],
                late,
                *_NOTHING_NEAR,
                0,
                TRACK | CONTACT,
                fleet.rows,
                fleet.params,
                fleet.spans,
                fleet.deadlines,
                engine._step,
                out,
                outcomes,
            )
            assert done == count
        best = max(best, (len(batch) - begin) / (time.process_time() - began))
    return best


def against_plain(report: Report) -> None:
    """20,000 vehicles: rates, and that both find the same."""
    vehicles = 20_000
    batch = fleet_reports(vehicles, 105)
    warm = ROUNDS_KEPT_WARM * vehicles // MICRO_BATCH
    shared = parts_of(batch, MICRO_BATCH)
    own = with_own_texts(batch)
    compiled = rate_of_pass(batch, warm, 5)
    taken = rate_of_take(lambda: Engine(load_rules()), shared, warm, 5)
    looked_up = rate_of_take(lambda: Engine(load_rules()), own, warm, 5)
    few = warm + 300_000 // MICRO_BATCH
    plain = rate_of_take(lambda: PlainEngine(load_rules()), shared[:few], warm, 2)
    report.add("20,000 vehicles, batches of 2,000: in the pass", compiled / 1e6, "million reports/s", "≥ 8")
    report.add("the same by Engine.take, texts of the whole fleet", taken / 1e6, "million reports/s", "≥ 8")
    report.add("the same by Engine.take, each batch with texts of its own", looked_up / 1e6, "million reports/s")
    report.add("plain Python, the same rules (plain_rules), by take", plain / 1e6, "million reports/s")
    report.add("compiled to plain, both by take", taken / plain, "times", "≥ 8")
    compiled_engine, plain_engine = Engine(load_rules()), PlainEngine(load_rules())
    expected = answer_of(compiled_engine, [compiled_engine.take(part) for part in shared[:few]])
    found = answer_of(plain_engine, [plain_engine.take(part) for part in shared[:few]])
    assert differences(found, expected) == ()
    same = len(expected.changes)
    report.note(
        f"Plain and compiled gave the same {same:,} alarm changes over {few * MICRO_BATCH:,} generated reports."
    )


def against_plain_on_simulation(report: Report) -> None:
    """The noisy preset: every rule speaks, and both find the same."""
    simulation = simulate(replace(preset("noisy"), vehicles=60, days=3))
    rows = simulation.batch.rows.copy()
    last_ms = int(rows["recv_ms"].max())
    judge(rows, now_ms=last_ms)
    batch = ReportBatch(simulation.batch.keys, rows, simulation.batch.drivers, simulation.batch.sources)
    registry = Registry(simulation.registry, 1)
    engines = (PlainEngine(load_rules()), Engine(load_rules()))
    for engine in engines:
        engine.apply_registry(registry)
    found, expected = (run_live(engine, batch, MICRO_BATCH, last_ms + 8 * 86_400_000) for engine in engines)
    assert differences(found, expected) == ()
    report.note(
        f"They also gave the same {len(expected.alarms):,} alarms on the simulator's noisy preset "
        f"(60 vehicles, 3 days, {len(batch):,} reports)."
    )


def large_fleet(report: Report) -> None:
    """1,000,000 vehicles in random order."""
    vehicles = 1_000_000
    batch = fleet_reports(vehicles, 4)
    warm = 2 * vehicles // MICRO_BATCH
    compiled = rate_of_pass(batch, warm, 3)
    taken = rate_of_take(lambda: Engine(load_rules()), parts_of(batch, MICRO_BATCH), warm, 2)
    report.add("1,000,000 vehicles in random order: in the pass", compiled / 1e6, "million reports/s", "≥ 3")
    report.add("the same by Engine.take, texts of the whole fleet", taken / 1e6, "million reports/s", "≥ 3")


def among_roads(report: Report) -> None:
    """20,000 vehicles with 1,000 road sections and 300 fences in force: spread over a province, and all on sections."""
    vehicles, rounds = 20_000, 45
    roads = parse_roads(road_bytes(N_SECTIONS), "roads")
    maps = MapSet(fences=province_fences(N_FENCES), roads=roads)
    warm = ROUNDS_KEPT_WARM * vehicles // MICRO_BATCH
    for where, batch, asked in (
        ("spread over a province", spread_reports(vehicles, rounds), "≥ 3"),
        ("all on or beside sections", section_reports(vehicles, rounds, roads), "≥ 1"),
    ):
        parts = parts_of(batch, MICRO_BATCH)

        def make() -> Engine:
            engine = Engine(load_rules())
            engine.apply_maps(maps, Surroundings(maps.roads, maps.fences))
            return engine

        with_maps = rate_of_take(make, parts, warm, 5)
        without = rate_of_take(lambda: Engine(load_rules()), parts, warm, 5)
        report.add(f"1,000 sections, 300 fences, vehicles {where}", with_maps / 1e6, "million reports/s", asked)
        report.add("the same reports without maps", without / 1e6, "million reports/s")


def state_size(report: Report) -> None:
    """Bytes per vehicle, and what takes them."""
    row = Engine(load_rules()).fleet.rows.dtype
    parts = {name: part_bytes(row, name) for name in row.names or ()}
    total = row.itemsize + SPANS.itemsize + 8
    report.add("engine state: row, registry dates, deadline", total, "bytes per vehicle", "≤ 2,048")
    shares = ", ".join(f"{name} {size}" for name, size in parts.items())
    report.note(
        f"Of these the row takes {row.itemsize} ({shares}), registry dates {SPANS.itemsize}, the deadline 8; "
        f"core is the engine's own part. A usual report touches the first {hot_bytes(row)} bytes. "
        "Texts (key, plate) come on top and belong to the registry."
    )


def main() -> None:
    report = Report("Detection")
    against_plain(report)
    against_plain_on_simulation(report)
    among_roads(report)
    large_fleet(report)
    state_size(report)
    report.close("engine")


if __name__ == "__main__":
    main()
