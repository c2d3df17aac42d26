"""What the engine says of a golden trace, as text lines a person can read and a diff can show."""

from __future__ import annotations

from monitor.alarms.book import AlarmBook
from monitor.app.map_layers import ground_of
from monitor.app.pipeline import Pipeline
from monitor.app.replay import Replay, in_received_order, last_states, replay_batch
from monitor.app.settled import settle
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable
from monitor.model.alarm import Alarm, PreWarning
from monitor.model.beijing import iso
from monitor.model.device_record import DeviceRecord
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import MapSet
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from tests.golden.trace import Trace

ANSWERS = ("settled", "received")


def lines_of(trace: Trace, answer: str) -> tuple[str, ...]:
    """Alarms, pre-warnings and count of the trace by one of ``ANSWERS``."""
    if trace.fences is not None and trace.roads is None and trace.permits is None:
        return _lines_with_fences(trace, answer)
    clock_ms = max([int(trace.batch.rows["fix_ms"].max()), int(trace.batch.rows["recv_ms"].max())])
    replay = replay_batch(
        trace.batch,
        trace.registry,
        until_ms=trace.until_ms,
        as_received=answer == "received",
        now_ms=max(clock_ms, trace.until_ms or 0),
        layers=trace.layers,
        maps=MapSet(fences=trace.fences, roads=trace.roads, permits=trace.permits),
    )
    return episode_lines(replay, trace.shows)


def episode_lines(replay: Replay, shows: tuple[str, ...]) -> tuple[str, ...]:
    """One line per pre-warning and alarm of the rules shown; ``none`` where there is neither."""
    lines = [_warning(item) for item in replay.prewarnings if item.rule in shows]
    lines += [_alarm(item) for item in replay.alarms if item.rule in shows]
    return tuple(lines) or ("none",)


def _lines_with_fences(trace: Trace, answer: str) -> tuple[str, ...]:
    """Records and alarms of a trace with fences, which are put in force before the first report."""
    rules = load_rules()
    received = answer == "received"
    judge(trace.batch.rows, None)
    engine = Engine(rules, ParameterTable(rules, trace.layers), settled=not received)
    engine.apply_registry(trace.registry)
    assert trace.fences is not None
    if received:
        pipeline = Pipeline(engine)
        steps = [
            pipeline.take(JournalRecord(1, RecordType.FENCES, 0, payload=trace.fences.payload)),
            pipeline.take(JournalRecord(2, RecordType.REPORTS, 0, in_received_order(trace.batch))),
            pipeline.take(JournalRecord(3, RecordType.TICK, max(engine.clock_ms, trace.until_ms or 0))),
        ]
        records = [record for step in steps for record in step.records]
        alarms = last_states(tuple(change for step in steps for change in step.changes))
    else:
        maps = MapSet(fences=trace.fences)
        engine.apply_maps(maps, ground_of(maps))
        found = AlarmBook(rules, engine.fleet, provisional=False).apply(
            settle(engine, trace.batch, until_ms=trace.until_ms).edges
        )
        records, alarms = list(found.records), last_states(found.changes)
    lines = [_record(item) for item in records if item.rule in trace.shows]
    lines += [_alarm(item) for item in alarms if item.rule in trace.shows]
    return tuple(lines) or ("none",)


def _record(item: DeviceRecord) -> str:
    return f"record {item.rule}/{item.kind} {_time(item.at_ms)} fence={item.fence_id}"


def _time(at_ms: int) -> str:
    return iso(at_ms)[5:].replace("T", " ").replace("+08:00", "")


def _warning(item: PreWarning) -> str:
    return f"prewarning {item.rule}/{item.kind} {_time(item.at_ms)} value={item.value:g}"


def _alarm(item: Alarm) -> str:
    end = "lasts" if item.end_ms is None else f"to {_time(item.end_ms)} {item.end_reason.word}"
    name = f"{item.rule}/{item.kind}" if item.kind else item.rule
    words = [name, item.grade.word, item.certainty.word, _time(item.onset_ms), end]
    if item.peak is not None:
        words.append(f"peak={item.peak:.6g}")
    if item.limit is not None:
        words.append(f"limit={item.limit:g}")
    if item.limit_source:
        words.append(f"source={item.limit_source.word}")
    if item.rule == "speeding":
        words.append(f"mean={item.mean:.4g}")
    words.append(f"n={item.n_reports}")
    for flag in ("suspected_serious", "night_only", "late"):
        if getattr(item, flag):
            words.append(flag)
    if item.driver_id:
        words.append(f"driver={item.driver_id}")
    if item.state.value in ("withdrawn", "merged"):
        words.append(item.state.value)
    if item.inhibited_by and item.state.value != "merged":
        words.append(f"inhibited={item.inhibited_by}" if ":" in item.inhibited_by else "inhibited")
    return " ".join(words)
