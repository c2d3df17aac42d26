"""JSON reports to columns."""

from __future__ import annotations

import json

import pytest

from monitor.codec.json_report import decode_json, decode_json_many, encode_json
from monitor.errors import CodecError
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import UNKNOWN_ALTITUDE, ReportBatch
from tests.unit.codec.samples import NOON_MS, location_row

MINIMAL: dict[str, object] = {
    "vehicle_id": "甘G12345",
    "fix_time": "2026-03-02T12:00:00+08:00",
    "lon": 100.0,
    "lat": 39.46,
}


def report(**fields: object) -> dict[str, object]:
    """A minimal report with more or other fields; None takes one away."""
    return {name: value for name, value in (MINIMAL | fields).items() if value != "absent"}


def payload(*reports: object) -> bytes:
    return json.dumps(list(reports), ensure_ascii=False).encode()


def test_a_minimal_report_has_everything_else_unknown() -> None:
    decoded = decode_json(json.dumps(report()).encode(), recv_ms=5)
    row = decoded.batch.rows[0]
    assert decoded.batch.keys == ("甘G12345",)
    assert (row["fix_ms"], row["recv_ms"], row["lon_deg"], row["lat_deg"]) == (NOON_MS, 5, 100.0, 39.46)
    for name in ("speed_dkmh", "heading_deg", "mileage_m", "recorder_speed_dkmh", "status", "alarm_flags"):
        assert row[name] == -1
    assert (row["altitude_m"], row["driver"], row["source"]) == (UNKNOWN_ALTITUDE, -1, -1)
    assert (row["flags"], row["flaws"]) == (int(ReportFlag.POSITIONED), 0)
    assert (decoded.rejects, decoded.unknown_fields) == ((), ())


def test_every_column_of_the_interface_is_read() -> None:
    fields = report(
        speed_kmh=60.04,
        heading_deg=359.7,
        altitude_m=-12.4,
        mileage_km=1234.5678,
        recorder_speed_kmh=59.8,
        status=3,
        alarm_flags=0xFFFF_FFFF,
        driver_id="D1",
        recv_time=NOON_MS + 1_500,
        backfill=1,
        source="platform-1",
    )
    batch = decode_json(payload(fields), recv_ms=5).batch
    row = batch.rows[0]
    assert (row["speed_dkmh"], row["recorder_speed_dkmh"], row["heading_deg"]) == (600, 598, 0)
    assert (row["altitude_m"], row["mileage_m"]) == (-12, 1_234_568)
    assert (row["status"], row["alarm_flags"]) == (3, 0xFFFF_FFFF)
    assert (batch.drivers, batch.sources, row["recv_ms"]) == (("D1",), ("platform-1",), NOON_MS + 1_500)
    assert row["flags"] == (
        ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON | ReportFlag.POSITIONED | ReportFlag.BACKFILL | ReportFlag.PAYLOAD_RECV
    )


@pytest.mark.parametrize(
    ("text", "fix_ms"),
    [
        pytest.param("2026-03-02T12:00:00+08:00", NOON_MS, id="with offset"),
        pytest.param("2026-03-02T04:00:00Z", NOON_MS, id="UTC"),
        pytest.param("2026-03-02 12:00:00+08:00", NOON_MS, id="blank in the middle"),
        pytest.param("2026-03-02T12:00:00.250+08:00", NOON_MS + 250, id="milliseconds"),
        pytest.param("2026-03-02T12:00:00.250999+08:00", NOON_MS + 251, id="microseconds are rounded"),
        pytest.param("2026-03-01T23:30:00-04:30", NOON_MS, id="western offset"),
        pytest.param("2026-03-02T12:00:00", NOON_MS, id="without offset it is Beijing time"),
        pytest.param("20260302T120000+0800", NOON_MS, id="basic form"),
        pytest.param("2028-02-29T12:00:00+08:00", 1_835_409_600_000, id="29 February"),
        pytest.param(NOON_MS, NOON_MS, id="Unix milliseconds"),
        pytest.param(NOON_MS / 1000, NOON_MS, id="Unix seconds"),
        pytest.param(NOON_MS / 1000 + 0.5, NOON_MS + 500, id="Unix seconds with a fraction"),
        pytest.param(0, 0, id="zero is no time, but a number"),
    ],
)
def test_times_are_told_apart_by_form_and_size(text: object, fix_ms: int) -> None:
    mixed = payload(
        report(fix_time=text), report(fix_time=text, recv_time=text), report(fix_time="2026-03-02T12:00:00Z")
    )
    for decoded in (decode_json(payload(report(fix_time=text))), decode_json(mixed)):
        assert decoded.rejects == ()
        assert fix_ms in decoded.batch.rows["fix_ms"].tolist()


@pytest.mark.parametrize(
    ("bad", "reason", "field"),
    [
        pytest.param(report(lon="100"), "wrong_type", "lon", id="text for a number"),
        pytest.param(report(lon=None), "wrong_type", "lon", id="null for a required number"),
        pytest.param(report(vehicle_id=17), "wrong_type", "vehicle_id", id="number for a text"),
        pytest.param(report(status="0x3"), "wrong_type", "status", id="hex text for a word"),
        pytest.param(report(acc_on="yes"), "wrong_type", "acc_on", id="text for a boolean"),
        pytest.param(report(acc_on=2), "bad_value", "acc_on", id="two for a boolean"),
        pytest.param(report(status=1.5), "bad_value", "status", id="a word that is not whole"),
        pytest.param(report(fix_time="yesterday"), "bad_value", "fix_time", id="text that is no time"),
        pytest.param(report(fix_time=""), "bad_value", "fix_time", id="empty time"),
        pytest.param(report(fix_time=1e300), "bad_value", "fix_time", id="beyond the year 9999"),
        pytest.param(report(fix_time="2026-02-30T12:00:00Z"), "bad_value", "fix_time", id="30 February"),
        pytest.param(report(fix_time="2026-03-02T12:00:00Z\nnoon"), "bad_value", "fix_time", id="line break in a time"),
        pytest.param(report(recv_time="noon"), "bad_value", "recv_time", id="bad receive time"),
        pytest.param(report(fix_time="absent"), "missing_field", "fix_time", id="no fix time"),
        pytest.param(report(vehicle_id="absent"), "missing_field", "vehicle_id", id="no identity"),
        pytest.param(report(vehicle_id="", terminal_phone=None), "missing_field", "vehicle_id", id="empty identity"),
        pytest.param([], "not_object", "", id="an array for a report"),
        pytest.param(3, "not_object", "", id="a number for a report"),
    ],
)
def test_one_bad_report_keeps_the_others_and_says_why(bad: object, reason: str, field: str) -> None:
    good = [report(vehicle_id=f"V{at}") for at in range(3)]
    decoded = decode_json(payload(good[0], good[1], bad, good[2]))
    assert decoded.batch.keys == ("V0", "V1", "V2")
    assert decoded.batch.rows["key"].tolist() == [0, 1, 2]
    (reject,) = decoded.rejects
    assert (reject.index, reject.reason, reject.field) == (2, reason, field)
    assert reject.detail


def test_rejects_of_both_kinds_keep_their_index() -> None:
    decoded = decode_json(payload(report(lon="x"), report(fix_time="x"), report(), report(lat=[]), report(backfill=9)))
    assert [(reject.index, reject.field) for reject in decoded.rejects] == [
        (0, "lon"),
        (1, "fix_time"),
        (3, "lat"),
        (4, "backfill"),
    ]
    assert len(decoded.batch) == 1


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(b"", "malformed", id="empty"),
        pytest.param(b'[{"lon":', "malformed", id="cut off"),
        pytest.param(b"\xff\xfe", "malformed", id="no text"),
        pytest.param(b"[" * 100_000, "malformed", id="nested without end"),
        pytest.param(b'"text"', "not_report", id="a text"),
        pytest.param(b"17", "not_report", id="a number"),
        pytest.param(b"null", "not_report", id="null"),
        pytest.param(b"[" + b" " * 100 + b"]", "oversize", id="larger than allowed"),
    ],
)
def test_a_payload_that_is_none_raises_the_declared_error(broken: bytes, reason: str) -> None:
    with pytest.raises(CodecError) as caught:
        decode_json(broken, max_bytes=101 if reason == "oversize" else 1_000_000)
    assert caught.value.reason == reason


def test_bad_utf8_in_one_report_keeps_the_others() -> None:
    good = json.dumps(report()).encode()
    decoded = decode_json(b"[" + good + b"," + good.replace("甘".encode("unicode_escape"), b"\xff") + b"]")
    assert len(decoded.batch) == 1
    assert [reject.index for reject in decoded.rejects] == [1]


def test_unknown_fields_are_tolerated_and_named_once() -> None:
    decoded = decode_json(payload(report(colour="red"), report(colour="blue", note='a ":" b'), report()))
    assert decoded.unknown_fields == ("colour", "note")
    assert len(decoded.batch) == 3
    spaced = json.dumps([report()], indent=1).replace('":', '" :').encode()
    assert decode_json(spaced).unknown_fields == ()


def test_nulls_are_unknown() -> None:
    optional = ("speed_kmh", "heading_deg", "altitude_m", "mileage_km", "recorder_speed_kmh", "status", "alarm_flags")
    texts = ("acc_on", "positioned", "backfill", "recv_time", "driver_id", "source", "terminal_phone")
    plain = decode_json(payload(report(), report()))
    nulls = decode_json(payload(report(), report(**dict.fromkeys(optional + texts))))
    assert nulls.batch.rows.tolist() == plain.batch.rows.tolist()
    assert (nulls.rejects, nulls.unknown_fields) == ((), ())


def test_status_gives_acc_and_fix_unless_they_are_stated() -> None:
    rows = decode_json(
        payload(report(status=0), report(status=3), report(status=0, positioned=True, acc_on=True), report(acc_on=0))
    ).batch.rows
    known, on, positioned = ReportFlag.ACC_KNOWN, ReportFlag.ACC_ON, ReportFlag.POSITIONED
    assert rows["flags"].tolist() == [
        int(known),
        int(known | on | positioned),
        int(known | on | positioned),
        int(known | positioned),
    ]


def test_impossible_numbers_become_values_that_the_quality_check_sees() -> None:
    rows = decode_json(
        payload(
            report(speed_kmh=-0.1, heading_deg=-5, status=-7, altitude_m=1e300),
            report(speed_kmh=1e300, heading_deg=360, alarm_flags=2**32, mileage_km=-3),
            report(speed_kmh=-1, heading_deg=-1, status=-1, mileage_km=-1),
        )
    ).batch.rows
    assert rows["speed_dkmh"].tolist() == [-2, 2_000_000_000, -1]
    assert rows["heading_deg"].tolist() == [-2, 360, -1]
    assert rows["flaws"].tolist() == [int(Flaw.STATUS), int(Flaw.STATUS), 0]
    assert rows["mileage_m"].tolist() == [-1, -1, -1]


def test_a_terminal_stands_in_for_an_unknown_vehicle() -> None:
    fields = report(vehicle_id="absent", terminal_phone="013900000001")
    decoded = decode_json(payload(fields, report(terminal_phone="1")), source="line")
    assert decoded.batch.keys == ("terminal:13900000001", "甘G12345")
    assert (decoded.batch.sources, decoded.batch.rows["source"].tolist()) == (("line",), [0, 0])


def test_reports_of_one_payload_are_sorted_by_fix_time() -> None:
    times = [NOON_MS + ms for ms in (3_000, 1_000, 2_000, 1_000)]
    decoded = decode_json(payload(*(report(fix_time=ms, vehicle_id=f"V{at}") for at, ms in enumerate(times))))
    assert [decoded.batch.keys[key] for key in decoded.batch.rows["key"]] == ["V1", "V3", "V2", "V0"]


def test_many_payloads_are_one_batch_and_fail_apart() -> None:
    payloads = [
        payload(report(fix_time=NOON_MS + 9), report(fix_time=NOON_MS)),
        b"{",
        json.dumps(report(vehicle_id="B", fix_time=1)).encode(),
        payload(report(lat="x"), report(vehicle_id="C"), report(fix_time="?")),
        b"[]",
    ]
    many = decode_json_many(payloads)
    assert [(failure.payload, failure.error.reason) for failure in many.failures] == [(1, "malformed")]
    assert many.payload_of.tolist() == [0, 0, 2, 3]
    assert many.batch.rows["fix_ms"].tolist() == [NOON_MS, NOON_MS + 9, 1_000, NOON_MS]
    assert [many.batch.keys[key] for key in many.batch.rows["key"]] == ["甘G12345", "甘G12345", "B", "C"]
    assert [(reject.payload, reject.index, reject.field) for reject in many.rejects] == [
        (3, 0, "lat"),
        (3, 2, "fix_time"),
    ]


@pytest.mark.parametrize("unix_ms", [False, True])
def test_a_row_comes_back_as_it_went(unix_ms: bool) -> None:
    rows = location_row(n=2)
    rows["key"] = [0, 1]
    rows["driver"] = [0, -1]
    rows["source"] = [-1, 0]
    rows["recv_ms"] = [NOON_MS + 5, 0]
    rows["flags"][0] |= int(ReportFlag.PAYLOAD_RECV | ReportFlag.BACKFILL)
    batch = ReportBatch(("V1", "terminal:139"), rows, ("D",), ("S",))
    decoded = decode_json(encode_json(batch, unix_ms=unix_ms)).batch
    assert decoded.rows.tolist() == rows.tolist()
    assert (decoded.keys, decoded.drivers, decoded.sources) == (batch.keys, batch.drivers, batch.sources)
