"""Write ``docs/real_tracks.md``: every alarm of the recorded trucks with its evidence, for a person to look through.

Run as ``python -m tests.real_tracks_review``. The tracks themselves have no licence to be passed on, so the table has
figures of alarms and no coordinates, and vehicles are numbered.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from monitor.app.replay import Replay, replay_batch
from monitor.model.alarm import Alarm
from monitor.model.beijing import iso
from monitor.model.evidence import Evidence, RunStretch
from monitor.model.resources import mapping_file
from monitor.sources.mapping_files import load_mapping
from monitor.sources.report_files import read_reports

DATA = Path(__file__).parents[1].parent / "shared" / "data" / "trucks_2018_1hz.csv.xz"
PAGE = Path(__file__).parents[1] / "docs" / "real_tracks.md"
NOW_MS = 1_760_000_000_000
"""A fixed moment of the run, so that the page depends on the tracks and the program only."""
HEAD = """# Real tracks

Every alarm of a recording of six trucks at one report a second (2018, 574,153 reports, settled, no registry, default
settings), with its evidence. Written by `python -m tests.real_tracks_review`. The recording has no licence to be
passed on: vehicles are numbered and coordinates left out. Units are those of the rule; `±` is the step to the
neighbouring report of the begin and of the end; `reports` are those kept around the begin, with what is wrong with
them. An alarm that still lasts at the end of the recording has no end.

| vehicle | rule | grade | begin | length | peak | limit | ± begin, end s | reports | remark |
|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Write the page, if the recording is there."""
    if not DATA.is_file():
        sys.exit("the recorded trucks are not on this machine")
    PAGE.write_text(HEAD + "\n".join(table_rows(replayed("trucks_2018_1hz"))) + "\n", encoding="utf-8")


def replayed(mapping: str) -> Replay:
    """The settled answer with evidence; ``trucks_2018_1hz_raw`` reads coordinates as they were printed."""
    file = mapping_file(mapping)
    assert file is not None
    batch = read_reports(DATA, load_mapping(file), now_ms=NOW_MS).batch
    return replay_batch(batch, now_ms=NOW_MS, evidence=True)


def table_rows(answer: Replay) -> Iterator[str]:
    """One line of Markdown per alarm."""
    pieces: dict[str, list[Evidence]] = {}
    for piece in answer.evidence:
        pieces.setdefault(piece.alarm_id, []).append(piece)
    numbers = {name: n for n, name in enumerate(sorted({alarm.vehicle_id for alarm in answer.alarms}), 1)}
    for alarm in sorted(answer.alarms, key=lambda one: (numbers[one.vehicle_id], one.onset_ms, one.rule, one.kind)):
        yield "| " + " | ".join(_cells(alarm, numbers[alarm.vehicle_id], pieces[alarm.alarm_id])) + " |"


def _cells(alarm: Alarm, number: int, pieces: list[Evidence]) -> tuple[str, ...]:
    begin = next((piece for piece in pieces if piece.around == "begin"), pieces[0])
    sure = [piece.uncertainty for piece in pieces if piece.uncertainty is not None]
    margins = (
        next((one.begin_s for one in sure if one.begin_s is not None), None),
        next((one.end_s for one in reversed(sure) if one.end_s is not None), None),
    )
    flaws = ", ".join(f"{name} {n}" for name, n in begin.quality.items())
    return (
        str(number),
        f"{alarm.rule} {alarm.kind}".strip(),
        alarm.grade.word + ("" if alarm.certainty.word == "certain" else f", {alarm.certainty.word}"),
        iso(alarm.onset_ms)[:19].replace("T", " "),
        "" if alarm.end_ms is None else _length(alarm.end_ms - alarm.onset_ms),
        _figure(alarm.peak),
        _figure(alarm.limit),
        ", ".join("–" if one is None else f"{one:g}" for one in margins),
        f"{len(begin.reports)}" + (f" ({flaws})" if flaws else ""),
        _remark(alarm, pieces),
    )


def _remark(alarm: Alarm, pieces: list[Evidence]) -> str:
    run = next((piece.run for piece in reversed(pieces) if piece.run), ())
    parts = [alarm.end_reason.word.replace("_", " ") if alarm.end_reason else "lasts"]
    if alarm.inhibited_by:
        parts.append("inhibited")
    if run:
        parts.append("run: " + ", ".join(_told(stretch) for stretch in run))
    return "; ".join(parts)


def _told(stretch: RunStretch) -> str:
    return f"{stretch.begin[11:16]} {stretch.kind} {stretch.minutes:g} min"


def _length(length_ms: int) -> str:
    minutes, rest = divmod(round(length_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


if __name__ == "__main__":
    main()
