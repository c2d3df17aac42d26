"""The reports of an alarm's evidence as a table; what none of them states has no column."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from monitor.cli.explain_words import word
from monitor.cli.language import Language, said
from monitor.model.evidence import SeenReport

MARK = "◆"
"""Before the report of the begin or the end."""


def report_table(reports: Sequence[SeenReport], marked: str, tongue: Language) -> Table:
    """Reports by time; ``marked`` is the fix time (ISO 8601) of the one that the table is about."""
    dated = len({one.fix[:10] for one in reports}) > 1
    columns = [column for column in _COLUMNS if any(column.cell(one, tongue) for one in reports)]
    table = Table(show_edge=False, pad_edge=False, box=None, header_style="dim")
    table.add_column("")
    for column in columns:
        table.add_column(said(tongue, *column.title), justify="left" if column.left else "right", no_wrap=True)
    for one in reports:
        cells = [column.cell(one, tongue) for column in columns]
        if dated:
            cells[0] = f"{one.fix[5:10]} {cells[0]}"
        table.add_row(MARK if one.fix == marked else "", *cells)
    return table


class _Column:
    """One column of the table of reports."""

    def __init__(self, zh: str, en: str, *, left: bool = False) -> None:
        self.title = (zh, en)
        self.left = left

    def cell(self, report: SeenReport, tongue: Language) -> str:
        """Its text for one report; empty where it is not known."""
        value: object = {
            "time": report.fix[11:].removesuffix("+08:00"),
            "km/h": _shown(report.speed_kmh, 1),
            "recorder": _shown(report.recorder_kmh, 1),
            "heading": _shown(report.heading_deg, 0),
            "lon": _shown(report.lon, 5),
            "lat": _shown(report.lat, 5),
            "odometer km": _shown(report.mileage_km, 1),
            "ACC": "" if report.acc is None else said(tongue, "开", "on") if report.acc else said(tongue, "关", "off"),
            "delay s": _shown(report.delay_s, 1),
            "note": _note(report, tongue),
        }[self.title[1]]
        return str(value)


_COLUMNS = (
    _Column("时间", "time", left=True),
    _Column("速度", "km/h"),
    _Column("记录仪", "recorder"),
    _Column("方向", "heading"),
    _Column("经度", "lon"),
    _Column("纬度", "lat"),
    _Column("里程 km", "odometer km"),
    _Column("ACC", "ACC"),
    _Column("延迟 s", "delay s"),
    _Column("说明", "note", left=True),
)


def _note(report: SeenReport, tongue: Language) -> str:
    outcome = "" if report.outcome == "accepted" else report.outcome
    words = [outcome, *report.flaws, *(["backfill"] if report.backfill else [])]
    return " ".join(word(tongue, text) for text in words if text)


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
