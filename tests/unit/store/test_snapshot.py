"""A snapshot is whole or it is not there."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest

from monitor import __version__
from monitor.errors import StoreError
from monitor.model.report import empty_rows
from monitor.store.snapshot import AnyArray, read_latest, write_snapshot


def arrays(value: int) -> dict[str, AnyArray]:
    rows = empty_rows(4)
    rows["fix_ms"] = value
    return {"fleet": rows, "empty": np.zeros(0), "grid": np.full((2, 3), value), "names": np.array(["甘G12345", "b"])}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = arrays(7)
    write_snapshot(tmp_path / "new", 42, written, b"meta")
    snapshot = read_latest(tmp_path / "new")
    assert snapshot is not None
    assert (snapshot.offset, snapshot.app_version, snapshot.meta) == (42, __version__, b"meta")
    assert list(snapshot.arrays) == list(written)
    for name, array in written.items():
        assert snapshot.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(snapshot.arrays[name], array)
        assert snapshot.arrays[name].flags.writeable


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for offset in (5, 10, 20, 100):
        write_snapshot(tmp_path, offset, arrays(offset), b"")
    assert len(list(tmp_path.iterdir())) == 2
    latest = read_latest(tmp_path)
    assert latest is not None
    assert latest.offset == 100


def test_a_folder_without_snapshots_has_none(tmp_path: Path) -> None:
    assert read_latest(tmp_path) is None
    assert read_latest(tmp_path / "not there") is None


@pytest.mark.parametrize("damage", ["cut short", "bit flipped", "empty", "garbage"])
def test_one_that_does_not_read_gives_way_to_the_one_before(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_snapshot(tmp_path, 1, arrays(1), b"one")
    path = write_snapshot(tmp_path, 2, arrays(2), b"two")
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 4
    path.write_bytes(
        {"cut short": data[:-9], "bit flipped": bytes(flipped), "empty": b"", "garbage": b"x" * 99}[damage]
    )
    with caplog.at_level(logging.ERROR):
        snapshot = read_latest(tmp_path)
    assert snapshot is not None
    assert snapshot.meta == b"one"
    assert path.name in caplog.text


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, 2, {"a": np.arange(3)}, b"two")
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        assert read_latest(tmp_path) is None


def test_a_snapshot_newer_than_the_journal_is_passed_over(tmp_path: Path) -> None:
    write_snapshot(tmp_path, 10, arrays(1), b"")
    write_snapshot(tmp_path, 20, arrays(1), b"")
    snapshot = read_latest(tmp_path, not_after=15)
    assert snapshot is not None
    assert snapshot.offset == 10


def test_a_failed_write_leaves_the_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_snapshot(tmp_path, 1, arrays(1), b"one")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="No space left"):
        write_snapshot(tmp_path, 2, arrays(2), b"two")
    snapshot = read_latest(tmp_path)
    assert snapshot is not None
    assert snapshot.meta == b"one"
    assert len(list(tmp_path.iterdir())) == 1


def test_python_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        write_snapshot(tmp_path, 1, {"objects": np.array([object()], dtype=object)}, b"")
    assert not list(tmp_path.iterdir())
