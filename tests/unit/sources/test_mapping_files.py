"""Mapping files: what they can say, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.errors import MappingError
from monitor.model.beijing import parse_iso
from monitor.model.geo import distance_m, wgs84_to_gcj02
from monitor.model.resources import config_folder, mapping_file
from monitor.sources.mapping_files import load_mapping, shipped_mapping
from monitor.sources.report_files import FileRead, read_reports

NOW_MS = parse_iso("2026-06-01T00:00:00+08:00")
COLUMNS = """
[columns]
vehicle_id = "车牌"
fix_time = { column = "时间", zone = "+08:00" }
lon = "经度"
lat = "纬度"
"""
HEAD = "车牌;时间;经度;纬度;速度;里程\n"
ROW = "甘G1;2026-03-02 22:10:05;100.5;38.9;10;1234\n"


def read_mapped(tmp_path: Path, mapping: str, text: str) -> FileRead:
    (tmp_path / "mapping.toml").write_text(mapping, "utf-8")
    (tmp_path / "track.csv").write_text(text, "utf-8")
    return read_reports(tmp_path / "track.csv", load_mapping(tmp_path / "mapping.toml"), now_ms=NOW_MS)


def refusal(tmp_path: Path, mapping: str) -> MappingError:
    path = tmp_path / "mapping.toml"
    path.write_text(mapping, "utf-8")
    with pytest.raises(MappingError) as caught:
        load_mapping(path)
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    return caught.value


def test_every_shipped_mapping_is_valid_and_found_by_the_name_of_its_data() -> None:
    paths = sorted((config_folder() / "mappings").glob("*.toml"))
    assert {"trucks_2018_1hz", "cars_2016_60s", "trucks_2018_latency", "tracks_2008_no_speed"} <= {
        p.stem for p in paths
    }
    for path in paths:
        load_mapping(path)
        mapping = shipped_mapping(Path("anywhere") / f"{path.stem}.csv.xz")
        assert mapping is not None
        assert mapping.path == str(path)


@pytest.mark.parametrize("name", ["", "unheard_of", "../mappings/cars_2016_60s", ".."])
def test_a_name_without_a_mapping_has_none(name: str) -> None:
    assert mapping_file(name) is None


@pytest.mark.parametrize(
    ("source", "cell", "field", "value"),
    [
        ('speed_kmh = "速度"', "60", "speed_dkmh", 600),
        ('speed_kmh = { column = "速度", unit = "m/s" }', "12.35", "speed_dkmh", 445),
        ('speed_kmh = { column = "速度", unit = "0.1km/h" }', "605", "speed_dkmh", 605),
        ('speed_kmh = { column = "速度", unit = "knots" }', "50", "speed_dkmh", 926),
        ('speed_kmh = { column = "速度", unit = "mph" }', "50", "speed_dkmh", 805),
        ('speed_kmh = { column = "速度", scale = 0.5 }', "61", "speed_dkmh", 305),
        ('speed_kmh = { column = "速度", unknown = [255, "--"] }', "255", "speed_dkmh", -1),
        ('speed_kmh = { column = "速度", unknown = [255, "--"] }', "--", "speed_dkmh", -1),
        ('speed_kmh = { column = "速度", unknown = ["255"] }', "255.0", "speed_dkmh", -1),
        ('speed_kmh = { column = "速度", unknown = [] }', "-1", "speed_dkmh", -10),
        ('mileage_km = { column = "速度", unit = "0.1km" }', "12345", "mileage_m", 1_234_500),
        ('mileage_km = { column = "速度", unit = "m" }', "12345", "mileage_m", 12_345),
        ('altitude_m = { column = "速度", unit = "ft" }', "1000", "altitude_m", 305),
        ('status = "速度"', "0x3", "status", 3),
    ],
)
def test_units_scales_and_sentinels(tmp_path: Path, source: str, cell: str, field: str, value: int) -> None:
    read = read_mapped(tmp_path, COLUMNS + source, HEAD + ROW.replace(";10;", f";{cell};"))
    assert read.batch.rows[field].tolist() == [value]
    assert not read.bad_values
    assert read.mapping == str(tmp_path / "mapping.toml")


def test_whole_microdegrees_come_out_without_a_rounding_error(tmp_path: Path) -> None:
    mapping = COLUMNS.replace('lon = "经度"', 'lon = { column = "经度", unit = "1e-6deg" }')
    read = read_mapped(tmp_path, mapping, HEAD + ROW.replace("100.5", "116391305"))
    assert read.batch.rows["lon_deg"].tolist() == [116.391305]


@pytest.mark.parametrize(
    ("cell", "source"),
    [
        ("2026-03-02 22:10:05", '{ column = "时间", zone = "+08:00" }'),
        ("2026-03-02 14:10:05", '{ column = "时间", zone = "UTC" }'),
        ("2026-03-02 22:10:05", '{ column = "时间", zone = "Asia/Shanghai" }'),
        ("2026/3/2 22:10:05", '{ column = "时间", zone = "+0800" }'),
        ("2026-03-02 14:10:05+00", '{ column = "时间", zone = "+08:00" }'),
        ("20260302221005", '{ column = "时间", form = "%Y%m%d%H%M%S", zone = "+8" }'),
        ("02.03.2026 22:10:05.000", '{ column = "时间", form = "%d.%m.%Y %H:%M:%S.%f", zone = "+8" }'),
        ("02/03/26 22:10:05 +0800", '{ column = "时间", form = "%d/%m/%y %H:%M:%S %z" }'),
        ("1772460605", '{ column = "时间", form = "unix_s" }'),
        ("1772460605000", '{ column = "时间", form = "unix_ms" }'),
        ("1772460605000", '"时间"'),
    ],
)
def test_forms_and_zones_of_times(tmp_path: Path, cell: str, source: str) -> None:
    mapping = COLUMNS.replace('{ column = "时间", zone = "+08:00" }', source)
    read = read_mapped(tmp_path, mapping, HEAD + ROW.replace("2026-03-02 22:10:05", cell))
    assert read.batch.rows["fix_ms"].tolist() == [parse_iso("2026-03-02T22:10:05+08:00")]


def test_a_sentinel_for_no_time_is_a_missing_time(tmp_path: Path) -> None:
    mapping = COLUMNS.replace('zone = "+08:00"', 'zone = "+08:00", unknown = ["0000-00-00 00:00:00", -1]')
    text = (
        HEAD
        + ROW
        + ROW.replace("2026-03-02 22:10:05", "0000-00-00 00:00:00")
        + ROW.replace("2026-03-02 22:10:05", "-1")
    )
    read = read_mapped(tmp_path, mapping, text)
    assert len(read.batch) == 1
    assert read.rejects == {"missing_time": 2}


def test_gcj02_is_turned_into_wgs84_but_no_fix_stays_at_zero(tmp_path: Path) -> None:
    lon, lat = wgs84_to_gcj02(np.array([99.82]), np.array([39.38]))
    rows = ROW.replace("100.5;38.9", f"{lon[0]:.7f};{lat[0]:.7f}") + ROW.replace("100.5;38.9", "0;0")
    found = read_mapped(tmp_path, 'crs = "gcj02"\n' + COLUMNS, HEAD + rows).batch.rows
    assert distance_m(found["lon_deg"][0], found["lat_deg"][0], 99.82, 39.38) < 0.1
    assert (found["lon_deg"][1], found["lat_deg"][1]) == (0.0, 0.0)


def test_rows_are_kept_by_the_value_of_a_column(tmp_path: Path) -> None:
    mapping = COLUMNS + '\n[keep]\n"速度" = ["10", 20]\n"里程" = ["1234"]\n'
    rows = ROW + ROW.replace(";10;", ";20;") + ROW.replace(";10;", ";30;") + ROW.replace(";1234", ";")
    read = read_mapped(tmp_path, mapping, HEAD + rows)
    assert (len(read.batch), read.rows_filtered, read.rows_total) == (2, 2, 4)


def test_constants_stand_for_columns_the_file_lacks(tmp_path: Path) -> None:
    mapping = COLUMNS + 'source = { constant = "gw7" }\nacc_on = { constant = true }\nspeed_kmh = { constant = 5 }\n'
    read = read_mapped(tmp_path, mapping, HEAD + ROW)
    assert read.batch.sources == ("gw7",)
    assert read.batch.rows["speed_dkmh"].tolist() == [50]


def test_a_file_without_header_gets_its_names_from_the_mapping(tmp_path: Path) -> None:
    names = 'names = ["车牌", "时间", "经度", "纬度", "速度", "里程"]\n'
    read = read_mapped(tmp_path, names + COLUMNS, ROW * 2)
    assert len(read.batch) == 2
    assert read.first_bad == ()


def test_a_declared_encoding_and_separator_are_used(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('separator = "~"\nencoding = "gbk"\n' + COLUMNS, "utf-8")
    (tmp_path / "track.csv").write_bytes((HEAD + ROW).replace(";", "~").encode("gbk"))
    read = read_reports(tmp_path / "track.csv", load_mapping(tmp_path / "mapping.toml"), now_ms=NOW_MS)
    assert read.batch.keys == ("甘G1",)


def test_a_mapping_naming_a_missing_column_says_which_columns_there_are(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        read_mapped(tmp_path, COLUMNS + 'speed_kmh = "时速"', HEAD + ROW)
    assert "has no column 时速; it has 车牌, 时间, 经度, 纬度, 速度, 里程" in str(caught.value)
    assert str(tmp_path / "track.csv") in str(caught.value)
    assert str(tmp_path / "mapping.toml") in str(caught.value)


def test_a_wrong_separator_is_suspected(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="is the separator right"):
        read_mapped(tmp_path, 'separator = ","\n' + COLUMNS, HEAD + ROW)


@pytest.mark.parametrize(
    ("mapping", "key", "reason"),
    [
        ("seperator = ';'\n" + COLUMNS, "top level", "unknown field `seperator`"),
        (COLUMNS + 'speed = "速度"', "columns.speed", "no such column"),
        (COLUMNS + 'speed_kph = "速度"', "columns.speed_kph", "did you mean speed_kmh?"),
        (COLUMNS + 'speed_kmh = { column = "速度", units = "m/s" }', "columns[...]", "unknown field `units`"),
        (
            COLUMNS + 'speed_kmh = { column = "速度", unit = "mps" }',
            "columns.speed_kmh.unit",
            "known are km/h, 0.1km/h",
        ),
        (COLUMNS + 'speed_kmh = { column = "速度", scale = 0 }', "columns.speed_kmh.scale", "other than 0"),
        (COLUMNS + 'speed_kmh = { unit = "m/s" }', "columns.speed_kmh", "either column or constant"),
        (COLUMNS + 'speed_kmh = { column = "a", constant = 1 }', "columns.speed_kmh", "either column or constant"),
        (COLUMNS + 'speed_kmh = ""', "columns.speed_kmh", "empty name"),
        (COLUMNS + 'driver_id = { column = "a", unit = "km" }', "columns.driver_id", "neither unit nor scale"),
        (COLUMNS + 'status = { column = "a", scale = 2 }', "columns.status", "neither unit nor scale"),
        (
            COLUMNS + 'speed_kmh = { column = "a", zone = "UTC" }',
            "columns.speed_kmh.zone",
            "only fix_time and recv_time",
        ),
        (COLUMNS + 'recv_time = { column = "a", zone = "Mars" }', "columns.recv_time.zone", "'Mars' is no time zone"),
        (COLUMNS + 'recv_time = { column = "a", zone = "+25:00" }', "columns.recv_time.zone", "no time zone"),
        (COLUMNS + 'recv_time = { column = "a", form = "unix" }', "columns.recv_time.form", "known are auto, iso"),
        (COLUMNS.replace('lat = "纬度"', ""), "columns", "lat is required"),
        (COLUMNS.replace('vehicle_id = "车牌"', ""), "columns", "vehicle_id or terminal_phone"),
        ('crs = "bd09"\n' + COLUMNS, "crs", "Invalid enum value 'bd09'"),
        ('separator = "::"\n' + COLUMNS, "separator", "one character"),
        ('encoding = "gb9999"\n' + COLUMNS, "encoding", "unknown encoding"),
        ('encoding = "utf-16"\n' + COLUMNS, "encoding", "does not keep ASCII"),
        ('names = ["车牌"]\n' + COLUMNS, "names", "时间, 经度, 纬度"),
        (COLUMNS + "[keep]\na = []\n", "keep.a", "would keep no row"),
        ("", "top level", "missing required field `columns`"),
        ("columns = \n", "file", "not valid TOML"),
    ],
)
def test_a_wrong_mapping_is_refused_with_key_and_reason(tmp_path: Path, mapping: str, key: str, reason: str) -> None:
    error = refusal(tmp_path, mapping)
    assert error.key == key
    assert reason in error.reason


def test_a_mapping_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no such file"):
        load_mapping(tmp_path / "none.toml")
    with pytest.raises(MappingError, match="a folder"):
        load_mapping(tmp_path)
    (tmp_path / "gb.toml").write_bytes('description = "车"'.encode("gb18030"))
    with pytest.raises(MappingError, match="not UTF-8 text at byte"):
        load_mapping(tmp_path / "gb.toml")
