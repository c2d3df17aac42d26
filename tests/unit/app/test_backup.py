"""Backups: what is in one, what is left out, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.app.backup import BackedUpDaemon, back_up, without_secrets
from monitor.app.backup_files import backups, read_manifest
from monitor.app.restore import restore
from monitor.errors import StoreError
from monitor.model.beijing import DAY_MS
from monitor.model.journal import JournalRecord, RecordType
from monitor.store.archive import Archive
from monitor.store.journal import Journal, JournalSettings, read_segment_files
from monitor.store.schema import upgrade
from tests.unit.store.archives import DAY, reports, told

_NOW_MS = 1_772_000_000_000


@pytest.fixture
def daemon(tmp_path: Path) -> BackedUpDaemon:
    state = tmp_path / "state"
    with Journal(state / "journal", JournalSettings(segment_bytes=1, reserve_bytes=0)) as journal:
        for clock_ms in range(1, 6):
            journal.append([JournalRecord(0, RecordType.TICK, clock_ms)])
    url = f"sqlite:///{state / 'monitor.db'}"
    upgrade(url)
    archive = Archive(state / "archive")
    archive.take(reports(1, 50, days=1), 3)
    archive.flush()
    (state / "maps").mkdir()
    (state / "maps" / "roads.geojson").write_text("{}")
    key = state / "jt808.key"
    key.write_text("terminals")
    key.chmod(0o600)
    config = tmp_path / "monitor.toml"
    config.write_text('[http]\nport = 1\ntoken = "hush"\n')
    return BackedUpDaemon(state, url, config)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_restored_is_what_was_there(daemon: BackedUpDaemon, tmp_path: Path) -> None:
    done = back_up(daemon, tmp_path / "backups", _NOW_MS)
    assert done.folder.name == "backup-20260225-141320"
    source, manifest = restore(tmp_path / "backups", tmp_path / "new")
    assert source == done.folder
    assert manifest.archived_offset == 3
    before, after = _files(daemon.state), _files(tmp_path / "new")
    for name in ("maps/roads.geojson", "jt808.key", *(name for name in before if name.startswith("archive/parts"))):
        assert after[name] == before[name]
    assert (tmp_path / "new" / "jt808.key").stat().st_mode & 0o777 == 0o600
    assert told(Archive(tmp_path / "new" / "archive").read(DAY)) == told(Archive(daemon.state / "archive").read(DAY))
    assert [record.offset for record in read_segment_files([tmp_path / "new" / "journal"])] == [1, 2, 3, 4, 5]
    assert b"hush" not in b"".join(after.values())


def test_a_second_backup_links_what_has_not_changed_and_old_ones_go(daemon: BackedUpDaemon, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    first = back_up(daemon, target, _NOW_MS)
    second = back_up(daemon, target, _NOW_MS)
    assert second.folder.name == "backup-20260225-141320-1"
    part = next(file.path for file in first.manifest.files if file.path.startswith("archive/parts"))
    assert (first.folder / part).stat().st_ino == (second.folder / part).stat().st_ino
    third = back_up(daemon, target, _NOW_MS + 401 * DAY_MS, keep_days=400)
    assert third.pruned == (first.folder.name, second.folder.name)
    assert backups(target) == [third.folder]
    restore(target, tmp_path / "new")


def test_a_restore_writes_only_into_an_empty_folder_and_only_what_is_whole(
    daemon: BackedUpDaemon, tmp_path: Path
) -> None:
    done = back_up(daemon, tmp_path / "backups", _NOW_MS)
    with pytest.raises(StoreError, match="is not empty"):
        restore(done.folder, daemon.state)
    path = done.folder / "maps" / "roads.geojson"
    path.write_text("[]")
    with pytest.raises(StoreError, match=r"roads\.geojson differs"):
        restore(done.folder, tmp_path / "new")
    path.unlink()
    with pytest.raises(StoreError, match="damaged"):
        restore(done.folder, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(StoreError, match="holds no backup"):
        restore(tmp_path / "new", tmp_path / "newer")


def test_a_backup_that_could_not_be_started_is_refused(daemon: BackedUpDaemon, tmp_path: Path) -> None:
    with Journal(daemon.state / "journal", JournalSettings(reserve_bytes=0)) as journal:
        journal.drop_before(4)
    with pytest.raises(StoreError, match="the journal begins at record 4"):
        back_up(daemon, tmp_path / "backups", _NOW_MS)
    assert backups(tmp_path / "backups") == []
    with pytest.raises(StoreError, match="no state folder"):
        back_up(BackedUpDaemon(tmp_path, "sqlite://", tmp_path / "x"), tmp_path / "backups", _NOW_MS)


def test_a_damaged_archive_file_is_found_by_the_first_backup_of_it(daemon: BackedUpDaemon, tmp_path: Path) -> None:
    part = next((daemon.state / "archive" / "parts").iterdir())
    data = bytearray(part.read_bytes())
    data[40] ^= 1
    part.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="is damaged"):
        back_up(daemon, tmp_path / "backups", _NOW_MS)


def test_a_manifest_that_leads_outside_is_refused(daemon: BackedUpDaemon, tmp_path: Path) -> None:
    done = back_up(daemon, tmp_path / "backups", _NOW_MS)
    manifest = done.folder / "MANIFEST.json"
    manifest.write_text(manifest.read_text().replace('"jt808.key"', '"../../escape"'))
    with pytest.raises(StoreError, match="outside"):
        restore(done.folder, tmp_path / "new")
    assert read_manifest(done.folder).position == 0


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('password = "a\\"b"', 'password = ""'),
        ("token='x'", 'token=""'),
        ('password_file = "kept"', 'password_file = "kept"'),
        ('secret_env = "NAME"', 'secret_env = "NAME"'),
        ('cipher = { m1 = 10000000, ia1 = 0x20, ic1 = 3 }', "cipher = { m1 = 0, ia1 = 0, ic1 = 0 }"),
        ('database_url = "postgresql://me:hush@host/name"', 'database_url = "postgresql://me@host/name"'),
        ('admin_token = """\nx\n"""', 'admin_token = ""'),
        ('headers = { Authorization = "Bearer x" }', 'headers = { Authorization = "" }'),
        ('monkey = "banana"', 'monkey = "banana"'),
    ],
)  # fmt: skip
def test_a_configuration_loses_its_secrets_and_nothing_else(text: str, left: str) -> None:
    assert without_secrets(text) == left
