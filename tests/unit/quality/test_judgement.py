"""Q1 and Q3: which value gives which flaw."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.model.beijing import EARLIEST_MS
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import UNKNOWN_ALTITUDE, ReportRows, empty_rows
from monitor.quality import QualitySettings, judge

NOW_MS = 1_772_424_000_000


def good(n: int = 1) -> ReportRows:
    """Reports that nothing is wrong with."""
    rows = empty_rows(n)
    rows["fix_ms"] = NOW_MS
    rows["recv_ms"] = NOW_MS
    rows["lon_deg"] = 99.8
    rows["lat_deg"] = 39.4
    rows["flags"] = int(ReportFlag.POSITIONED)
    return rows


def flaws_of(rows: ReportRows, now_ms: int | None = None) -> Flaw:
    judge(rows, now_ms)
    return Flaw(int(rows["flaws"][0]))


@pytest.mark.parametrize(
    ("field", "value", "flaw"),
    [
        pytest.param("lon_deg", 73.55, Flaw(0), id="western end belongs to the range"),
        pytest.param("lon_deg", 73.5499, Flaw.LONGITUDE, id="west of China"),
        pytest.param("lon_deg", 135.0833, Flaw(0), id="eastern end belongs to the range"),
        pytest.param("lon_deg", 135.0834, Flaw.LONGITUDE, id="east of China"),
        pytest.param("lon_deg", float("nan"), Flaw.LONGITUDE, id="no number"),
        pytest.param("lat_deg", 3.85, Flaw(0), id="southern end belongs to the range"),
        pytest.param("lat_deg", 3.8499, Flaw.LATITUDE, id="south of China"),
        pytest.param("lat_deg", 53.5501, Flaw.LATITUDE, id="north of China"),
        pytest.param("speed_dkmh", 1_600, Flaw(0), id="160 km/h is still possible"),
        pytest.param("speed_dkmh", 1_601, Flaw.SPEED, id="above 160 km/h"),
        pytest.param("speed_dkmh", -2, Flaw.SPEED, id="negative speed"),
        pytest.param("speed_dkmh", -1, Flaw(0), id="unknown speed is no flaw"),
        pytest.param("altitude_m", -200, Flaw(0), id="lowest altitude"),
        pytest.param("altitude_m", -201, Flaw.ALTITUDE, id="below the lowest altitude"),
        pytest.param("altitude_m", 6_501, Flaw.ALTITUDE, id="above the highest altitude"),
        pytest.param("altitude_m", UNKNOWN_ALTITUDE, Flaw(0), id="unknown altitude is no flaw"),
        pytest.param("heading_deg", 359, Flaw(0), id="359 degrees"),
        pytest.param("heading_deg", 360, Flaw.DIRECTION, id="360 degrees"),
        pytest.param("heading_deg", -1, Flaw(0), id="unknown heading is no flaw"),
        pytest.param("flags", 0, Flaw.NO_FIX, id="not positioned"),
        pytest.param("fix_ms", 0, Flaw.TIME, id="no time"),
        pytest.param("fix_ms", EARLIEST_MS - 1, Flaw.TIME, id="before 2000"),
        pytest.param("fix_ms", NOW_MS + 60_000, Flaw(0), id="one minute after receipt is skew"),
        pytest.param("fix_ms", NOW_MS + 60_001, Flaw.TIME, id="later than receipt"),
        pytest.param("recv_ms", EARLIEST_MS - 1, Flaw.TIME, id="received before 2000"),
    ],
)
def test_one_value_gives_one_flaw(field: str, value: float, flaw: Flaw) -> None:
    rows = good()
    rows[field] = value
    assert flaws_of(rows) == flaw


def test_the_first_second_of_2000_is_a_time() -> None:
    rows = good()
    rows["recv_ms"] = rows["fix_ms"] = EARLIEST_MS
    assert flaws_of(rows) == Flaw(0)


def test_a_fix_older_than_positions_are_kept_is_a_wrong_clock() -> None:
    rows = good()
    rows["fix_ms"] = rows["recv_ms"] - 183 * 86_400_000
    assert flaws_of(rows.copy()) == Flaw(0)
    rows["fix_ms"] -= 1
    assert flaws_of(rows.copy()) == Flaw.TIME
    rows["recv_ms"] = 0
    assert flaws_of(rows) == Flaw(0)


def test_zero_coordinates_are_no_fix_and_nothing_else() -> None:
    rows = good()
    rows["lon_deg"] = rows["lat_deg"] = 0.0
    assert flaws_of(rows) == Flaw.NO_FIX


def test_without_a_receipt_only_now_bounds_the_time() -> None:
    rows = good()
    rows["recv_ms"] = 0
    rows["fix_ms"] = NOW_MS + 86_400_000
    assert flaws_of(rows.copy()) == Flaw(0)
    assert flaws_of(rows, NOW_MS) == Flaw.TIME


def test_a_stated_receipt_in_the_future_does_not_excuse_the_fix() -> None:
    rows = good()
    rows["recv_ms"] = rows["fix_ms"] = NOW_MS + 10 * 365 * 86_400_000
    assert flaws_of(rows, NOW_MS) == Flaw.TIME
    rows = good()
    rows["recv_ms"] = NOW_MS + 60_001
    assert flaws_of(rows, NOW_MS) == Flaw.TIME


def test_flaws_add_up_and_stay() -> None:
    rows = good(3)
    rows["flaws"] = int(Flaw.LENGTH)
    rows["speed_dkmh"][1] = 2_000
    rows["lat_deg"][1] = 60.0
    for _ in range(2):
        judge(rows, NOW_MS)
        assert rows["flaws"].tolist() == [
            int(Flaw.LENGTH),
            int(Flaw.LENGTH | Flaw.SPEED | Flaw.LATITUDE),
            int(Flaw.LENGTH),
        ]


def test_ranges_are_settings() -> None:
    rows = good()
    rows["speed_dkmh"] = 1_300
    judge(rows, None, settings=QualitySettings(speed_max_kmh=120.0))
    assert rows["flaws"][0] == Flaw.SPEED
    rows = good()
    rows["fix_ms"] += 5_000
    judge(rows, None, skew_ms=4_999)
    assert rows["flaws"][0] == Flaw.TIME


def test_every_setting_says_where_its_default_comes_from() -> None:
    for name, field in QualitySettings.model_fields.items():
        assert field.description, name


def test_no_rows_are_no_trouble() -> None:
    rows = empty_rows(0)
    judge(rows, NOW_MS)
    assert np.array_equal(rows, empty_rows(0))
