"""Another configuration over an archive: what would be otherwise, and nothing touched."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.app.settlement.what_if import what_if
from monitor.cli import run
from monitor.engine.parameters import RuleLayers
from monitor.errors import StoreError
from monitor.model.beijing import date_of, day_of
from monitor.store.archive import Archive, ArchiveSettings
from monitor.store.database import open_database
from monitor.store.schema import upgrade
from tests.conformance.memory_archive import MemoryArchive
from tests.traces import START_MS, batch_of

DAY = int(day_of(START_MS))
BATCH = batch_of(
    [10 * k for k in range(120)],
    east_m=[10 * k * 35.0 for k in range(120)],
    speed_kmh=[126.0 if 30 <= k < 60 else 90.0 for k in range(120)],
)


def test_the_same_settings_make_no_difference() -> None:
    found = what_if(MemoryArchive(BATCH), RuleLayers(), DAY, DAY)
    assert (found.by_rule, found.by_enterprise, found.scores) == ((), (), ())


def test_a_rule_switched_off_is_told_by_rule_and_enterprise() -> None:
    found = what_if(MemoryArchive(BATCH), RuleLayers(rules={"speeding": {"enabled": False}}), DAY, DAY)
    (one,) = found.by_rule
    assert (one.key, one.before, one.after, one.only_before, one.only_after) == ("speeding", 1, 0, 1, 0)
    assert [line.key for line in found.by_enterprise] == ["-"]


def test_rules_of_receive_time_are_tried_out_too() -> None:
    later = replace(BATCH, rows=BATCH.rows.copy())
    later.rows["fix_ms"] += 3 * 86_400_000
    later.rows["recv_ms"] += 3 * 86_400_000
    archive = MemoryArchive(BATCH)
    archive.add(later)
    found = what_if(archive, RuleLayers(rules={"offline": {"enabled": False}}), DAY, DAY + 3)
    assert ("offline", 1, 0) in [(one.key, one.before, one.after) for one in found.by_rule]


def test_days_without_reports_are_refused() -> None:
    with pytest.raises(StoreError):
        what_if(MemoryArchive(BATCH), RuleLayers(), DAY + 5, DAY + 6)


def test_the_command_leaves_every_byte_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    state.mkdir()
    url = f"sqlite:///{state / 'monitor.db'}"
    upgrade(url)
    open_database(url).close()
    archive = Archive(state / "archive", ArchiveSettings())
    archive.take(BATCH, 1)
    archive.flush()
    config = tmp_path / "other.toml"
    config.write_text(f'state_folder = "{state}"\n[rules.speeding]\nenabled = false\n', "utf-8")
    before = digests(state)
    day = str(date_of(DAY))
    assert run(["whatif", "--config", str(config), "--from", day, "--to", day, "--lang", "en"]) == 0
    assert "speeding: 1 -> 0 (-1 +0)" in capsys.readouterr().out
    assert digests(state) == before


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
