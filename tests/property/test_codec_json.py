"""Laws of the JSON codec: any bytes; the shipped schema; round trip."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.json_report import decode_json, decode_json_many, encode_json
from monitor.errors import CodecError
from monitor.model.flaw import ReportFlag
from monitor.model.report import UNKNOWN_ALTITUDE, ReportBatch, empty_rows

SCHEMA = json.loads((Path(__file__).parents[2] / "configs/schemas/report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NUMBER = st.floats(-400, 400) | st.integers(-400, 400) | st.integers(0, 2**32) | st.none() | JSON
TEXT = st.text(max_size=6) | st.none() | JSON
TRUTH = st.booleans() | st.integers(0, 1) | st.none() | JSON
TIME = (
    st.datetimes(timezones=st.just(__import__("datetime").UTC)).map(lambda moment: moment.isoformat())
    | st.sampled_from(["2026-02-29T00:00:00Z", "2024-02-29 23:59:59.5+08:00", "2026-03-02T12:00:00", "noon", ""])
    | st.integers(0, 2**48)
    | st.floats(0, 1e12)
    | JSON
)
FIELDS = {
    "vehicle_id": TEXT,
    "terminal_phone": TEXT,
    "fix_time": TIME,
    "recv_time": TIME,
    "lon": NUMBER,
    "lat": NUMBER,
    "speed_kmh": NUMBER,
    "heading_deg": NUMBER,
    "altitude_m": NUMBER,
    "mileage_km": NUMBER,
    "recorder_speed_kmh": NUMBER,
    "status": NUMBER,
    "alarm_flags": NUMBER,
    "acc_on": TRUTH,
    "positioned": TRUTH,
    "backfill": TRUTH,
    "driver_id": TEXT,
    "source": TEXT,
    "colour": JSON,
}
GOOD = {"vehicle_id": "V", "fix_time": "2026-03-02T12:00:00+08:00", "lon": 100.0, "lat": 39.0}
REPORTS = st.fixed_dictionaries({}, optional=FIELDS).map(lambda fields: GOOD | fields) | st.fixed_dictionaries(
    {}, optional=FIELDS
)


@given(REPORTS)
@settings(max_examples=600)
def test_what_the_schema_accepts_the_decoder_accepts(report: dict[str, object]) -> None:
    decoded = decode_json(json.dumps([report]).encode())
    assert len(decoded.batch) + len(decoded.rejects) == 1
    if VALIDATOR.is_valid(report):
        assert decoded.rejects == ()
        assert VALIDATOR.is_valid([report, report])


@given(st.lists(REPORTS, max_size=5))
@settings(max_examples=200)
def test_reports_of_one_array_do_not_disturb_each_other(reports: list[dict[str, object]]) -> None:
    together = decode_json(json.dumps(reports).encode())
    alone = [decode_json(json.dumps(report).encode()) for report in reports]
    assert [reject.index for reject in together.rejects] == [at for at, one in enumerate(alone) if one.rejects]
    assert len(together.batch) == sum(len(one.batch) for one in alone)
    many = decode_json_many([json.dumps(report).encode() for report in reports])
    assert [reject.payload for reject in many.rejects] == [reject.index for reject in together.rejects]
    names = {name for report in reports for name in report} - (set(FIELDS) - {"colour"})
    assert set(together.unknown_fields) == set(many.unknown_fields) == names


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=400)
def test_any_bytes_decode_or_raise_the_declared_error(payload: bytes) -> None:
    try:
        decode_json(payload)
    except CodecError as error:
        reason = error.reason
        assert reason in {"malformed", "not_report"}


@given(st.data())
@settings(max_examples=100)
def test_decoding_undoes_encoding(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 5))
    rows = empty_rows(n)
    start_ms = data.draw(st.integers(1, 4_000_000_000_000))
    start_ms += 100_000_000_000  # below it a number would be seconds
    for at in range(n):
        rows[at]["fix_ms"] = start_ms + at
        rows[at]["lon_deg"] = data.draw(st.floats(-180, 180))
        rows[at]["lat_deg"] = data.draw(st.floats(-90, 90))
        rows[at]["speed_dkmh"] = data.draw(st.integers(-1, 99_999))
        rows[at]["heading_deg"] = data.draw(st.integers(-1, 359))
        rows[at]["altitude_m"] = data.draw(st.just(UNKNOWN_ALTITUDE) | st.integers(-500, 9_000))
        rows[at]["mileage_m"] = data.draw(st.integers(-1, 2**40))
        rows[at]["status"] = data.draw(st.integers(-1, 2**32 - 1))
        rows[at]["alarm_flags"] = data.draw(st.integers(-1, 2**32 - 1))
        rows[at]["flags"] = int(ReportFlag.POSITIONED)
        if rows[at]["status"] >= 0:
            acc = ReportFlag.ACC_ON if rows[at]["status"] & 1 else ReportFlag(0)
            positioned = ReportFlag.POSITIONED if rows[at]["status"] & 2 else ReportFlag(0)
            rows[at]["flags"] = int(ReportFlag.ACC_KNOWN | acc | positioned)
        rows[at]["key"] = at
    batch = ReportBatch(tuple(f"V{at}" for at in range(n)), rows)
    payload = encode_json(batch, unix_ms=data.draw(st.booleans()))
    decoded = decode_json(payload)
    assert decoded.batch.rows.tolist() == rows.tolist()
    assert decoded.batch.keys == batch.keys


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert VALIDATOR.is_valid(GOOD)
    assert not VALIDATOR.is_valid({"vehicle_id": "V"})
