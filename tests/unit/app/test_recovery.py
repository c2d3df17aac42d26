"""A start leads to where the process was that ended, whatever it starts from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from monitor.app import snapshot_state
from monitor.app.live_pipeline import LivePipeline, config_payload
from monitor.app.pipeline import registry_payload
from monitor.app.recovery import append_and_take, recover, restored, same_registry, todays_records
from monitor.app.registry_columns import StoredRegistry
from monitor.app.state_folder import StateFolder
from monitor.engine.parameters import RuleLayers
from monitor.engine.snapshot import Part
from monitor.errors import StoreError
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.rules import load_rules
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.database import open_database
from monitor.store.journal import Journal
from monitor.store.schema import upgrade
from monitor.store.snapshot import Snapshot
from tests.benchmarks.generated_fleet import fleet_reports

RULES = load_rules()
VEHICLES = 20
CLASSES = list(VehicleClass)
LAYERS = RuleLayers(
    rules={"speeding": {"tolerance_kmh": 1.0}},
    vehicle_class={"hazmat": {"fatigue": {"enabled": False}}},
    enterprise={"E1": {"speeding": {"enabled": False}}},
)
BATCH = fleet_reports(VEHICLES, 30)
_VEHICLES = tuple(
    Vehicle(
        key,
        f"测{number}",
        vehicle_class=CLASSES[number % len(CLASSES)],
        enterprise_id=f"E{number % 3}",
        max_speed_kmh=80.0 if number % 5 == 0 else None,
        valid_from=date(2026, 2, 1) if number == 3 else None,
        suspended_from=date(2026, 2, 1) if number == 4 else None,
    )
    for number, key in enumerate(BATCH.keys[:15])
)
REGISTRY = Registry((*_VEHICLES, Vehicle(BATCH.keys[3], "旧", valid_to=date(2026, 1, 31))), 4)


class _Store(AlarmStore):
    """A store that is asked only how far it is, and told what follows."""

    def __init__(self, position: int = 0) -> None:
        self.steps: list[CommittedStep] = []
        self._at = position

    def position(self) -> int:
        return self._at

    def commit_all(self, steps: object) -> int:
        assert isinstance(steps, list)
        self.steps += steps
        return len(steps)


@dataclass
class _Life:
    """A journal, and the pipeline that went through all of it; ``saved`` is its state in the middle."""

    folder: StateFolder
    journal: Journal
    live: LivePipeline
    saved: snapshot_state.SavedState
    steps: list[CommittedStep]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Life]:
    folder = StateFolder(tmp_path_factory.mktemp("state"))
    live = LivePipeline(RULES, RuleLayers())
    steps: list[CommittedStep] = []
    saved = None
    with Journal(folder.journal) as journal:
        for number, record in enumerate(_records()):
            offset = journal.append([record])
            steps.append(live.step(live.take(replace(record, offset=offset)))[0])
            if number == 22:
                saved = snapshot_state.save(live, offset, snapshot_state.Known(3, (1, 2)))
        assert saved is not None
        yield _Life(folder, journal, live, saved, steps)


def _records() -> list[JournalRecord]:
    records = [
        JournalRecord(0, RecordType.CONFIG, 0, payload=config_payload(LAYERS)),
        JournalRecord(0, RecordType.REGISTRY, 0, payload=registry_payload(REGISTRY)),
    ]
    for begin in range(0, len(BATCH.rows), 13):
        rows = BATCH.rows[begin : begin + 13].copy()
        keys = tuple(BATCH.keys[key] for key in rows["key"].tolist())
        rows["key"] = range(len(rows))
        records.append(JournalRecord(0, RecordType.REPORTS, int(rows["recv_ms"].max()), ReportBatch(keys, rows)))
        if begin % 5 == 0:
            records.append(JournalRecord(0, RecordType.TICK, int(rows["recv_ms"].max())))
    return records


def _written(life: _Life, saved: snapshot_state.SavedState, folder: Path) -> StateFolder:
    snapshot_state.write(StateFolder(folder).snapshots, saved)
    return StateFolder(folder)


def _parameters(live: LivePipeline) -> str:
    fleet = live.engine.fleet
    return repr(fleet.params[fleet.rows[: len(fleet)]["core"]["profile"]].tolist())


def _same(a: LivePipeline, b: LivePipeline) -> None:
    n = len(a.engine.fleet)
    x, y = a.engine.fleet, b.engine.fleet
    assert (x.keys, x.drivers, x.sources) == (y.keys, y.drivers, y.sources)
    assert a.engine.clock_ms == b.engine.clock_ms
    # Parameter rows are numbered as they come; what they say is what counts.
    assert _parameters(a) == _parameters(b)
    ours, theirs = x.rows[:n].copy(), y.rows[:n].copy()
    ours["core"]["profile"] = theirs["core"]["profile"] = 0
    for name in ours.dtype.names or ():
        assert repr(ours[name].tolist()) == repr(theirs[name].tolist()), name  # bytes between fields may differ
    assert x.spans[:n].tobytes() == y.spans[:n].tobytes()
    assert x.next_change_ms == y.next_change_ms
    assert np.array_equal(x.deadlines[:n] == 0, y.deadlines[:n] == 0)
    assert same_registry(x.registry, y.registry)
    assert a.pipeline.book.snapshot() == b.pipeline.book.snapshot()
    assert a.gate.snapshot() == b.gate.snapshot()
    assert a.layers == b.layers
    assert a.pipeline.evidence.snapshot() == b.pipeline.evidence.snapshot()
    key = x.keys[0]
    trails = [one.engine.trail.around(0, 2**50, 2**50).tolist() for one in (a, b) if one.engine.trail is not None]
    assert trails[0] == trails[1], key


@pytest.mark.parametrize("committed", [0, 23, 40, 10_000], ids=["nothing", "the snapshot", "part of the tail", "all"])
def test_a_start_from_a_snapshot_leads_to_the_same_state_and_output(
    committed: int, life: _Life, tmp_path: Path
) -> None:
    folder = _written(life, life.saved, tmp_path)
    position = min(max(committed, life.saved.offset), life.journal.last_offset)
    store = _Store(position)
    live, snapshot = restored(RULES, folder, life.journal, store)
    assert snapshot is not None
    found = recover(live, snapshot, life.journal, store, 0.0)
    assert found.tail_records == life.journal.last_offset - life.saved.offset
    _same(life.live, live)
    assert [step.offset for step in store.steps] == list(range(position + 1, life.journal.last_offset + 1))
    expected = [step for step in life.steps if step.offset > position]
    assert [step.changes for step in store.steps] == [step.changes for step in expected]
    assert [step.evidence for step in store.steps] == [step.evidence for step in expected]


def test_a_start_without_a_snapshot_does_too(life: _Life, tmp_path: Path) -> None:
    store = _Store()
    live, snapshot = restored(RULES, StateFolder(tmp_path), life.journal, store)
    assert snapshot is None
    recover(live, None, life.journal, store, 0.0)
    _same(life.live, live)
    assert [step.changes for step in store.steps] == [step.changes for step in life.steps]


def test_what_another_version_says_of_vehicles_is_worked_out_anew(life: _Life, tmp_path: Path) -> None:
    described = life.saved.engine.described
    assert described is not None
    engine = replace(life.saved.engine, described=replace(described, sources="of another version"))
    folder = _written(life, replace(life.saved, engine=engine), tmp_path)
    store = _Store(life.journal.last_offset)
    live, snapshot = restored(RULES, folder, life.journal, store)
    recover(live, snapshot, life.journal, store, 0.0)
    _same(life.live, live)


def test_a_rule_that_keeps_other_things_is_worked_out_again_alone(
    life: _Life, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = dict(life.saved.engine.parts)
    for name in ("speeding", "fatigue"):
        parts[name] = Part(parts[name].places, "something else")
    rows = life.saved.engine.rows.copy()
    for begin, size in parts["speeding"].places.values():
        rows[:, begin : begin + size] = 0xEE
    engine = replace(life.saved.engine, parts=parts, layout="another", rows=rows)
    folder = _written(life, replace(life.saved, engine=engine), tmp_path)
    store = _Store(life.journal.last_offset)
    with caplog.at_level(logging.WARNING):
        live, snapshot = restored(RULES, folder, life.journal, store)
    assert snapshot is not None
    told = [record.getMessage() for record in caplog.records if "worked out again" in record.getMessage()]
    assert len(told) == 1
    assert "speeding" in told[0]
    assert "fatigue" in told[0]
    recover(live, snapshot, life.journal, store, 0.0)
    _same(life.live, live)


def test_a_core_that_is_laid_out_otherwise_is_refused(life: _Life, tmp_path: Path) -> None:
    parts = dict(life.saved.engine.parts)
    parts["core"] = Part(parts["core"].places, "something else")
    folder = _written(life, replace(life.saved, engine=replace(life.saved.engine, parts=parts, layout="x")), tmp_path)
    live, snapshot = restored(RULES, folder, life.journal, _Store(life.journal.last_offset))
    assert snapshot is None
    assert len(live.engine.fleet) == 0


def test_a_start_asks_the_database_for_nothing_that_the_snapshot_has(life: _Life, tmp_path: Path) -> None:
    folder = _written(life, life.saved, tmp_path)
    live, snapshot = restored(RULES, folder, life.journal, _Store(life.saved.offset))
    assert isinstance(snapshot, Snapshot)
    assert snapshot_state.known_of(snapshot) == snapshot_state.Known(3, (1, 2))
    registry = live.engine.fleet.registry
    assert isinstance(registry, StoredRegistry)
    assert "vehicles" not in registry._cache  # type: ignore[attr-defined]  # nobody had to make a million objects
    assert todays_records(live, LAYERS, registry, live.engine.fleet.register, {}) == ()
    again = snapshot_state.save(live, life.saved.offset)
    snapshot_state.write(tmp_path / "again", again)
    assert "vehicles" not in registry._cache  # type: ignore[attr-defined]


def test_a_store_ahead_of_its_journal_is_refused_with_what_to_do(life: _Life, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="monitor journal cut"):
        restored(RULES, StateFolder(tmp_path), life.journal, _Store(10_000_000))


def test_records_of_a_start_are_journalled_and_taken(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'm.db'}"
    upgrade(url)
    database = open_database(url)
    store = AlarmStore(database, lambda: 1)
    live = LivePipeline(RULES, RuleLayers())
    with Journal(tmp_path / "journal") as journal:
        append_and_take(live, journal, store, todays_records(live, LAYERS, REGISTRY, live.engine.fleet.register, {}))
        assert journal.last_offset == store.position() == 2
    assert len(live.engine.fleet) == 15
    database.close()
