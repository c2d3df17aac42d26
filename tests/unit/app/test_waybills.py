"""Waybills in the live pipeline: what a hazmat alarm says of its cargo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.app.waybills import WaybillBook, parse_waybill, waybill_record
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Certainty, Grade, Subject, Transition
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.waybill import Load, Waybill

T0_MS = 1_772_424_000_000
LOADED, EMPTY = 0x303, 0x3

TEXTS = [
    pytest.param("CARGO_NAME:=汽油;CARGO_TONNAGE:=28.5;DG_TYPE:=3", "汽油", Load.LOADED, id="pairs of the standard"),
    pytest.param("CARGO_NAME:=汽油;CARGO_TONNAGE:=0;", "汽油", Load.EMPTY, id="no tonnes is empty, of petrol"),
    pytest.param("DG_TYPE:=2.1;CARGO_TONNAGE:=12吨", "2.1", Load.LOADED, id="class instead of name"),
    pytest.param("CARGO_NAME:=;CARGO_TONNAGE:=", "", Load.UNKNOWN, id="empty values say nothing"),
    pytest.param("CARGO_NAME:=空车", "", Load.EMPTY, id="empty as the name of the cargo"),
    pytest.param("CARGO_NAME:=液氯\x00", "液氯", Load.LOADED, id="a name alone, padded"),
    pytest.param("cargo_name=液氨；cargo_tonnage=20", "液氨", Load.LOADED, id="other case and signs"),
    pytest.param("空车返回", "", Load.EMPTY, id="a plain word"),
    pytest.param("运单号 20260302，液化石油气 20 吨", "", Load.UNKNOWN, id="free text is kept, not guessed at"),
    pytest.param("", "", Load.UNKNOWN, id="nothing"),
]


@pytest.mark.parametrize(("content", "cargo", "load"), TEXTS)
def test_a_waybill_says_what_its_text_says(content: str, cargo: str, load: Load) -> None:
    assert parse_waybill("V1", T0_MS, content) == Waybill("V1", T0_MS, content, cargo, load)


@given(st.text(max_size=200))
def test_any_text_is_a_waybill(content: str) -> None:
    found = parse_waybill("V1", T0_MS, content)
    assert found.content == content
    assert len(found.cargo) <= 200


class Fleet:
    """Keys to rows, ``terminal:1`` being V1."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def rows_of(self, keys: Sequence[str], /) -> NDArray[np.int32]:
        rows = []
        for key in keys:
            name = "V1" if key == "terminal:1" else key
            if name not in self.keys:
                self.keys.append(name)
            rows.append(self.keys.index(name))
        return np.array(rows, np.int32)


def _alarm(vehicle_id: str = "V1", vehicle_class: str = "hazmat", state: AlarmState = AlarmState.ACTIVE) -> Alarm:
    return Alarm(
        f"id-{vehicle_id}",
        Subject.VEHICLE,
        "speeding",
        "",
        Grade.MAJOR,
        Certainty.CERTAIN,
        state,
        vehicle_id,
        "甘G20002",
        vehicle_class,
        "E1",
        "",
        T0_MS,
    )


def _raised(at_ms: int, vehicle_id: str = "V1", vehicle_class: str = "hazmat") -> AlarmChange:
    return AlarmChange(_alarm(vehicle_id, vehicle_class), Transition.RAISED, 1, at_ms)


def _cleared(at_ms: int) -> AlarmChange:
    return AlarmChange(_alarm(state=AlarmState.CLEARED), Transition.CLEARED, 2, at_ms)


def _reports(*of: tuple[str, int, int]) -> ReportBatch:
    """(key, receive time, status) of each report."""
    keys = tuple(dict.fromkeys(key for key, _, _ in of))
    rows = empty_rows(len(of))
    for row, (key, recv_ms, status) in zip(rows, of, strict=True):
        row["key"], row["recv_ms"], row["fix_ms"], row["status"] = keys.index(key), recv_ms, recv_ms, status
    return ReportBatch(keys, rows)


def _carried(changes: tuple[AlarmChange, ...]) -> list[tuple[str, Load]]:
    return [(change.alarm.cargo, change.alarm.load) for change in changes]


PETROL = waybill_record("terminal:1", T0_MS, "CARGO_NAME:=汽油;CARGO_TONNAGE:=28", T0_MS)


def test_a_hazmat_alarm_gets_the_cargo_of_the_latest_waybill_and_keeps_it() -> None:
    book = WaybillBook(Fleet())
    assert book.take(PETROL) == Waybill("V1", T0_MS, "CARGO_NAME:=汽油;CARGO_TONNAGE:=28", "汽油", Load.LOADED)
    assert _carried(book.marked((_raised(T0_MS + 1),), None, T0_MS)) == [("汽油", Load.LOADED)]
    book.take(waybill_record("V1", T0_MS + 2, "CARGO_NAME:=柴油;CARGO_TONNAGE:=0", T0_MS + 2))
    assert _carried(book.marked((_cleared(T0_MS + 3),), None, T0_MS)) == [("汽油", Load.LOADED)]
    assert _carried(book.marked((_raised(T0_MS + 4),), None, T0_MS)) == [("柴油", Load.EMPTY)]


def test_an_older_waybill_does_not_take_the_place_of_a_newer() -> None:
    book = WaybillBook(Fleet())
    book.take(PETROL)
    book.take(waybill_record("V1", T0_MS - 1, "CARGO_NAME:=柴油", T0_MS))
    assert _carried(book.marked((_raised(T0_MS + 1),), None, T0_MS)) == [("汽油", Load.LOADED)]


def test_only_hazmat_alarms_say_what_is_carried() -> None:
    book = WaybillBook(Fleet())
    book.take(PETROL)
    change = _raised(T0_MS + 1, vehicle_class="heavy_truck")
    assert book.marked((change,), None, T0_MS) == (change,)


def test_load_bits_say_loaded_and_never_empty() -> None:
    book = WaybillBook(Fleet())
    book.take(PETROL)
    book.marked((), _reports(("V1", T0_MS, EMPTY)), T0_MS)
    assert _carried(book.marked((_raised(T0_MS + 1),), None, T0_MS)) == [("汽油", Load.LOADED)]
    book.marked((), _reports(("V2", T0_MS, LOADED)), T0_MS)
    assert _carried(book.marked((_raised(T0_MS + 1, "V2"),), None, T0_MS)) == [("", Load.LOADED)]
    assert _carried(book.marked((_raised(T0_MS + 1, "V3"),), None, T0_MS)) == [("", Load.UNKNOWN)]


def test_a_payload_of_another_form_is_no_waybill() -> None:
    book = WaybillBook(Fleet())
    assert book.take(replace(PETROL, payload=b"[]")) is None


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["V1", "terminal:1", "V2"]),
        st.integers(0, 3),  # how much the clock moves on
        st.sampled_from([LOADED, EMPTY, -1]),
        st.booleans(),  # whether an alarm of it is raised by this report
    ),
    max_size=20,
)


@given(EVENTS, st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_load_does_not_depend_on_how_reports_are_cut_or_on_a_restart(
    events: list[tuple[str, int, int, bool]], cuts: set[int], restarts: set[int]
) -> None:
    assert _run(events, set(), set()) == _run(events, cuts, restarts)


def _run(events: list[tuple[str, int, int, bool]], cuts: set[int], restarts: set[int]) -> list[tuple[str, Load]]:
    fleet = Fleet()
    book = WaybillBook(fleet)
    clock_ms = T0_MS
    found: list[tuple[str, Load]] = []
    begun_ms = clock_ms
    reports: list[tuple[str, int, int]] = []
    raised: list[AlarmChange] = []
    for number, (key, passed, status, raises) in enumerate([*events, ("", 0, -1, False)]):
        if reports and (number in cuts or number == len(events)):
            found += _carried(book.marked(tuple(raised), _reports(*reports), begun_ms))
            begun_ms, reports, raised = clock_ms, [], []
            if number in restarts:
                saved, book = book.snapshot(), WaybillBook(fleet)
                book.restore(saved)
        if number == len(events):
            break
        clock_ms += passed
        reports.append((key, clock_ms, status))
        if raises:
            raised.append(_raised(clock_ms, "V1" if key == "terminal:1" else key))
    return found
