"""Received frames: found by vehicle, fix and receipt; bounded; nothing of other messages on the disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.evidence import FrameForm
from monitor.store.frame_block import Block, ReceivedFrames, encoded_block
from monitor.store.frame_ring import FrameRing

START_MS = 1_772_000_000_000
MIB = 1 << 20


def received(
    parts: Sequence[tuple[str, int, bytes]], *, between: bytes = b"", recv_ms: int = START_MS, source: str = "a"
) -> ReceivedFrames:
    """Reports as (key, fix second, frame); ``between`` stands before, between and behind the frames."""
    keys = tuple(dict.fromkeys(key for key, _, _ in parts))
    buffer = between + between.join(frame for _, _, frame in parts) + between
    sizes = np.array([len(frame) for _, _, frame in parts], np.int64)
    begin = np.cumsum(sizes + len(between)) - sizes
    return ReceivedFrames(
        source,
        FrameForm.JT808,
        keys,
        np.array([keys.index(key) for key, _, _ in parts], np.int32),
        np.array([START_MS + 1_000 * second for _, second, _ in parts], np.int64),
        np.full(len(parts), recv_ms, np.int64),
        buffer,
        begin,
        begin + sizes,
    )


def found(ring: FrameRing, key: str, second: int, recv_ms: int = START_MS) -> list[bytes]:
    return [frame.data for frame in ring.find(frozenset((key,)), START_MS + 1_000 * second, recv_ms, recv_ms)]


def one(number: int, *, size: int = 100) -> ReceivedFrames:
    """Frame ``number`` of vehicle V, fixed and received in its own second."""
    frame = b"\x7e" + number.to_bytes(4, "big") * (size // 4) + b"\x7e"
    return received([("V", number, frame)], recv_ms=START_MS + 1_000 * number)


def test_a_frame_is_found_by_vehicle_fix_and_receipt(tmp_path: Path) -> None:
    ring = FrameRing(tmp_path / "frames", MIB)
    assert ring.append(received([("V", 1, b"~one~"), ("W", 1, b"~other~"), ("V", 2, b"~two~")]))
    assert found(ring, "V", 1) == [b"~one~"]
    assert found(ring, "V", 2) == [b"~two~"]
    assert found(ring, "W", 1) == [b"~other~"]
    assert found(ring, "W", 2) == found(ring, "X", 1) == found(ring, "V", 1, START_MS + 1) == []
    kept = ring.find(frozenset(("X", "V")), START_MS + 1_000, START_MS - 5, START_MS + 5)
    assert [(frame.source, frame.form, frame.recv_ms) for frame in kept] == [("a", FrameForm.JT808, START_MS)]


def test_the_same_frame_twice_is_one_and_another_of_the_moment_is_there_too(tmp_path: Path) -> None:
    ring = FrameRing(tmp_path, MIB)
    ring.append(received([("V", 1, b"~one~"), ("V", 1, b"~one~"), ("V", 1, b"~changed~")]))
    assert found(ring, "V", 1) == [b"~one~", b"~changed~"]


def test_bytes_between_the_frames_are_not_written(tmp_path: Path) -> None:
    ring = FrameRing(tmp_path, MIB)
    ring.append(received([("V", 1, b"~one~"), ("V", 2, b"~two~")], between=b"the code is 4711"))
    ring.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"~one~~two~" in written
    assert b"4711" not in written


_SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), min_size=1, max_size=12)


@given(spans=_SPANS)
def test_every_report_gets_the_bytes_of_its_span(spans: list[tuple[int, int]]) -> None:
    """Spans in any order, apart, side by side, sharing a delimiter or being the same frame."""
    buffer = bytes(range(64))
    begin = np.array([at for at, _ in spans], np.int64)
    end = begin + np.array([size for _, size in spans], np.int64)
    n = len(spans)
    keys, fixes = np.zeros(n, np.int32), np.arange(n, dtype=np.int64)
    data, _, _ = encoded_block(
        ReceivedFrames("a", FrameForm.JT809, ("V",), keys, fixes, np.zeros(n, np.int64), buffer, begin, end)
    )
    block = Block(data)
    for number, (at, size) in enumerate(spans):
        assert [frame.data for frame in block.find(frozenset("V"), number, 0, 0)] == [buffer[at : at + size]]


def test_the_folder_stays_within_its_limit_and_the_oldest_goes(tmp_path: Path) -> None:
    limit = 64 * 1024
    ring = FrameRing(tmp_path, limit)
    for number in range(1_000):
        assert ring.append(one(number))
        if number % 50 == 0:
            assert sum(path.stat().st_size for path in tmp_path.iterdir()) == ring.size <= limit
    kept = [number for number in range(1_000) if found(ring, "V", number, START_MS + 1_000 * number)]
    assert kept == list(range(kept[0], 1_000))
    assert 200 < len(kept) < 500


def test_a_block_larger_than_a_file_takes_the_place_of_several(tmp_path: Path) -> None:
    ring = FrameRing(tmp_path, 64 * 1024)
    for number in range(300):
        ring.append(one(number))
    assert ring.append(one(300, size=40_000))
    assert ring.size <= 64 * 1024
    assert len(found(ring, "V", 300, START_MS + 300_000)[0]) == 40_002
    assert not ring.append(one(301, size=80_000))
    assert ring.failures == 1
    assert found(ring, "V", 300, START_MS + 300_000)


def test_a_restart_keeps_what_there_is_up_to_a_torn_block(tmp_path: Path) -> None:
    ring = FrameRing(tmp_path, MIB)
    ring.append(one(1))
    ring.append(one(2))
    path = next(tmp_path.iterdir())
    ring.close()
    os.truncate(path, path.stat().st_size - 5)
    again = FrameRing(tmp_path, MIB)
    again.append(one(3))
    assert [bool(found(again, "V", number, START_MS + 1_000 * number)) for number in (1, 2, 3)] == [True, False, True]
    assert len(list(tmp_path.iterdir())) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_block_tells_nothing(tmp_path: Path) -> None:
    ring = FrameRing(tmp_path, MIB)
    ring.append(one(1))
    ring.append(one(2))
    path = next(tmp_path.iterdir())
    data = bytearray(path.read_bytes())
    data[len(data) // 2 - 9] ^= 1
    path.write_bytes(data)
    assert found(ring, "V", 1, START_MS + 1_000) == []
    assert found(ring, "V", 2, START_MS + 2_000)


def test_files_that_somebody_removed_are_gone_and_no_error(tmp_path: Path) -> None:
    ring = FrameRing(tmp_path, MIB)
    ring.append(one(1))
    next(tmp_path.iterdir()).unlink()
    assert found(ring, "V", 1, START_MS + 1_000) == []


def test_a_smaller_limit_holds_from_the_start_and_none_removes_all(tmp_path: Path) -> None:
    ring = FrameRing(tmp_path, 64 * 1024)
    for number in range(300):
        ring.append(one(number))
    ring.close()
    assert FrameRing(tmp_path, 32 * 1024).size <= 32 * 1024
    off = FrameRing(tmp_path, 0)
    assert list(tmp_path.iterdir()) == []
    assert off.append(one(1))
    assert off.find(frozenset("V"), START_MS, 0, 2**62) == ()


def test_a_full_disk_is_counted_and_over_when_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = FrameRing(tmp_path, MIB)
    ring.append(one(1))
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:40], at))
    assert not ring.append(one(2))
    assert not ring.append(one(3))
    monkeypatch.undo()
    assert ring.append(one(4))
    assert ring.failures == 2
    assert [bool(found(ring, "V", number, START_MS + 1_000 * number)) for number in (1, 2, 4)] == [True, False, True]
    ring.close()
    again = FrameRing(tmp_path, MIB)
    assert [bool(found(again, "V", number, START_MS + 1_000 * number)) for number in (1, 2, 4)] == [True, False, True]
