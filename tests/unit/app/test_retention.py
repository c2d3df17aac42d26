"""What is too old goes, what is held stays, and what went is on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from sqlalchemy import func, insert, select

from monitor.app.journal_pruning import JournalPruning, older_than
from monitor.app.retention import Retention, sentence
from monitor.app.retention_settings import RetentionSettings
from monitor.errors import StoreError
from monitor.model.bad_bytes import BadBytes
from monitor.model.beijing import DAY_MS, day_start_ms
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, empty_rows
from monitor.store.archive import Archive
from monitor.store.database import Database, open_database
from monitor.store.deletion_store import recorded_deletions
from monitor.store.hold_store import add_hold, holds, release_hold, seals
from monitor.store.journal import Journal, JournalSettings
from monitor.store.quarantine import Quarantine
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade
from monitor.store.tables import alarm_changes, alarm_evidence, alarms, device_records, vehicle_days
from tests.unit.store.archives import told

TODAY = 20_514  # 2026-03-02
_NOON = 43_200_000


@dataclass
class _Kept:
    archive: Archive
    journal: Journal
    quarantine: Quarantine
    database: Database

    def retention(self, needed_from: int = 1 << 60, **settings: int) -> Retention:
        return Retention(
            RetentionSettings(**settings),
            self.archive,
            self.journal,
            lambda: needed_from,
            self.quarantine,
            self.database,
        )


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[_Kept]:
    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    upgrade(url)
    database = open_database(url)
    quarantine = Quarantine(tmp_path / "quarantine")
    settings = JournalSettings(segment_bytes=1, reserve_bytes=0)
    with Journal(tmp_path / "journal", settings) as journal:
        yield _Kept(Archive(tmp_path / "archive"), journal, quarantine, database)
    quarantine.close()
    database.close()


def _noon(days_ago: int) -> int:
    return int(day_start_ms(TODAY - days_ago)) + _NOON


def _reports(*days_ago: int, keys: tuple[str, ...] = ("A", "terminal:13912345678", "B")) -> ReportBatch:
    rows = empty_rows(len(days_ago) * len(keys))
    rows["fix_ms"] = np.repeat([_noon(days) for days in days_ago], len(keys))
    rows["recv_ms"] = rows["fix_ms"] + 1_000
    rows["key"] = np.tile(np.arange(len(keys)), len(days_ago))
    return ReportBatch(keys, rows)


def _alarm(alarm_id: str, vehicle: str, end_ms: int | None, state: str = "cleared") -> dict[str, object]:
    values: dict[str, object] = {
        column.name: "" if column.type.python_type is str else 0 for column in alarms.columns if not column.nullable
    }
    onset = (end_ms or _noon(0)) - 600_000
    return {**values, "alarm_id": alarm_id, "vehicle_id": vehicle, "onset_ms": onset, "end_ms": end_ms, "state": state,
            "suspected_serious": False, "night_only": False, "late": False, "provisional": False,
            "changed_ms": onset}  # fmt: skip


def _with_alarms(database: Database, *rows: dict[str, object]) -> None:
    with database.write() as connection:
        connection.execute(insert(alarms), list(rows))
        for row in rows:
            connection.execute(
                insert(alarm_changes).values(
                    alarm_id=row["alarm_id"], sequence=1, transition="raised", at_ms=1, journal_offset=1, record="{}"
                )
            )
            connection.execute(insert(alarm_evidence).values(alarm_id=row["alarm_id"], sequence=1, payload="{}"))


def _ids(database: Database, table: str = "alarms") -> set[str]:
    found = {"alarms": alarms, "changes": alarm_changes, "evidence": alarm_evidence}[table]
    with database.read() as connection:
        return set(connection.execute(select(found.c.alarm_id)).scalars())


def _run(kept: _Kept, **settings: int) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in kept.retention(**settings).run(_noon(0), "test"):
        found[one.what] += one.n
    return dict(found)


def _tick(kept: _Kept, *clocks_ms: int) -> None:
    for clock_ms in clocks_ms:
        kept.journal.append([JournalRecord(0, RecordType.TICK, clock_ms)])


@pytest.mark.parametrize("name", ["keep_days", "evidence_days"])
def test_less_than_half_a_year_is_refused_with_the_law(name: str) -> None:
    with pytest.raises(ValidationError, match=r"art\. 25; GB/T 35658"):
        RetentionSettings.model_validate({name: 182})
    assert RetentionSettings.model_validate({name: 183}).keep_days in (183, 400)


def test_violations_are_kept_for_three_years() -> None:
    with pytest.raises(ValidationError, match="three years"):
        RetentionSettings(violation_days=1_095)


def test_days_that_are_too_old_leave_the_archive_and_are_on_record(kept: _Kept) -> None:
    _tick(kept, _noon(0))
    kept.archive.take(_reports(0, 399, 400, 401, 500), 1)
    kept.archive.flush()
    found = _run(kept)
    assert found["archive"] == 6
    assert kept.archive.days() == (TODAY - 400, TODAY - 399, TODAY)
    recorded = [one for one in recorded_deletions(kept.database) if one.what == "archive"]
    assert [(one.n, one.from_ms, one.by) for one in recorded] == [
        (3, day_start_ms(TODAY - 401), "test"),
        (3, day_start_ms(TODAY - 500), "test"),
    ]
    assert "deleted 3 from archive, of 2025-01-25" in sentence(recorded[0])
    assert _run(kept) == {}


def test_a_held_vehicle_keeps_its_rows_under_all_its_keys_until_it_is_released(kept: _Kept) -> None:
    from monitor.model.fleet import Vehicle

    vehicle = Vehicle(vehicle_id="A", plate="甘G00001", terminal_phone="13912345678")
    import_registry(kept.database, RegistryFile((vehicle,), (), 1), date(2024, 1, 1))
    _tick(kept, _noon(0))
    kept.archive.take(_reports(0, 450, 451), 1)
    kept.archive.flush()
    hold = add_hold(kept.database, "A", _noon(450), _noon(450) + 1, "张", "事故 7", 5)
    assert _run(kept)["archive"] == 4
    assert {row[7] for row in told(kept.archive.read(TODAY - 450))} == {"A", "terminal:13912345678"}
    assert kept.archive.days() == (TODAY - 450, TODAY)
    assert recorded_deletions(kept.database)[0].what == "archive"
    assert _run(kept) == {}
    release_hold(kept.database, hold.hold_id, "张", "结案", 6)
    assert holds(kept.database) == ()
    assert [one.release_reason for one in holds(kept.database, released=True)] == ["结案"]
    assert _run(kept)["archive"] == 2


def test_a_clock_that_runs_ahead_deletes_nothing(kept: _Kept) -> None:
    _tick(kept, _noon(0))
    kept.archive.take(_reports(0, 399), 1)
    kept.archive.flush()
    assert kept.retention().run(_noon(0) + 3_650 * DAY_MS, "test") == ()


def test_alarms_stay_three_years_and_their_evidence_as_long_as_tracks(kept: _Kept) -> None:
    _tick(kept, _noon(0))
    _with_alarms(
        kept.database,
        _alarm("new", "A", _noon(10)),
        _alarm("old", "A", _noon(500)),
        _alarm("ancient", "B", _noon(1_200)),
        _alarm("held", "A", _noon(1_200)),
        _alarm("lasts", "B", None, "active"),
    )
    add_hold(kept.database, "A", _noon(1_201), _noon(1_199), "张", "事故", 5)
    found = _run(kept)
    assert _ids(kept.database) == {"new", "old", "held", "lasts"}
    assert _ids(kept.database, "changes") == {"new", "old", "held", "lasts"}
    assert _ids(kept.database, "evidence") == {"new", "held", "lasts"}
    assert (found["alarm_evidence"], found["alarms"]) == (2, 1)


def test_what_terminals_recorded_goes_with_the_tracks_and_counters_with_the_violations(kept: _Kept) -> None:
    _tick(kept, _noon(0))
    texts = {
        column.name: "" for column in device_records.columns if column.type.python_type is str and not column.nullable
    }
    with kept.database.write() as connection:
        for days, vehicle in ((1, "A"), (401, "A"), (402, "B"), (900, "B")):
            row = {**texts, "record_id": f"{vehicle}{days}", "vehicle_id": vehicle, "at_ms": _noon(days)}
            connection.execute(insert(device_records).values(row | {"found_ms": 1, "late": False}))
            counters = {column.name: 0 for column in vehicle_days.columns}
            day = TODAY - days - 700
            connection.execute(insert(vehicle_days).values(counters | {"vehicle_id": vehicle, "day": day}))
    add_hold(kept.database, "B", _noon(402) - 5, _noon(402) + 5, "张", "事故", 5)
    found = _run(kept)
    assert (found["device_records"], found["vehicle_days"]) == (2, 3)
    with kept.database.read() as connection:
        assert set(connection.execute(select(device_records.c.record_id)).scalars()) == {"A1", "B402"}
        assert connection.execute(select(func.count()).select_from(vehicle_days)).scalar() == 1


def test_old_quarantine_goes_entry_by_entry(kept: _Kept) -> None:
    _tick(kept, _noon(0))
    bad = [BadBytes("mqtt", "not_json", _noon(days), b"x%d" % days) for days in (500, 450, 10)]
    kept.quarantine.keep(bad)
    assert _run(kept) == {"quarantine": 2}
    assert [entry.data for entry in kept.quarantine.entries()] == [b"x10"]
    kept.quarantine.keep(bad[:1])
    assert [entry.data for entry in kept.quarantine.entries()] == [b"x10", b"x500"]


def test_old_segments_go_even_where_a_link_has_not_read_them_but_never_before_the_archive(kept: _Kept) -> None:
    _tick(kept, _noon(500), _noon(450), _noon(10), _noon(0))
    assert kept.retention(needed_from=2).run(_noon(0), "test")[0].n == 1
    assert kept.retention(needed_from=4).run(_noon(0), "test")[0].n == 1
    assert [record.offset for record in kept.journal.read(0)] == [3, 4]


def _pruning(kept: _Kept, folder: Path, archive: int, link: int) -> JournalPruning:
    return JournalPruning(kept.journal, folder, {"archive": lambda: archive, "link": lambda: link}, 7.0)


def test_a_journal_is_pruned_only_behind_everybody_and_when_it_is_old(kept: _Kept, tmp_path: Path) -> None:
    _tick(kept, *(_noon(days) for days in (20, 15, 10, 5, 0)))
    snapshots = tmp_path / "snapshots"
    snapshots.mkdir()
    (snapshots / f"snapshot-{5:020d}.vdms").touch()
    assert _pruning(kept, snapshots, 5, 5).prune() == 0  # one snapshot alone may not read
    (snapshots / f"snapshot-{4:020d}.vdms").touch()
    assert _pruning(kept, snapshots, 1, 5).prune() == 1
    assert _pruning(kept, snapshots, 5, 2).prune() == 1
    assert _pruning(kept, snapshots, 5, 5).prune() == 1
    assert [record.offset for record in kept.journal.read(0)] == [4, 5]
    assert older_than(kept.journal.folder, _noon(-1)) == 5


def test_a_hold_needs_an_author_a_reason_and_a_span(kept: _Kept) -> None:
    for values in (
        ("A", 1, 2, "", "why"),
        ("A", 1, 2, "who", " "),
        ("", 1, 2, "who", "why"),
        ("A", 2, 1, "who", "why"),
    ):
        with pytest.raises(StoreError, match="legal hold"):
            add_hold(kept.database, *values, 5)
    with pytest.raises(StoreError, match="no legal hold 9"):
        release_hold(kept.database, 9, "who", "why", 5)
    assert seals(kept.database) == ()
