"""The live view: whatever the daemon says, it draws."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from monitor.app.board import AlarmLine, Board, EnterpriseLine, SupervisionLine
from monitor.app.fleet_view import class_ratios
from monitor.app.live_view import Stage, line, render, summary_line
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.indicator import Indicator, Period, Scope
from monitor.model.language import Language
from monitor.rules import load_rules

ALARM = AlarmLine(
    alarm_id="1",
    rule="speeding",
    kind=None,
    grade="serious",
    certainty="certain",
    state="active",
    vehicle_id="A1",
    plate="测A00001",
    vehicle_class="hazmat",
    enterprise_id="E1",
    onset="2026-03-02T08:00:00+08:00",
    duration_s=None,
    peak=132.4,
    limit=80.0,
    suspected_serious=True,
    sequence=1,
    changed_at="2026-03-02T08:01:00+08:00",
)
BOARD = Board(
    clock_ms=1_772_409_600_000,
    reports=1234,
    vehicles={"moving": 3},
    alarms_total=1,
    by_rule={"speeding": {"serious": 1}},
    alarms=(ALARM,),
    enterprises=(EnterpriseLine("E1", "虚构公司", {"serious": 1}, ["A1"], ["share"]),),
    supervision=(SupervisionLine("vehicle", "A1", "2026-03-02T08:01:00+08:00", "30日内疑似严重超速1次"),),
    supervision_total=1,
)


def _stage(tongue: Language) -> Stage:
    rules = {rule.name: rule for rule in load_rules()}
    return Stage(tongue, rules, 100.0, "http://127.0.0.1:1", "http://127.0.0.1:2", "3", "folder")


def _drawn(board: Board, tongue: Language, width: int, height: int) -> str:
    console = Console(file=StringIO(), width=width, height=height, force_terminal=False)
    console.print(render(board, _stage(tongue), "running", height))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("tongue", "words"), [(Language.ZH, ("超速", "严重", "重点监管")), (Language.EN, ("Speeding", "serious"))]
)
def test_an_alarm_is_shown_with_plate_enterprise_and_limit(tongue: Language, words: tuple[str, ...]) -> None:
    drawn = _drawn(BOARD, tongue, 150, 45)
    for word in (*words, "测A00001", "虚构公司", "132 / 80 km/h", "http://127.0.0.1:2/metrics"):
        assert word in drawn


@pytest.mark.parametrize(("width", "height"), [(150, 45), (80, 24), (60, 12)])
def test_any_screen_and_nothing_to_show_will_do(width: int, height: int) -> None:
    assert _drawn(Board(trouble="no answer"), Language.EN, width, height).count("\n") <= height + 1
    assert _drawn(BOARD, Language.ZH, width, height)


def test_lines_say_the_same_without_a_screen() -> None:
    told = line(ALARM, _stage(Language.EN), {"E1": "虚构公司"})
    assert told.split("  ")[1:4] == ["serious", "Speeding suspected", "测A00001"]
    assert "1,234" in summary_line(BOARD, _stage(Language.EN))


def test_ratios_add_up_by_class() -> None:
    registry = Registry(
        (Vehicle("A", vehicle_class=VehicleClass.HAZMAT), Vehicle("B", vehicle_class=VehicleClass.HAZMAT))
    )
    rows = [
        Indicator(Scope.VEHICLE, key, Period.DAY, date(2026, 3, 2), vehicles_joined=1, vehicles_online=online)
        for key, online in (("A", 1), ("B", 0), ("stranger", 1))
    ]
    found = class_ratios(rows, registry)
    assert found["online"] == {"hazmat": 0.5}
    assert found["completeness"] == {}
