"""Bad bytes are kept until there is no room, and then that is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.model.bad_bytes import BadBytes
from monitor.store.quarantine import Quarantine, QuarantineSettings


def bad(number: int, size: int = 4) -> BadBytes:
    return BadBytes("broker", "json_syntax", number, bytes([number % 256]) * size, "坏的")


def test_what_was_kept_comes_back_over_restarts(tmp_path: Path) -> None:
    for start in (0, 3):
        quarantine = Quarantine(tmp_path / "q")
        quarantine.keep([bad(start), bad(start + 1)])
        quarantine.keep([])
        quarantine.keep([bad(start + 2)])
        quarantine.close()
    entries = list(Quarantine(tmp_path / "q").entries())
    assert [entry.recv_ms for entry in entries] == list(range(6))
    first = entries[0]
    assert (first.source, first.reason, first.detail, first.size, first.data) == (
        "broker",
        "json_syntax",
        "坏的",
        4,
        b"\0\0\0\0",
    )


def test_a_huge_message_is_kept_up_to_the_limit_with_its_true_size(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, QuarantineSettings(message_bytes=100))
    quarantine.keep([bad(1, 5_000_000)])
    (entry,) = quarantine.entries()
    assert (entry.size, len(entry.data)) == (5_000_000, 100)
    quarantine.close()


def test_a_full_folder_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, QuarantineSettings(folder_bytes=16 * 1024))
    for number in range(1_000):
        quarantine.keep([bad(number, 60)])
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    kept = [entry.recv_ms for entry in quarantine.entries()]
    assert size <= 16 * 1024
    assert kept == list(range(1_000 - len(kept), 1_000))
    assert quarantine.dropped == 1_000 - len(kept) > 0
    quarantine.close()


def test_a_line_torn_by_a_crash_hides_no_other(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.keep([bad(1)])
    quarantine.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + b'{"recv_ms":2,"sour')
    again = Quarantine(tmp_path)
    again.keep([bad(3)])
    assert [entry.recv_ms for entry in again.entries()] == [1, 3]
    again.close()


def test_a_disk_that_refuses_is_said_and_the_next_attempt_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.keep([bad(1)])

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match="No space left"):
            quarantine.keep([bad(2)])
    quarantine.keep([bad(3)])
    assert [entry.recv_ms for entry in quarantine.entries()][-1] == 3
    quarantine.close()
