"""The bytes of reports in the evidence of alarms: those nearest to the moment, bounded, and the very ones received."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.app.evidence_frames import Asked, FrameFinder
from monitor.app.evidence_settings import EvidenceSettings
from monitor.app.live_pipeline import LivePipeline
from monitor.app.pipeline import registry_payload
from monitor.codec.jt808 import Version
from monitor.codec.jt808.described import describe
from monitor.codec.jt808.encode import encode_location
from monitor.engine.fleet_state import FleetState
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.model.alarm import Transition
from monitor.model.beijing import parse_iso
from monitor.model.evidence import Evidence, FrameForm
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, plate_key
from monitor.store.frame_block import KeptFrame, ReceivedFrames
from monitor.store.frame_ring import FrameRing
from tests.traces import START_MS
from tests.unit.app.test_evidence import rules, speeding

PHONE = "13900000001"
KEY = f"terminal:{PHONE}"
REGISTRY = Registry(
    (Vehicle("V0", "甘G00000", PlateColor.YELLOW, VehicleClass.HEAVY_TRUCK, "E1", terminal_phone=PHONE),)
)


def sent(batch: ReportBatch) -> list[bytes]:
    """A frame for each report."""
    return [
        encode_location(batch.rows[n : n + 1], PHONE, Version.V2013, n) if len(batch) else b""
        for n in range(len(batch))
    ]


def alarmed(ring: FrameRing, settings: EvidenceSettings, kept_from: int = 0) -> tuple[list[Evidence], list[bytes]]:
    """Evidence of a speeding run in batches of 20, kept from a report on; and the frames sent."""
    pipeline = LivePipeline(rules(), RuleLayers())
    pipeline.take(JournalRecord(1, RecordType.REGISTRY, 0, payload=registry_payload(REGISTRY)))
    pipeline.pipeline.evidence.frames = FrameFinder(ring, pipeline.engine.fleet, settings)
    batch = replace(speeding(), keys=(KEY,))
    frames = sent(batch)
    found: list[Evidence] = []
    for begin in range(0, len(batch), 20):
        part = replace(batch, rows=batch.rows[begin : begin + 20])
        if begin >= kept_from:
            ring.append(received(part, frames[begin : begin + 20]))
        found += pipeline.take(JournalRecord(3 + begin, RecordType.REPORTS, 0, part)).evidence
    return found, frames


def received(part: ReportBatch, frames: Sequence[bytes]) -> ReceivedFrames:
    rows, sizes = part.rows, np.array([len(frame) for frame in frames], np.int64)
    end = np.cumsum(sizes)
    return ReceivedFrames(
        "terminals",
        FrameForm.JT808,
        part.keys,
        rows["key"],
        rows["fix_ms"],
        rows["recv_ms"],
        b"".join(frames),
        end - sizes,
        end,
    )


def test_an_alarm_has_the_frames_around_its_begin_and_its_end(tmp_path: Path) -> None:
    found, frames = alarmed(FrameRing(tmp_path, 1 << 20), EvidenceSettings())
    raised, cleared = found[0], found[-1]
    for piece, at_ms in ((raised, START_MS + 600_000), (cleared, START_MS + 710_000)):
        assert len(piece.frames) == 6
        assert piece.frames_gone == 0
        assert parse_iso(min(piece.frames, key=lambda one: abs(parse_iso(one.fix) - at_ms)).fix) == at_ms
        for frame in piece.frames:
            number = (parse_iso(frame.fix) - START_MS) // 10_000
            assert bytes.fromhex(frame.hex) == frames[number]
            assert parse_iso(frame.received) == START_MS + 10_000 * number + 2_000
            assert (frame.source, frame.form, frame.size) == ("terminals", "jt808", len(frames[number]))
    assert [piece.frames for piece in found[1:-1]] == [()] * (len(found) - 2)


def test_what_is_shown_decodes_to_the_report_shown(tmp_path: Path) -> None:
    raised = alarmed(FrameRing(tmp_path, 1 << 20), EvidenceSettings())[0][0]
    shown = {one.fix: one for one in raised.reports}
    for frame in raised.frames:
        (decoded,) = describe(frame.hex.encode())
        assert decoded.error is None
        (report,) = decoded.reports
        assert report.fix_time is not None
        assert parse_iso(report.fix_time) == parse_iso(frame.fix)
        assert report.speed_kmh == shown[frame.fix].speed_kmh


def test_frames_are_bounded_in_number_and_bytes(tmp_path: Path) -> None:
    found, frames = alarmed(FrameRing(tmp_path / "a", 1 << 20), EvidenceSettings(raw_frames=2))
    assert [len(piece.frames) for piece in found if piece.reports] == [2, 2]
    size = len(frames[60])
    found, frames = alarmed(FrameRing(tmp_path / "b", 1 << 20), EvidenceSettings(raw_bytes=3 * size + 5))
    assert 2 <= len(found[0].frames) <= 3
    (cut,) = alarmed(FrameRing(tmp_path / "c", 1 << 20), EvidenceSettings(raw_frames=1, raw_bytes=64))[0][0].frames
    assert not cut.truncated
    assert alarmed(FrameRing(tmp_path / "d", 1 << 20), EvidenceSettings(raw_frames=0))[0][0].frames == ()


def test_a_long_frame_is_cut_and_says_so(tmp_path: Path) -> None:
    class Long:
        def find(self, keys: frozenset[str], fix_ms: int, from_ms: int, to_ms: int, /) -> tuple[KeptFrame, ...]:
            return (KeptFrame("s", FrameForm.JT808, from_ms, b"\x7e" * 5_000),)

    fleet = LivePipeline(rules(), RuleLayers()).engine.fleet
    fleet.rows_of(("V",))
    ((frame,), gone), _ = FrameFinder(Long(), fleet, EvidenceSettings()).of(
        [Asked(0, [(1, 1, "a"), (2, 2, "b")]), Asked(0, [(1, 1, "a")])]
    )
    assert (frame.size, len(frame.hex), frame.truncated, gone) == (5_000, 2 * 4_096, True, 0)


def test_frames_that_are_not_kept_any_more_are_counted(tmp_path: Path) -> None:
    found, _ = alarmed(FrameRing(tmp_path, 1 << 20), EvidenceSettings(), kept_from=60)
    raised = found[0]
    assert raised.transition is Transition.RAISED
    fixes = [(parse_iso(frame.fix) - START_MS) // 10_000 for frame in raised.frames]
    assert fixes == list(range(60, 60 + len(fixes)))
    assert raised.frames_gone >= 5


def test_without_a_ring_nothing_is_said(tmp_path: Path) -> None:
    pipeline = LivePipeline(rules(), RuleLayers())
    found = pipeline.take(JournalRecord(1, RecordType.REPORTS, 0, speeding())).evidence
    assert {(piece.frames, piece.frames_gone) for piece in found} == {((), 0)}


@pytest.fixture
def fleet() -> FleetState:
    return FleetState(rules(), ParameterTable(rules(), RuleLayers()))


class Kept:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.keys: frozenset[str] = frozenset()
        self.until_ms = 0

    def find(self, keys: frozenset[str], fix_ms: int, from_ms: int, to_ms: int, /) -> tuple[KeptFrame, ...]:
        self.keys, self.until_ms = keys, to_ms
        return (KeptFrame("broker", FrameForm.JSON, from_ms, self.data),)


def test_a_vehicle_reports_under_its_terminal_and_its_plate_in_every_colour_that_means_it(fleet: FleetState) -> None:
    fleet.apply_registry(REGISTRY)
    kept = Kept(b"{}")
    FrameFinder(kept, fleet, EvidenceSettings()).of([Asked(0, [(START_MS, START_MS, "a")])])
    assert {"V0", KEY, plate_key("yellow", "甘G00000"), plate_key("blue", "甘G00000")} <= kept.keys
    assert kept.until_ms == START_MS


def test_of_an_array_of_json_the_report_itself_is_shown(fleet: FleetState) -> None:
    reports = [
        {"vehicle_id": key, "fix_time": START_MS + 1_000 * second, "lon": 100.0, "lat": 39.0, "speed": 60.5}
        for key in ("V1", "V2")
        for second in range(3)
    ]
    fleet.rows_of(("V1", "V2"))
    kept = Kept(json.dumps(reports).encode())
    asked = Asked(1, [(START_MS + 1_000, START_MS + 1_500, "a")])
    (((frame,), _),) = FrameFinder(kept, fleet, EvidenceSettings()).of([asked])
    assert json.loads(frame.text) == reports[4]
    assert (frame.hex, frame.form, frame.truncated) == ("", "json", False)


def test_a_receipt_known_to_the_second_only_is_looked_for_within_it(fleet: FleetState) -> None:
    fleet.rows_of(("V1",))
    kept = Kept(b"{}")
    FrameFinder(kept, fleet, EvidenceSettings()).of([Asked(0, [(0, START_MS, "a")])])
    assert kept.until_ms == START_MS + 999
