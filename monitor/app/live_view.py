"""The demonstration in the terminal: what came in, what was found, who it is about, and where to ask for more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.app.board import AlarmLine, Board, EnterpriseLine
from monitor.engine.rule import Rule
from monitor.model.alarm import Grade
from monitor.model.beijing import iso
from monitor.model.language import Language, said

GRADE_STYLE: Mapping[str, str] = {
    "notice": "cyan",
    "general": "yellow",
    "major": "bright_red",
    "serious": "bold white on red",
}
_GRADES: Mapping[str, tuple[str, str]] = {
    "notice": ("提示", "notice"),
    "general": ("一般", "general"),
    "major": ("较重", "major"),
    "serious": ("严重", "serious"),
}
_CLASSES: Mapping[str, tuple[str, str]] = {
    "tour_coach": ("旅游客车", "tour coach"),
    "charter_coach": ("包车", "charter coach"),
    "line_coach": ("班线客车", "line coach"),
    "hazmat": ("危货车", "hazmat"),
    "heavy_truck": ("重型货车", "heavy truck"),
    "trailer": ("挂车", "trailer"),
    "other": ("其他", "other"),
}
_KINDS: Mapping[str, tuple[str, str]] = {
    "day": ("日间", "day"),
    "night": ("夜间", "night"),
    "parked": ("停放", "parked"),
    "lost": ("失联", "lost"),
    "month": ("月", "month"),
    "day_24h": ("24 小时", "24 h"),
    "week": ("7 天", "7 days"),
}
_DAY_KIND = ("日", "day")
_STATES: Mapping[str, tuple[str, str]] = {
    "active": ("持续", "active"),
    "cleared": ("解除", "cleared"),
    "withdrawn": ("撤回", "withdrawn"),
    "merged": ("合并", "merged"),
}
_VEHICLES: Mapping[str, tuple[str, str]] = {
    "moving": ("行驶", "moving"),
    "standing": ("停驶", "standing"),
    "silent": ("无信号", "silent"),
    "never_seen": ("从未上线", "never seen"),
    "unregistered": ("未登记", "unregistered"),
}


_OBJECTS: Mapping[str, tuple[str, str]] = {
    "vehicle": ("车辆", "vehicle"),
    "driver": ("驾驶员", "driver"),
    "enterprise": ("企业", "enterprise"),
}
_UNITS: Mapping[str, str] = {"days": "天", "hours": "小时", "drift points": "点", "min": "分钟", "h": "小时"}
_HEADER = 6
_FOOTER = 4
_TALL = 40
"""Lines of a screen from which on the key-supervision list finds room."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What stays the same during a demonstration. ``progress`` is a sentence; addresses are URLs."""

    tongue: Language
    rules: Mapping[str, Rule]
    speed: float
    api: str
    operations: str
    broker: str
    folder: str


def render(board: Board, stage: Stage, progress: str, height: int) -> RenderableType:
    """The whole screen, for ``height`` lines."""
    tables = len(board.enterprises) + 3
    listed = min(len(board.supervision), 4) if height >= _TALL else 0
    below = max(tables + (listed + 2 if listed else 0), len(stage.rules) + 4)
    layout = Layout()
    layout.split_column(
        Layout(_header(board, stage, progress), size=_HEADER),
        Layout(_alarms(board, stage, max(height - _HEADER - below - _FOOTER - 3, 3))),
        Layout(name="below", size=below),
        Layout(_footer(stage), size=_FOOTER),
    )
    right = Layout(_enterprises(board, stage), ratio=6)
    if listed:
        right = Layout(ratio=6)
        right.split_column(
            Layout(_enterprises(board, stage), size=below - listed - 2), Layout(_listed(board, stage, listed))
        )
    layout["below"].split_row(Layout(_by_rule(board, stage), ratio=4), right)
    return layout


def line(alarm: AlarmLine, stage: Stage, names: Mapping[str, str]) -> str:
    """One alarm as a plain line, where there is no screen."""
    tongue = stage.tongue
    parts = (
        alarm.changed_at[:16].replace("T", " "),
        _word(_GRADES, alarm.grade, tongue),
        _rule(alarm, stage),
        alarm.plate or alarm.vehicle_id or "–",
        names.get(alarm.enterprise_id or "", alarm.enterprise_id or "–"),
        _value(alarm, stage),
        _word(_STATES, alarm.state, tongue),
    )
    return "  ".join(part for part in parts if part)


def summary_line(board: Board, stage: Stage) -> str:
    """The counters as a plain line."""
    tongue = stage.tongue
    clock = iso(board.clock_ms)[:16].replace("T", " ") if board.clock_ms else "–"
    zh = (
        f"[{clock}] 汇报 {board.reports:,}（{board.reports_per_s:,.0f}/秒）  报警 {board.alarms_total}"
        f"（持续 {board.alarms_active}）  重点监管 {board.supervision_total}  推送 {board.pushes}"
    )
    en = (
        f"[{clock}] reports {board.reports:,} ({board.reports_per_s:,.0f}/s)  alarms {board.alarms_total} "
        f"({board.alarms_active} active)  key supervision {board.supervision_total}  pushes {board.pushes}"
    )
    return said(tongue, zh, en)


def enterprise_names(board: Board) -> dict[str, str]:
    """Enterprise id to name."""
    return {one.enterprise_id: one.enterprise_name or one.enterprise_id for one in board.enterprises}


def _header(board: Board, stage: Stage, progress: str) -> RenderableType:
    tongue = stage.tongue
    grid = Table.grid(expand=True, padding=(0, 2))
    for _ in range(4):
        grid.add_column()
    clock = iso(board.clock_ms)[:16].replace("T", " ") if board.clock_ms else "–"
    grid.add_row(
        _pair(said(tongue, "仿真时钟", "clock"), clock, f"×{stage.speed:g}"),
        _pair(said(tongue, "汇报", "reports"), f"{board.reports:,}", f"{board.reports_per_s:,.0f}/s"),
        _pair(
            said(tongue, "报警", "alarms"),
            str(board.alarms_total),
            said(tongue, f"持续 {board.alarms_active}", f"{board.alarms_active} active"),
        ),
        _pair(
            said(tongue, "重点监管", "key supervision"),
            str(board.supervision_total),
            said(tongue, f"推送 {board.pushes}", f"{board.pushes} pushes"),
        ),
    )
    vehicles = Text()
    for status, n in board.vehicles.items():
        vehicles.append(f"{_word(_VEHICLES, status, tongue)} ", style="dim")
        vehicles.append(f"{n}   ", style="bold")
    grid_below = Table.grid(expand=True)
    grid_below.add_column()
    grid_below.add_column(justify="right")
    told = f"⚠ {board.trouble}" if board.trouble else progress
    grid_below.add_row(vehicles, Text(told, style="red" if board.trouble else "dim"))
    title = said(tongue, "重点营运车辆动态监控 演示", "dynamic monitoring of key vehicles – demonstration")
    return Panel(Group(grid, Text(), grid_below), title=title, title_align="left", border_style="blue")


def _alarms(board: Board, stage: Stage, room: int) -> RenderableType:
    tongue = stage.tongue
    names = enterprise_names(board)
    table = Table(expand=True, show_edge=False, pad_edge=False, header_style="bold dim", box=None)
    columns: tuple[tuple[str, str, bool, int | None], ...] = (
        ("等级", "grade", False, None),
        ("报警", "alarm", False, 3),
        ("车牌", "plate", False, None),
        ("类别", "class", False, None),
        ("企业", "enterprise", False, 4),
        ("触发", "onset", False, None),
        ("数值 / 限值", "value / limit", True, None),
        ("历时", "lasted", True, None),
        ("状态", "state", False, None),
    )
    for zh, en, to_the_right, ratio in columns:
        table.add_column(
            said(tongue, zh, en),
            justify="right" if to_the_right else "left",
            ratio=ratio,
            no_wrap=True,
            overflow="ellipsis",
        )
    for alarm in board.alarms[:room]:
        active = alarm.state == "active"
        table.add_row(
            Text(f" {_word(_GRADES, alarm.grade, tongue)} ", style=GRADE_STYLE.get(alarm.grade, "")),
            Text(_rule(alarm, stage), style="bold" if active else ""),
            alarm.plate or alarm.vehicle_id or "–",
            _word(_CLASSES, alarm.vehicle_class or "", tongue) or "–",
            names.get(alarm.enterprise_id or "", alarm.enterprise_id or "–"),
            alarm.onset[5:16].replace("T", " "),
            _value(alarm, stage),
            _lasted(alarm.duration_s),
            Text(_word(_STATES, alarm.state, tongue), style="bold green" if active else "dim"),
        )
    title = said(tongue, "最近的报警", "latest alarms")
    return Panel(table, title=title, title_align="left", border_style="blue")


def _by_rule(board: Board, stage: Stage) -> RenderableType:
    tongue = stage.tongue
    table = Table(expand=True, show_edge=False, pad_edge=False, header_style="bold dim", box=None)
    table.add_column(said(tongue, "规则", "rule"), no_wrap=True, overflow="ellipsis", ratio=1)
    for grade in Grade:
        table.add_column(_word(_GRADES, grade.word, tongue), justify="right", no_wrap=True)
    for name, rule in stage.rules.items():
        counts = board.by_rule.get(name, {})
        cells = [
            Text(str(n) if (n := counts.get(grade.word, 0)) else "·", style=GRADE_STYLE[grade.word] if n else "dim")
            for grade in Grade
        ]
        found = any(counts.values())
        table.add_row(Text(said(tongue, rule.title_zh, rule.title_en), style="" if found else "dim"), *cells)
    title = said(tongue, "按规则触发", "raised by rule")
    return Panel(table, title=title, title_align="left", border_style="blue")


def _enterprises(board: Board, stage: Stage) -> RenderableType:
    tongue = stage.tongue
    table = Table(expand=True, show_edge=False, pad_edge=False, header_style="bold dim", box=None)
    table.add_column(said(tongue, "企业", "enterprise"), no_wrap=True, overflow="ellipsis", ratio=1)
    for zh, en in (
        ("上线/入网", "online"),
        ("月完整率", "complete"),
        ("月报警", "alarms"),
        ("持续", "active"),
        ("重点", "listed"),
    ):
        table.add_column(said(tongue, zh, en), justify="right", no_wrap=True)
    for one in board.enterprises:
        table.add_row(*_enterprise(one))
    title = said(tongue, "企业概况", "enterprises")
    return Panel(table, title=title, title_align="left", border_style="blue")


def _listed(board: Board, stage: Stage, room: int) -> RenderableType:
    tongue = stage.tongue
    names = enterprise_names(board)
    table = Table.grid(expand=True, padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=5)
    for one in board.supervision[:room]:
        name = names.get(one.object_id, one.object_id)
        table.add_row(Text(_word(_OBJECTS, one.object_type, tongue), style="dim"), name, one.reason)
    title = said(tongue, "重点监管", "key supervision")
    return Panel(table, title=title, title_align="left", border_style="magenta")


def _enterprise(one: EnterpriseLine) -> tuple[RenderableType, ...]:
    online = f"{one.day.vehicles_online}/{one.day.vehicles_joined}" if one.day else "–"
    complete = Text("–", style="dim")
    if one.month and one.month.mileage_m:
        rate = one.month.mileage_complete_m / one.month.mileage_m
        complete = Text(f"{rate:.1%}", style="red" if rate < 0.7 else "yellow" if rate < 0.9 else "green")
    active = Text()
    for grade in Grade:
        n = one.active_alarms.get(grade.word, 0)
        if n:
            active.append(f" {n} ", style=GRADE_STYLE[grade.word])
    listed = len(one.listed_vehicles)
    mark = "★" if one.listed_by else ""
    return (
        Text(one.enterprise_name or one.enterprise_id),
        online,
        complete,
        str(one.month.alarms_n) if one.month else "–",
        active if active else Text("·", style="dim"),
        Text(f"{mark}{listed}" if listed or mark else "·", style="bold magenta" if listed or mark else "dim"),
    )


def _footer(stage: Stage) -> RenderableType:
    tongue = stage.tongue
    text = Text()
    for zh, en, value in (
        ("接口", "REST", f"{stage.api}/api/v1/alarms"),
        ("指标", "metrics", f"{stage.operations}/metrics"),
        ("目录", "folder", f"{stage.folder}\n"),
        ("推送", "pushes", f"mosquitto_sub -h 127.0.0.1 -p {stage.broker} -t 'vdm/#'"),
    ):
        text.append(f"{said(tongue, zh, en)} ", style="dim")
        text.append(value if value.endswith("\n") else f"{value}   ", style="cyan")
    text.append(said(tongue, "Ctrl-C 结束", "Ctrl-C ends it"), style="bold")
    return Panel(text, border_style="dim")


def _pair(name: str, value: str, more: str) -> Text:
    return Text.assemble((f"{name} ", "dim"), (value, "bold"), (f"  {more}", "dim"))


def _rule(alarm: AlarmLine, stage: Stage) -> str:
    rule = stage.rules.get(alarm.rule)
    title = said(stage.tongue, rule.title_zh, rule.title_en) if rule else alarm.rule
    kind = alarm.kind or ""
    words = {**_KINDS, "day": _DAY_KIND} if alarm.rule == "low_completeness" else _KINDS
    marks = f" {_word(words, kind, stage.tongue)}" if kind else ""
    if alarm.certainty == "suspected" or alarm.suspected_serious:
        marks += said(stage.tongue, " 疑似", " suspected")
    return title + marks


def _value(alarm: AlarmLine, stage: Stage) -> str:
    if alarm.peak is None:
        return "–"
    rule = stage.rules.get(alarm.rule)
    unit = rule.unit if rule else ""
    unit = said(stage.tongue, _UNITS.get(unit, unit), unit)
    limit = f" / {alarm.limit:g}" if alarm.limit is not None else ""
    return f"{_figure(alarm.peak)}{limit} {unit}".rstrip()


def _figure(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"


def _lasted(duration_s: float | None) -> str:
    if duration_s is None:
        return "…"
    if duration_s < 120:
        return f"{duration_s:.0f}s"
    if duration_s < 7200:
        return f"{duration_s / 60:.0f}min"
    return f"{duration_s / 3600:.0f}h" if duration_s < 172_800 else f"{duration_s / 86_400:.0f}d"


def _word(table: Mapping[str, tuple[str, str]], word: str, tongue: Language) -> str:
    zh, en = table.get(word, (word, word))
    return said(tongue, zh, en)
