"""Coordinates that were printed wrong: alarms of the raw tracks against those of the repaired ones."""

from __future__ import annotations

import pytest

from monitor.model.alarm import Alarm
from monitor.model.evidence import EVIDENCE_BYTES, encoded
from tests.real_tracks_review import DATA, replayed, table_rows

RULES = ("speeding", "track_gap", "offline_displacement")
NEVER_MS = 2**60

pytestmark = pytest.mark.skipif(not DATA.is_file(), reason="the recorded trucks are not on this machine")


def test_wrongly_printed_coordinates_make_no_speeding_gap_or_displacement() -> None:
    repaired = [alarm for alarm in replayed("trucks_2018_1hz").alarms if alarm.rule in RULES]
    raw = [alarm for alarm in replayed("trucks_2018_1hz_raw").alarms if alarm.rule in RULES]
    assert raw
    assert [alarm for alarm in raw if not any(is_the_same(alarm, other) for other in repaired)] == []


def is_the_same(a: Alarm, b: Alarm) -> bool:
    """Matched as at settlement: by subject, rule, kind and overlap in time."""
    if (a.vehicle_id, a.rule, a.kind) != (b.vehicle_id, b.rule, b.kind):
        return False
    return a.onset_ms < (b.end_ms or NEVER_MS) and b.onset_ms < (a.end_ms or NEVER_MS)


def test_every_alarm_of_the_recording_has_its_evidence_and_its_row() -> None:
    answer = replayed("trucks_2018_1hz")
    rows = list(table_rows(answer))
    assert len(rows) == len(answer.alarms) > 50
    assert {piece.alarm_id for piece in answer.evidence} == {alarm.alarm_id for alarm in answer.alarms}
    assert all(len(encoded(piece)) < EVIDENCE_BYTES for piece in answer.evidence)
    shown = [piece for piece in answer.evidence if piece.around]
    assert all(piece.reports and piece.rule is not None for piece in shown)
