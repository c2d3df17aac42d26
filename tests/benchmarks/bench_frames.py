"""What keeping the received frames costs: the same batches through decoder and journal, without and with it.

Axis: with and without; JT/T 808 and JSON. Both ways alternate within one run. And what an alarm's frames cost to find.

    python -m tests.benchmarks.bench_frames
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from monitor.codec.json_report import encode_json
from monitor.codec.jt808 import Version
from monitor.codec.jt808.encode import encode_location_stream
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, empty_rows
from monitor.sources.decode import decode_messages
from monitor.sources.intake import Codec, Feed, RawMessage
from monitor.store.frame_block import ReceivedFrames
from monitor.store.frame_ring import FrameRing
from monitor.store.journal import Journal
from tests.benchmarks.report import Report

FRAMES = 2_000
BATCHES = 150
START_MS = 1_772_000_000_000
RING_BYTES = 256 << 20
PHONES = tuple(f"139{number:08d}" for number in range(20_000))


def intakes(codec: Codec) -> list[list[RawMessage]]:
    """Batches of 2,000 reports of a fleet of 20,000; a JSON message holds one report, a chunk of frames fifty."""
    rng = np.random.default_rng(3)
    made: list[list[RawMessage]] = []
    for number in range(BATCHES):
        rows = empty_rows(FRAMES)
        recv_ms = START_MS + 1_000 * number
        rows["fix_ms"] = recv_ms - 1_000 * rng.integers(1, 30, FRAMES)
        rows["lon_deg"], rows["lat_deg"] = 100 + rng.random(FRAMES).round(6), 39 + rng.random(FRAMES).round(6)
        rows["speed_dkmh"], rows["heading_deg"] = rng.integers(0, 1_000, FRAMES), rng.integers(0, 360, FRAMES)
        rows["mileage_m"], rows["status"], rows["alarm_flags"] = 100_000_000, 3, 0
        rows["key"] = np.arange(FRAMES)
        begin = number * FRAMES % len(PHONES)
        phones = PHONES[begin : begin + FRAMES]
        step = 50 if codec is Codec.JT808 else 1
        payloads = []
        for at in range(0, FRAMES, step):
            part = rows[at : at + step]
            if codec is Codec.JT808:
                payloads.append(encode_location_stream(part, phones, Version.V2013))
            else:
                payloads.append(encode_json(ReportBatch(phones, part), unix_ms=True)[1:-1])
        made.append([RawMessage(payload, "t", recv_ms) for payload in payloads])
    return made


def taken(feed: Feed, messages: Sequence[RawMessage], journal: Journal, ring: FrameRing | None) -> tuple[float, float]:
    """One batch as the reception takes it: seconds in all, and of them for the frames."""
    began = time.perf_counter()
    decoded = decode_messages(feed, messages)
    batch, spans = decoded.batch, decoded.spans
    journal.append([JournalRecord(0, RecordType.REPORTS, messages[0].recv_ms, batch=batch)])
    journalled = time.perf_counter()
    if ring is not None and spans is not None:
        rows = batch.rows
        columns = (rows["key"], rows["fix_ms"], rows["recv_ms"])
        ring.append(ReceivedFrames("s", spans.form, batch.keys, *columns, spans.buffer, spans.begin, spans.end))
    ended = time.perf_counter()
    return ended - began, ended - journalled


def run(report: Report, codec: Codec) -> None:
    feed, made = Feed("s", "p", codec), intakes(codec)
    scratch = tempfile.TemporaryDirectory(prefix="bench-frames-", dir=Path.cwd())
    with scratch as folder, Journal(Path(folder) / "journal") as journal:
        ring = FrameRing(Path(folder) / "frames", RING_BYTES)
        without: list[float] = []
        kept: list[float] = []
        for number, messages in enumerate(made):
            seconds, own = taken(feed, messages, journal, ring if number % 2 else None)
            if number >= 10:  # the first ones warm up
                (kept if number % 2 else without).append(own if number % 2 else seconds)
        size = ring.size / (BATCHES // 2 * FRAMES)
        before, more = median(without), median(kept)
        what = f"{codec.value}, a batch of {FRAMES:,}"
        report.add(f"{what}: decoded and journalled, without keeping frames", before * 1e3, "ms")
        report.add(f"{what}: keeping its frames on top", more * 1e3, "ms")
        report.add(f"{what}: with over without", (before + more) / before, "times")
        report.add(f"{what}: kept on disk", size, "bytes per report")
        _search(report, ring, made, feed)
        ring.close()


def _search(report: Report, ring: FrameRing, made: Sequence[Sequence[RawMessage]], feed: Feed) -> None:
    """Six frames of one vehicle of each batch, as an alarm of its own asks for them."""
    asked: list[tuple[frozenset[str], int, int]] = []
    for messages in made[1::2]:
        batch = decode_messages(feed, messages).batch
        rows = batch.rows[:: FRAMES // 6][:6]
        asked += [
            (frozenset((batch.keys[key],)), fix_ms, messages[0].recv_ms)
            for key, fix_ms in zip(rows["key"].tolist(), rows["fix_ms"].tolist(), strict=True)
        ]
    began = time.perf_counter()
    hits = sum(len(ring.find(keys, fix_ms, recv_ms, recv_ms)) for keys, fix_ms, recv_ms in asked)
    took = time.perf_counter() - began
    assert hits >= len(asked)
    report.add(f"{feed.codec.value}: one frame looked up", took / len(asked) * 1e6, "µs")


def main() -> None:
    report = Report("Frames kept for evidence")
    for codec in Codec:
        run(report, codec)
    report.close("frames")


if __name__ == "__main__":
    main()
