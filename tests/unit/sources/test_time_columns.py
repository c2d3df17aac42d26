"""Times of one column in many forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.time_columns import times
from monitor.sources.zone import zone_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT_MS = 1_525_360_197_000  # 2018-05-03T15:09:57Z


@pytest.mark.parametrize(
    ("cell", "ms"),
    [
        ("2018-05-03T15:09:57Z", AT_MS),
        ("2018-05-03T23:09:57+08:00", AT_MS),
        ("2018-05-03 15:09:57+00", AT_MS),
        ("2018-05-03T15:09:57.000+0000", AT_MS),
        ("2018-05-03T15:09:57.5Z", AT_MS + 500),
        ("2018-05-03T15:09:57.123456789+00:00", AT_MS + 123),
        ("2018-05-03 23:09:57 +08:00", AT_MS),
        ("2018/5/3 5:09:57-10:00", AT_MS),
        ("1525360197", AT_MS),
        ("1525360197.25", AT_MS + 250),
        ("1525360197000", AT_MS),
        ("1.525360197e12", AT_MS),
        ("0", 0),
        (" 1525360197 ", AT_MS),
    ],
)
def test_one_moment_in_its_forms(cell: str, ms: int) -> None:
    found = times(pa.array([cell]))
    assert found.known.tolist() == [True]
    assert found.ms.tolist() == [ms]


@pytest.mark.parametrize(
    "cell", ["now", "2018-13-01T00:00:00Z", "1e17", "-1e17", "25:00", "2018-05-03T15:09:57+8Z", "½"]
)
def test_what_is_no_time_is_bad(cell: str) -> None:
    found = times(pa.array([cell, None, "1525360197"]))
    assert found.bad.tolist() == [True, False, False]
    assert found.known.tolist() == [False, False, True]
    assert found.ms.tolist() == [0, 0, AT_MS]


def test_forms_may_be_mixed_in_one_column() -> None:
    cells = ["2018-05-03T15:09:57Z", "1525360197", "2018-05-03 15:09:57", "", None, "1525360197000"]
    found = times(pa.array(cells), zone=zone_of("UTC"))
    assert found.known.tolist() == [True, True, True, False, False, True]
    assert set(found.ms[found.known].tolist()) == {AT_MS}
    assert not found.bad.any()


def test_a_time_without_zone_is_never_guessed() -> None:
    for cells in (["2018-05-03 15:09:57"], ["2018-05-03 15:09:57", "1525360197"]):
        found = times(pa.array(cells))
        assert found.zoneless.tolist()[0]
        assert not found.known[0]


def test_a_clock_set_back_takes_the_earlier_moment() -> None:
    # Shanghai left daylight-saving time for good on 1991-09-15: 01:30 came twice that night.
    found = times(pa.array(["1991-09-15 01:30:00"]), zone=zone_of("Asia/Shanghai"))
    slow = times(pa.array(["1991-09-15 01:30:00", "odd"]), zone=zone_of("Asia/Shanghai"))
    assert found.ms[0] == slow.ms[0] == 684_865_800_000  # 16:30 UTC


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_stored_timestamps_of_every_unit(unit: str) -> None:
    stamps = pa.array([datetime(2018, 5, 3, 15, 9, 57, tzinfo=UTC), None]).cast(pa.timestamp("us", "UTC"))
    column = stamps.cast(pa.timestamp(unit, "UTC"))
    found = times(column)
    assert found.ms.tolist() == [AT_MS, 0]
    assert found.known.tolist() == [True, False]
    naive = times(column.cast(pa.timestamp(unit)), zone=zone_of("+08:00"))  # type: ignore[call-overload]
    assert naive.ms.tolist()[0] == AT_MS - 8 * 3_600_000
    assert times(column.cast(pa.timestamp(unit))).zoneless.tolist() == [True, False]  # type: ignore[call-overload]


@given(
    st.lists(st.integers(-2_000_000_000_000_000, 4_000_000_000_000_000), min_size=1, max_size=20),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_iso_times_mean_what_the_standard_library_says(moments_us: list[int], offset_min: int, grain: str) -> None:
    zone = timezone(timedelta(minutes=offset_min))
    texts = [(EPOCH + timedelta(microseconds=us)).astimezone(zone).isoformat(timespec=grain) for us in moments_us]
    expected = [(datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1) for text in texts]
    assert times(pa.array(texts)).ms.tolist() == expected
    # One odd cell sends the whole column the slow way, which has to agree.
    assert times(pa.array([*texts, "odd"])).ms.tolist() == [*expected, 0]
