"""JT/T 808 frames per second, bytes to report columns, on one core.

Axis: frames per call. Frames are 0x0200 of 59 bytes (2013) or 64 (2019) with mileage, recorder speed, signal and
satellites; coordinates, serials and check bytes make some of them need unescaping. The plain decoder is the yardstick.

    python -m tests.benchmarks.bench_jt808
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from monitor.codec.jt808.encode import encode_location_stream
from monitor.codec.jt808.header import Version
from monitor.codec.jt808.plain import decode_frame
from monitor.codec.jt808.stream import decode_location_stream
from monitor.model.report import ReportRows, empty_rows
from tests.benchmarks.report import Report

TERMINALS = 20_000
SIGNAL_AND_SATELLITES = bytes.fromhex("30011f31010c")


def fleet_rows(n: int, seed: int = 1) -> ReportRows:
    """``n`` reports of a driving fleet, terminals in random order."""
    rng = np.random.default_rng(seed)
    rows = empty_rows(n)
    rows["fix_ms"] = 1_772_460_000_000 + np.arange(n) // TERMINALS * 1_000
    rows["lon_deg"] = rng.uniform(98, 101, n)
    rows["lat_deg"] = rng.uniform(38, 40, n)
    rows["mileage_m"] = rng.integers(0, 9_000_000, n) * 100
    rows["status"] = 0x000C0003
    rows["alarm_flags"] = 0
    rows["key"] = rng.integers(0, TERMINALS, n)
    rows["speed_dkmh"] = rng.integers(0, 1_000, n)
    rows["recorder_speed_dkmh"] = rows["speed_dkmh"]
    rows["heading_deg"] = rng.integers(0, 360, n)
    rows["altitude_m"] = rng.integers(1_300, 1_500, n)
    return rows


def best_of(repeats: int, *runs: Callable[[], object]) -> list[float]:
    """Least processor seconds of each run over several rounds; in turns, so that a busy machine is fair to all."""
    best = [float("inf")] * len(runs)
    for _ in range(repeats):
        for place, run in enumerate(runs):
            began = time.process_time()
            run()
            best[place] = min(best[place], time.process_time() - began)
    return best


def main() -> None:
    report = Report("JT/T 808 frames to report columns")
    phones = tuple(f"0139{i:08d}" for i in range(TERMINALS))
    for version in (Version.V2013, Version.V2019):
        for n in (100, 2_000, 20_000, 200_000, 1_000_000):
            rows = fleet_rows(n)
            stream = encode_location_stream(rows, phones, version, extra_items=SIGNAL_AND_SATELLITES)
            assert len(decode_location_stream(stream).batch) == n
            frames = [frame for frame in stream[:100_000].split(b"\x7e") if frame][:500]
            escaped = sum(b"\x7d" in frame for frame in frames) / len(frames)
            columnar, plain = best_of(
                min(max(5, 2_000_000 // n), 500),
                lambda stream=stream: decode_location_stream(stream),  # type: ignore[misc]
                lambda frames=frames: [decode_frame(frame) for frame in frames],  # type: ignore[misc]
            )
            rate, plain_rate = n / columnar, len(frames) / plain
            what = f"{version.value}, {n:,} frames per call, {len(stream) / n:.1f} B each, {escaped:.0%} escaped"
            report.add(what, rate / 1e6, "million frames/s", "≥ 10" if n >= 2_000 else "")
    report.add("plain decoder, one frame at a time", plain_rate / 1e6, "million frames/s")
    report.add("columnar to plain", rate / plain_rate, "times")
    rows = fleet_rows(200_000)
    (encoded,) = best_of(5, lambda: encode_location_stream(rows, phones, Version.V2013))
    report.add("encoder", len(rows) / encoded / 1e6, "million frames/s")
    report.note("CPU time of one core; by turns with the plain decoder in the same run.")
    report.close("jt808")


if __name__ == "__main__":
    main()
