"""Evidence of alarms as the live pipeline and a replay take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from monitor.app import snapshot_state
from monitor.app.live_pipeline import LivePipeline, config_payload
from monitor.app.pipeline import registry_payload
from monitor.app.replay import replay_batch
from monitor.engine.parameters import RuleLayers
from monitor.engine.rule import Rule
from monitor.model.alarm import Transition
from monitor.model.beijing import iso
from monitor.model.evidence import EVIDENCE_BYTES, Around, Evidence, bounded, decoded, encoded
from monitor.model.flaw import Flaw
from monitor.model.fleet import VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.rules import load_rules
from monitor.store.snapshot import read_latest
from tests.traces import START_MS, batch_of, registry_of

REGISTRY = registry_of([VehicleClass.HEAVY_TRUCK])


@cache
def rules() -> tuple[Rule, ...]:
    """The two that these tests are about; all of them take long to compile."""
    return tuple(rule for rule in load_rules() if rule.name in ("speeding", "fatigue"))


def speeding() -> ReportBatch:
    """A report every 10 s: ten minutes at 60 km/h, two at 130, ten at 60."""
    speeds = [60.0] * 60 + [130.0] * 12 + [60.0] * 60
    east = np.concatenate([[0.0], np.cumsum(np.array(speeds[1:]) / 3.6 * 10)])
    fix_s = [10.0 * n for n in range(len(speeds))]
    return batch_of(fix_s, east_m=east.tolist(), speed_kmh=speeds, recv_s=[s + 2 for s in fix_s])


def tired() -> ReportBatch:
    """Half an hour standing, two hours driving, five minutes standing, two and a half hours driving, half an hour."""
    minutes = [0] * 30 + [70] * 120 + [0] * 5 + [70] * 150 + [0] * 30
    speeds = np.repeat(np.array(minutes, np.float64), 2)
    east = np.concatenate([[0.0], np.cumsum(speeds[:-1] / 3.6 * 30)])
    return batch_of([30.0 * n for n in range(len(speeds))], east_m=east.tolist(), speed_kmh=speeds.tolist())


def live(layers: RuleLayers | None = None) -> LivePipeline:
    pipeline = LivePipeline(rules(), RuleLayers())
    pipeline.take(JournalRecord(1, RecordType.REGISTRY, 0, payload=registry_payload(REGISTRY)))
    if layers is not None:
        pipeline.take(JournalRecord(2, RecordType.CONFIG, 0, payload=config_payload(layers)))
    return pipeline


def taken(pipeline: LivePipeline, batch: ReportBatch, cuts: Sequence[int] = ()) -> list[Evidence]:
    found: list[Evidence] = []
    edges = [0, *cuts, len(batch)]
    for n, (a, b) in enumerate(pairwise(edges)):
        part = replace(batch, rows=batch.rows[a:b])
        found += pipeline.take(JournalRecord(3 + n, RecordType.REPORTS, 0, part)).evidence
    return found


def test_a_speeding_alarm_shows_its_reports_its_limit_and_its_rule() -> None:
    layers = RuleLayers(vehicle_class={"heavy_truck": {"speeding": {"enterprise_limit_kmh": 90.0}}})
    raised, *_, cleared = taken(live(layers), speeding())
    assert (raised.transition, raised.around) == (Transition.RAISED, Around.BEGIN)
    assert (cleared.transition, cleared.around) == (Transition.CLEARED, Around.END)
    assert raised.clocks.onset == iso(START_MS + 600_000)
    assert raised.clocks.onset_received == iso(START_MS + 602_000)
    assert raised.rule is not None
    assert raised.rule.changed == ("enterprise_limit_kmh",)
    assert raised.rule.settings["enterprise_limit_kmh"] == 90.0
    assert raised.limit is not None
    assert (raised.limit.value, raised.limit.unit, raised.limit.source) == (90.0, "km/h", "enterprise")
    assert {one.speed_kmh for one in raised.reports} == {60.0, 130.0}
    assert raised.reports[0].delay_s == 2.0
    assert cleared.clocks.end == iso(START_MS + 710_000)
    assert iso(START_MS + 710_000) in {one.fix for one in cleared.reports if one.speed_kmh == 130.0}
    assert cleared.reports[-1].speed_kmh == 60.0


def test_the_uncertainty_is_the_step_to_the_neighbouring_report() -> None:
    raised, *_, cleared = taken(live(), speeding())
    assert raised.uncertainty is not None
    assert cleared.uncertainty is not None
    assert (raised.uncertainty.interval_s, raised.uncertainty.begin_s, raised.uncertainty.end_s) == (10.0, 10.0, None)
    assert (cleared.uncertainty.begin_s, cleared.uncertainty.end_s) == (None, 10.0)


def test_evidence_does_not_depend_on_how_reports_were_cut_into_batches() -> None:
    batch = speeding()
    whole = taken(live(), batch)
    assert taken(live(), batch, [61, 64, 65, 90]) == whole
    assert taken(live(), batch, range(1, len(batch))) == whole


@pytest.mark.parametrize("at", [50, 63, 71, 73], ids=["before", "unconfirmed", "while it lasts", "after"])
def test_a_restored_pipeline_takes_the_same_evidence(at: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    batch = speeding()
    whole = taken(live(), batch)
    pipeline = live()
    found = taken(pipeline, replace(batch, rows=batch.rows[:at]))
    folder = tmp_path_factory.mktemp("snapshots")
    snapshot_state.write(folder, snapshot_state.save(pipeline, 9))
    snapshot = read_latest(folder, not_after=9)
    assert snapshot is not None
    other = LivePipeline(rules(), snapshot_state.layers_of(snapshot))
    snapshot_state.restore(other, snapshot)
    assert found + taken(other, replace(batch, rows=batch.rows[at:])) == whole


def test_flaws_of_the_reports_are_counted() -> None:
    batch = speeding()
    batch.rows["flaws"][59] = int(Flaw.ALTITUDE)
    batch.rows["recv_ms"][56:59] += 400_000
    order = np.argsort(batch.rows["recv_ms"], kind="stable")
    raised, *_ = taken(live(), replace(batch, rows=batch.rows[order]))
    assert raised.quality["altitude"] == 1
    *_, cleared = taken(live(), batch_with_a_displaced_report())
    assert cleared.quality == {"drift": 1}


def batch_with_a_displaced_report() -> ReportBatch:
    batch = speeding()
    batch.rows["lat_deg"][66] += 1.0
    return batch


def test_a_driving_alarm_carries_its_run_from_the_rest_before_it() -> None:
    raised, *_, cleared = taken(live(), tired())
    assert [(one.kind, one.minutes) for one in raised.run][:3] == [("stop", 30.0), ("drive", 120.0), ("stop", 5.0)]
    assert raised.run[-1].kind == "drive"
    assert raised.run[-1].open
    assert not raised.run_cut
    assert [one.kind for one in cleared.run] == ["stop", "drive", "stop", "drive"]
    assert not cleared.run[-1].open
    assert cleared.run[-1].end == cleared.clocks.end


def test_many_short_stops_are_folded_into_the_drives() -> None:
    minutes = [0] * 30 + ([70] * 9 + [0]) * 40
    speeds = np.repeat(np.array(minutes, np.float64), 2)
    east = np.concatenate([[0.0], np.cumsum(speeds[:-1] / 3.6 * 30)])
    batch = batch_of([30.0 * n for n in range(len(speeds))], east_m=east.tolist(), speed_kmh=speeds.tolist())
    raised = taken(live(), batch)[0]
    assert [one.kind for one in raised.run] == ["stop", "drive"]
    assert raised.run[1].short_stops > 20


def test_an_update_says_only_what_changed() -> None:
    found = taken(live(), tired())
    updates = [one for one in found if one.transition is Transition.UPDATED]
    assert updates
    assert all(not one.reports and one.rule is None for one in updates)
    assert [one.grade for one in updates][-1] == "major"


def test_settled_evidence_lies_on_both_sides() -> None:
    answer = replay_batch(speeding(), REGISTRY, now_ms=START_MS + 86_400_000, evidence=True)
    raised = next(one for one in answer.evidence if one.rule is not None and one.rule.name == "speeding")
    fixes = [one.fix for one in raised.reports]
    assert fixes[11:13] == [iso(START_MS + 590_000), iso(START_MS + 600_000)]
    assert len(fixes) == 24


def test_a_replay_takes_evidence_only_where_it_is_asked_for() -> None:
    for as_received in (False, True):
        answer = replay_batch(speeding(), REGISTRY, now_ms=START_MS + 86_400_000, as_received=as_received)
        assert answer.alarms
        assert answer.evidence == ()


def test_equal_settings_of_one_rule_have_one_version_and_others_another() -> None:
    first, again = taken(live(), speeding())[0].rule, taken(live(), speeding())[0].rule
    other = taken(live(RuleLayers(rules={"speeding": {"enterprise_limit_kmh": 90.0}})), speeding())[0].rule
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.version == again.version != other.version


def test_a_piece_comes_back_from_its_json_as_it_was() -> None:
    for piece in taken(live(), tired()):
        assert decoded(encoded(piece)) == piece


def test_a_piece_is_bounded_whatever_its_settings_say() -> None:
    raised = taken(live(), tired())[0]
    assert raised.rule is not None
    long = {f"area_{n}": "x" * 500 for n in range(100)}
    rule = msgspec.structs.replace(raised.rule, settings=long, changed=tuple(long))
    huge = msgspec.structs.replace(raised, rule=rule, run=raised.run * 40, reports=raised.reports * 4)
    small = bounded(huge)
    assert len(encoded(small)) < EVIDENCE_BYTES
    assert small.alarm_id == raised.alarm_id
    assert all(len(encoded(piece)) < EVIDENCE_BYTES for piece in taken(live(), tired()))
