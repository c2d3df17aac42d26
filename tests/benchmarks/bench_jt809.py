"""JT/T 809 positions per second, bytes to report columns, on one core.

Axis: frames per call. 2011: 0x1202 of 90 bytes with a 36-byte position. 2019: 0x1202 of 154 bytes with an 808 body that
has mileage and recorder speed. Lengths, coordinates and CRC make all of the first and some of the second need
unescaping. The plain decoder is the yardstick.

    python -m tests.benchmarks.bench_jt809
"""

from __future__ import annotations

from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.encode import encode_positions
from monitor.codec.jt809.frame import decode_frame
from monitor.codec.jt809.framing import split_frames
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.stream import decode_position_stream
from tests.benchmarks.bench_jt808 import best_of, fleet_rows
from tests.benchmarks.report import Report

VEHICLES = 20_000
SECRET = Cipher(56_107_078, 37_382_110, 50_361_430)
"""Parameters of the test laboratory's frames."""


def main() -> None:
    report = Report("JT/T 809 frames to report columns")
    plates = tuple(f"甘A{i:05d}" for i in range(VEHICLES))
    colors = (2,) * VEHICLES
    for version in Version:
        for n in (100, 2_000, 20_000, 200_000):
            rows = fleet_rows(n)
            stream = encode_positions(rows, plates, colors, version=version, access_code=620_000, first_sn=1)
            assert len(decode_position_stream(stream, version=version).batch) == n
            frames = split_frames(stream[:100_000])[0][:500]
            escaped = sum(frame.count(b"\x5a") + frame.count(b"\x5e") for frame in frames) / len(frames)
            columnar, plain = best_of(
                min(max(5, 1_000_000 // n), 300),
                lambda stream=stream, version=version: decode_position_stream(stream, version=version),  # type: ignore[misc]
                lambda frames=frames, version=version: [decode_frame(one, version) for one in frames],  # type: ignore[misc]
            )
            rate, plain_rate = n / columnar, len(frames) / plain
            what = f"{version.value}, {n:,} positions per call, {len(stream) / n:.1f} B each, {escaped:.1f} escapes"
            report.add(what, rate / 1e6, "million positions/s", "≥ 1" if n >= 2_000 else "")
        report.add(f"{version.value}, plain decoder, one frame at a time", plain_rate / 1e6, "million positions/s")
        report.add(f"{version.value}, columnar to plain", rate / plain_rate, "times")
    rows = fleet_rows(200_000)
    for version in Version:
        backfill = encode_positions(
            rows, plates, colors, version=version, access_code=620_000, first_sn=1, backfill=True
        )
        secret = encode_positions(
            rows, plates, colors, version=version, access_code=620_000, first_sn=1, cipher=SECRET, key=15_241
        )
        late, hidden, encoded = best_of(
            5,
            lambda version=version, backfill=backfill: decode_position_stream(backfill, version=version),  # type: ignore[misc]
            lambda version=version, secret=secret: decode_position_stream(secret, version=version, cipher=SECRET),  # type: ignore[misc]
            lambda version=version: encode_positions(  # type: ignore[misc]
                rows, plates, colors, version=version, access_code=620_000, first_sn=1
            ),
        )
        report.add(f"{version.value}, 0x1203 with up to five positions", len(rows) / late / 1e6, "million positions/s")
        report.add(f"{version.value}, encrypted", len(rows) / hidden / 1e6, "million positions/s")
        report.add(f"{version.value}, encoder", len(rows) / encoded / 1e6, "million positions/s")
    report.note("CPU time of one core; by turns with the plain decoder in the same run. Asked for: 50,000/s per link.")
    report.close("jt809")


if __name__ == "__main__":
    main()
