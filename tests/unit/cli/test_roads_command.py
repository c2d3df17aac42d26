"""``monitor roads``: import, coverage and doubtful sections from the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from monitor.cli import run
from monitor.model.alarm import Transition
from monitor.model.beijing import parse_iso
from monitor.model.evidence import Clocks, Evidence, LimitFacts
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.road import parse_roads
from monitor.sources.report_writer import write_reports
from monitor.store.database import open_database
from monitor.store.evidence_store import insert_evidence
from monitor.store.schema import upgrade

KM = 1.0 / 111.195  # degrees of latitude
EXTRACT = f"""<osm version="0.6">
<node id="1" lon="99.5" lat="39.0"/><node id="2" lon="99.5" lat="{39 + 10 * KM}"/>
<node id="11" lon="99.5001" lat="{39 + 2 * KM}"><tag k="highway" v="milestone"/><tag k="ref" v="G30"/>
<tag k="distance" v="2512"/></node>
<node id="12" lon="99.5001" lat="{39 + 5 * KM}"><tag k="highway" v="milestone"/><tag k="ref" v="G30"/>
<tag k="distance" v="2515"/></node>
<way id="100"><nd ref="1"/><nd ref="2"/><tag k="highway" v="trunk"/>
<tag k="ref" v="G30"/><tag k="maxspeed" v="60"/></way>
<way id="101"><nd ref="1"/><nd ref="2"/><tag k="highway" v="footway"/></way>
<way id="102"><nd ref="1"/><nd ref="9"/><tag k="highway" v="primary"/><tag k="maxspeed" v="quick"/></way>
</osm>"""
REGISTRY = "vehicle_id,plate,plate_color,vehicle_class,enterprise_id\nV1,甘G00001,yellow,hazmat,E1\n"
PLACES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": "T1",
            "properties": {"name": "南华镇", "kind": "township"},
            "geometry": {"type": "Point", "coordinates": [99.5, 39.0 + 12 * KM]},
        }
    ],
}


@pytest.fixture
def roads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    source = tmp_path / "gaotai.osm"
    source.write_text(EXTRACT)
    out = tmp_path / "roads.geojson"
    refused = str(tmp_path / "refused.csv")
    assert run(["roads", "import", str(source), "--out", str(out), "--refused", refused, "--lang", "zh"]) == 0
    return out


@pytest.fixture
def track(tmp_path: Path) -> Path:
    """16 km northwards at 120 km/h, a report every 30 s: the last 6 km are off the road."""
    rows = empty_rows(17)
    rows["fix_ms"] = parse_iso("2026-03-02T10:00:00+08:00") + np.arange(17) * 30_000
    rows["lon_deg"], rows["lat_deg"] = 99.5, 39.0 + np.arange(17) * KM
    rows["speed_dkmh"], rows["heading_deg"] = 1_200, 0
    rows["flags"] = int(ReportFlag.POSITIONED)
    rows["key"] = 0
    path = tmp_path / "track.csv"
    write_reports(ReportBatch(("V1",), rows), path)
    return path


def test_an_import_writes_a_road_file_and_tells_what_it_left(
    roads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (section,) = parse_roads(roads.read_bytes(), "roads").sections
    assert (section.section_id, section.road_no, section.limit_kmh) == ("w100", "G30", 60)
    assert (section.km_from, section.km_to) == (2510.0, 2520.0)
    told = list(csv.reader((tmp_path / "refused.csv").read_text().splitlines()))
    assert told == [
        ["what", "line_id", "reason", "detail"],
        ["refused", "w102", "nodes_missing", ""],
        ["not_read", "w102", "maxspeed", "quick"],
    ]
    shown = capsys.readouterr()
    assert "1 个路段，10.0 公里，其中有限速 10.0 公里；有里程桩 1 个" in shown.out
    assert "不作路段: highway=footway 1" in shown.err
    assert "未采用: nodes_missing 1" in shown.err


def test_an_import_of_nothing_readable_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "roads.geojson")
    assert run(["roads", "import", str(tmp_path / "none.osm"), "--out", out]) == 1
    assert run(["roads", "import", str(tmp_path / "none.dwg"), "--out", out]) == 2
    assert run(["roads", "import", str(tmp_path / "none.osm"), "--out", out, "--class", "wide"]) == 2
    assert run(["roads", "import", str(tmp_path / "none.osm"), "--out", out, "--refused", "list.txt"]) == 2
    assert not Path(out).exists()


def test_coverage_says_how_much_is_known_and_where_it_is_not(
    roads: Path, track: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "registry.csv").write_text(REGISTRY)
    (tmp_path / "places.geojson").write_text(json.dumps(PLACES, ensure_ascii=False))
    options = ["--registry", str(tmp_path / "registry.csv"), "--places", str(tmp_path / "places.geojson")]
    capsys.readouterr()
    assert run(["roads", "coverage", str(roads), str(track), *options, "--lang", "en"]) == 0
    shown = capsys.readouterr().out
    for words in ("hazmat", "E1", "16.0", "10.5", "65.6 %", "南华镇南 1.0 公里", "南华镇北 4.0 公里"):
        assert words in shown


def test_coverage_of_a_track_that_cannot_be_read_fails(
    roads: Path, track: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["roads", "coverage", str(roads), str(tmp_path / "none.csv")]) == 1
    assert run(["roads", "coverage", str(roads), str(track), str(tmp_path / "none.csv")]) == 1
    assert run(["roads", "coverage", str(tmp_path / "none.geojson"), str(track)]) == 1


def test_doubtful_sections_come_from_verdicts_and_evidence(
    roads: Path, track: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alarms are a replay's own: the evidence of a speeding alarm names the section."""
    (tmp_path / "registry.csv").write_text(REGISTRY)
    (tmp_path / "config.toml").write_text(f'roads_file = "{roads}"\n')
    evidence, alarms = tmp_path / "evidence.jsonl", tmp_path / "alarms.jsonl"
    replay = [
        "replay",
        str(track),
        "--registry",
        str(tmp_path / "registry.csv"),
        "--config",
        str(tmp_path / "config.toml"),
    ]
    assert run([*replay, "--evidence", str(evidence), "--alarms", str(alarms)]) == 0
    (alarm,) = [found for line in alarms.read_text().splitlines() if (found := json.loads(line))["rule"] == "speeding"]
    assert alarm["limit_source"] == "section"
    assert alarm["start_place"] == "G30 K2510+000"
    verdicts = tmp_path / "verdicts.csv"
    verdicts.write_text(f"alarm_id,result\n{alarm['alarm_id']},误报\nunknown,4\nx,?\n")
    capsys.readouterr()
    command = ["roads", "doubtful", str(verdicts), "--evidence", str(evidence), "--roads", str(roads)]
    command += ["--lang", "zh"]
    assert run(command) == 0
    shown = capsys.readouterr()
    assert "没有可疑路段" in shown.out
    assert "无法识别的行：1（4）" in shown.err
    assert run([*command, "--least-alarms", "1"]) == 0
    shown = capsys.readouterr()
    assert "w100" in shown.out
    assert "100 %" in shown.out
    assert "处理结果 2 条，其中 1 条不在已知路段上或不是超速报警" in shown.out


def test_without_a_file_the_evidence_of_the_store_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    bare = Evidence("a1", 1, Transition.RAISED, Clocks("t", "t"), "general", "certain")
    on_road = msgspec.structs.replace(bare, limit=LimitFacts(value=60.0, section_id="w100"))
    database = open_database(url)
    with database.write() as connection:
        insert_evidence(connection, [on_road, msgspec.structs.replace(bare, alarm_id="a2")])
    database.close()
    verdicts = tmp_path / "verdicts.csv"
    verdicts.write_text("alarm_id,result\na1,4\na2,4\na3,4\n")
    command = ["roads", "doubtful", str(verdicts), "--url", url, "--least-alarms", "1", "--lang", "en"]
    assert run(command) == 0
    shown = capsys.readouterr().out
    assert "w100" in shown
    assert "3 verdicts, 2 of them on no known section" in shown
