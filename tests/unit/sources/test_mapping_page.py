"""The page on mappings: its example works, and it names everything a mapping can say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.model.beijing import parse_iso
from monitor.model.geo import distance_m
from monitor.model.resources import config_folder
from monitor.sources.bad_rows import RejectReason
from monitor.sources.mapping_files import TIME_FORMS, load_mapping
from monitor.sources.report_columns import UNITS, ReportColumn
from monitor.sources.report_files import read_reports

PAGE = (Path(__file__).parents[3] / "docs" / "mappings.md").read_text("utf-8")


def test_the_example_reads_as_the_page_says(tmp_path: Path) -> None:
    data, mapping = (block.partition("\n")[2] for block in re.findall(r"```(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "export.csv").write_text(data, "utf-8")
    (tmp_path / "export.toml").write_text(mapping, "utf-8")
    read = read_reports(tmp_path / "export.csv", load_mapping(tmp_path / "export.toml"), now_ms=2**60)
    first, second = read.batch.rows
    assert read.batch.keys == ("甘G12345",)
    assert first["fix_ms"] == parse_iso("2026-03-02T22:10:05+08:00")
    assert (first["speed_dkmh"], second["speed_dkmh"]) == (608, -1)
    assert second["mileage_m"] - first["mileage_m"] == 500
    assert 100 < distance_m(first["lon_deg"], first["lat_deg"], 99.8251, 39.3810) < 1000
    assert not read.rejects


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(list(ReportColumn), id="columns"),
        pytest.param(list(TIME_FORMS), id="forms"),
        pytest.param([unit for units in UNITS.values() for unit in units], id="units"),
        pytest.param(["separator", "encoding", "crs", "names", "description", "[columns]", "[keep]"], id="keys"),
        pytest.param(["column", "constant", "unit", "scale", "unknown", "form", "zone"], id="keys of a column"),
        pytest.param([r for r in RejectReason if r not in ("bad_word", "bad_boolean")], id="reasons"),
        pytest.param([path.stem for path in (config_folder() / "mappings").glob("*.toml")], id="shipped"),
    ],
)
def test_the_page_names_everything(words: list[str]) -> None:
    assert [word for word in words if f"`{word}`" not in PAGE and f"{word} " not in PAGE] == []
