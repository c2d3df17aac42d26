"""``monitor replay``: files in, alarms, indicators and the key-supervision list out; what is bad is told."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from monitor.app.pipeline import registry_payload
from monitor.cli import run
from monitor.model.alarm import ALARM_COLUMNS
from monitor.model.beijing import parse_iso
from monitor.model.flaw import ReportFlag
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.indicator import INDICATOR_COLUMNS
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.supervision import SUPERVISION_COLUMNS
from monitor.sources.report_writer import write_reports
from monitor.store.journal import Journal

REGISTRY = "vehicle_id,plate,plate_color,vehicle_class,enterprise_id\nV1,甘G00001,yellow,heavy_truck,E1\n"


def speeding(*, received: bool = False) -> ReportBatch:
    """Two minutes at 130 km/h, a report every 10 s, then slow."""
    n = 16
    rows = empty_rows(n)
    rows["fix_ms"] = parse_iso("2026-03-02T10:00:00+08:00") + np.arange(n) * 10_000
    rows["speed_dkmh"] = np.where(np.arange(n) < 13, 1300, 600)
    rows["lon_deg"] = 100.0
    rows["lat_deg"] = 39.0 + np.cumsum(rows["speed_dkmh"]) / 36.0 * 10 / 111_195
    rows["flags"] = int(ReportFlag.POSITIONED)
    rows["key"] = 0
    if received:
        rows["recv_ms"] = rows["fix_ms"] + 2_000
    return ReportBatch(("V1",), rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_reports(speeding(), tmp_path / "tracks.csv")
    (tmp_path / "registry.csv").write_text(REGISTRY, encoding="utf-8")
    return tmp_path


def replay(folder: Path, *arguments: str) -> int:
    return run(["replay", *(str(folder / word) if "." in word and "-" not in word else word for word in arguments)])


def test_the_alarm_record_has_its_columns_in_every_form(folder: Path) -> None:
    for ending in ("jsonl", "csv", "parquet"):
        assert replay(folder, "tracks.csv", "--registry", "registry.csv", "--alarms", f"alarms.{ending}") == 0
    (line,) = (folder / "alarms.jsonl").read_text("utf-8").splitlines()
    record = json.loads(line)
    assert tuple(record) == ALARM_COLUMNS
    assert (record["rule"], record["grade"], record["plate"], record["enterprise_id"]) == (
        "speeding",
        "major",
        "甘G00001",
        "E1",
    )
    assert (record["onset"], record["end"], record["state"]) == (
        "2026-03-02T10:00:00+08:00",
        "2026-03-02T10:02:00+08:00",
        "cleared",
    )
    with (folder / "alarms.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (tuple(row), row["peak"], row["kind"], row["night_only"]) == (ALARM_COLUMNS, "130.0", "", "false")
    table = pq.read_table(folder / "alarms.parquet")
    assert tuple(table.column_names) == ALARM_COLUMNS
    assert table.to_pylist()[0]["limit"] == 100.0


def test_indicators_and_the_list_come_with_their_columns(folder: Path) -> None:
    outputs = ("--indicators", "indicators.csv", "--supervision", "list.jsonl")
    assert replay(folder, "tracks.csv", "--registry", "registry.csv", *outputs, "--lang", "zh") == 0
    with (folder / "indicators.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == INDICATOR_COLUMNS
    day = next(row for row in rows if (row["scope"], row["period"]) == ("enterprise", "day"))
    assert (day["key"], day["reports_total"], day["speeding_n"]) == ("E1", "16", "1")
    (entry,) = [json.loads(line) for line in (folder / "list.jsonl").read_text("utf-8").splitlines()]
    assert tuple(entry) == SUPERVISION_COLUMNS
    assert (entry["object_type"], entry["object_id"], len(entry["alarm_ids"])) == ("vehicle", "V1", 1)


def test_time_passes_only_as_far_as_it_is_told(folder: Path) -> None:
    assert replay(folder, "tracks.csv", "--alarms", "a.jsonl") == 0
    assert "offline" not in (folder / "a.jsonl").read_text("utf-8")
    assert replay(folder, "tracks.csv", "--alarms", "b.jsonl", "--until", "2026-03-06T00:00:00+08:00") == 0
    offline = [json.loads(line) for line in (folder / "b.jsonl").read_text("utf-8").splitlines()]
    assert [(row["rule"], row["grade"]) for row in offline if row["rule"] == "offline"] == [("offline", "general")]


def test_a_journal_replays_with_its_own_registry(folder: Path) -> None:
    registry = Registry((Vehicle("V1", plate="甘G00009", vehicle_class=VehicleClass.HAZMAT),), 1)
    batch = speeding(received=True)
    with Journal(folder / "journal") as journal:
        journal.append([JournalRecord(0, RecordType.REGISTRY, 0, payload=registry_payload(registry))])
        journal.append([JournalRecord(0, RecordType.REPORTS, int(batch.rows["recv_ms"].max()), batch)])
    assert run(["replay", str(folder / "journal"), "--alarms", str(folder / "j.jsonl")]) == 0
    (record,) = [json.loads(line) for line in (folder / "j.jsonl").read_text("utf-8").splitlines()]
    assert (record["plate"], record["limit"], record["provisional"]) == ("甘G00009", 80.0, True)


def test_what_is_bad_is_told_and_stops_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (folder / "tracks.csv").read_text("utf-8")
    (folder / "tracks.csv").write_text(text + "V1,nonsense,100,39\n", encoding="utf-8")
    (folder / "registry.csv").write_text(REGISTRY + "V2,甘G00002,yellow,spaceship,E1\n", encoding="utf-8")
    (folder / "empty.csv").write_text("", encoding="utf-8")
    code = replay(
        folder, "empty.csv", "tracks.csv", "--registry", "registry.csv", "--alarms", "a.jsonl", "--lang", "en"
    )
    told = capsys.readouterr().err
    assert code == 1
    assert "empty.csv: the file is empty" in told
    assert "spaceship" in told
    assert len((folder / "a.jsonl").read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        pytest.param(["replay"], "files", id="no file"),
        pytest.param(["replay", "x.csv", "--until", "yesterday"], "yesterday", id="no time"),
        pytest.param(["replay", "x.csv", "--alarms", "x.xls"], ".xls", id="no such form"),
        pytest.param(["replay", "x.csv", "--bogus"], "bogus", id="no such option"),
    ],
)
def test_bad_usage_is_exit_2_and_a_sentence(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert word in capsys.readouterr().err


def test_a_typo_in_the_configuration_names_its_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.toml").write_text("[rules.speeding]\nhold = 3\n", encoding="utf-8")
    assert replay(folder, "tracks.csv", "--config", "c.toml") == 2
    assert "rules.speeding.hold" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(folder / "tracks.csv"), "--alarms", str(folder / "nowhere" / "a.jsonl")]) == 1
    assert "cannot be written" in capsys.readouterr().err
