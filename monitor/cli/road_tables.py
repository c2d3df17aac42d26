"""What ``monitor roads`` shows: tables, and what of a source was not used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from monitor.cli.language import Language, said

if TYPE_CHECKING:
    from monitor.alarms.place_names import PlaceNames
    from monitor.app.doubtful_sections import DoubtfulSection
    from monitor.app.road_coverage import Covered, RoadCoverage, UncoveredStretch
    from monitor.app.road_import import RoadImport
    from monitor.app.road_import.line import Remark
    from monitor.model.road import RoadSet

SHOWN = 5
"""Remarks shown of each reason; the file of ``--refused`` has all of them."""

Heading = tuple[str, str]
_COVERAGE: tuple[Heading, ...] = (
    ("范围", "of"),
    ("行驶公里", "km driven"),
    ("在已知路段", "on sections"),
    ("比例", "share"),
    ("其中无限速", "without a limit"),
)
_UNCOVERED: tuple[Heading, ...] = (
    ("公里", "km"),
    ("次数", "times"),
    ("合计公里", "km in all"),
    ("起", "from"),
    ("止", "to"),
    ("车辆", "vehicle"),
)
_DOUBTFUL: tuple[Heading, ...] = (
    ("路段", "section"),
    ("名称", "name"),
    ("限速", "limit"),
    ("限速来源", "surveyed by"),
    ("已判定", "judged"),
    ("误报", "false"),
    ("比例", "share"),
)
_CLASSES: tuple[Heading, ...] = (
    ("等级", "class"),
    ("路段", "sections"),
    ("公里", "km"),
    ("有限速公里", "km with a limit"),
)


def tell_import(done: RoadImport, out: Path, tongue: Language) -> None:
    """What came of the source, on standard output; what was not used, by reason with the first of each, on error."""
    screen = Console(stderr=True, soft_wrap=True)
    left_out = ", ".join(f"{what} {n:,}" for what, n in done.tally.left_out.most_common())
    if left_out:
        head = said(tongue, "不作路段", "taken for no section")
        screen.print(f"{head}: {left_out}", markup=False, highlight=False)
    _tell_remarks(screen, said(tongue, "未采用", "refused"), done.tally.refused, tongue)
    _tell_remarks(screen, said(tongue, "无法识别", "not understood"), done.tally.not_read, tongue)
    sections = done.roads.sections
    measured = [(section, section.length_m / 1000.0) for section in sections]
    console = Console()
    table = _table(tongue, said(tongue, f"路段 {len(sections):,} 个", f"{len(sections):,} sections"), _CLASSES, (0,))
    for road_class in sorted({section.road_class for section in sections}):
        its = [(section, km) for section, km in measured if section.road_class == road_class]
        limited_km = sum(km for section, km in its if section.limit_kmh is not None)
        table.add_row(road_class.word, f"{len(its):,}", f"{sum(km for _, km in its):,.1f}", f"{limited_km:,.1f}")
    console.print(table)
    total_km = sum(km for _, km in measured)
    limited_km = sum(km for section, km in measured if section.limit_kmh is not None)
    posted = sum(section.km_from is not None for section in sections)
    zh = (
        f"{out}：{len(sections):,} 个路段，{total_km:,.1f} 公里，其中有限速 {limited_km:,.1f} 公里；"
        f"有里程桩 {posted:,} 个"
    )
    en = (
        f"{out}: {len(sections):,} sections, {total_km:,.1f} km, {limited_km:,.1f} km of them with a limit; "
        f"{posted:,} with kilometre posts"
    )
    console.print(said(tongue, zh, en), markup=False, highlight=False, soft_wrap=True)


def _tell_remarks(screen: Console, head: str, remarks: Sequence[Remark], tongue: Language) -> None:
    of_reason: dict[str, list[Remark]] = {}
    for remark in remarks:
        of_reason.setdefault(remark.reason, []).append(remark)
    for reason, its in sorted(of_reason.items()):
        screen.print(f"{head}: {reason} {len(its):,}", markup=False, highlight=False, style="yellow")
        for remark in its[:SHOWN]:
            screen.print(f"  {remark.line_id} {remark.detail}".rstrip(), markup=False, highlight=False)
        if len(its) > SHOWN:
            more = len(its) - SHOWN
            screen.print(said(tongue, f"  另有 {more:,} 条", f"  and {more:,} more"), highlight=False)


def tell_coverage(answer: RoadCoverage, names: PlaceNames, tongue: Language) -> None:
    """Coverage by class and enterprise, and the longest stretches off the sections."""
    console = Console()
    table = _table(tongue, said(tongue, "路段覆盖", "Coverage by road sections"), _COVERAGE, (0,))
    for groups in (answer.by_class, answer.by_enterprise):
        for group in groups:
            table.add_row(*_covered(group, group.key or said(tongue, "不在档案", "not registered")))
        if groups:
            table.add_section()
    table.add_row(*_covered(answer.total, said(tongue, "合计", "total")), style="bold")
    console.print(table)
    if answer.unseen_m >= 100.0:
        km = answer.unseen_m / 1000.0
        zh, en = f"另有 {km:,.1f} 公里间隔过长，无从判断道路", f"and {km:,.1f} km in steps too long to know the road"
        console.print(said(tongue, zh, en), highlight=False)
    if answer.uncovered:
        title = said(tongue, "最长的未覆盖路段", "Longest stretches off the known sections")
        table = _table(tongue, title, _UNCOVERED, (3, 4, 5))
        for one in answer.uncovered:
            table.add_row(*_stretch(one, names))
        console.print(table)


def _covered(group: Covered, name: str) -> tuple[str, ...]:
    share = "–" if group.share is None else f"{group.share * 100.0:.1f} %"
    figures = (group.driven_m, group.covered_m, group.unlimited_m)
    driven, covered, unlimited = (f"{metres / 1000.0:,.1f}" for metres in figures)
    return name, driven, covered, share, unlimited


def _stretch(one: UncoveredStretch, names: PlaceNames) -> tuple[str, ...]:
    start, end = (names.of(*at) or f"{at[0]:.5f},{at[1]:.5f}" for at in (one.start, one.end))
    return f"{one.length_m / 1000.0:,.1f}", f"{one.times:,}", f"{one.total_m / 1000.0:,.1f}", start, end, one.vehicle_id


def tell_doubtful(found: Sequence[DoubtfulSection], roads: RoadSet | None, tongue: Language) -> None:
    """Doubtful sections, with their names and who surveyed their limits where the road file is given."""
    console = Console()
    if not found:
        console.print(said(tongue, "没有可疑路段", "no section is doubtful"))
        return
    known = {section.section_id: section for section in roads.sections} if roads is not None else {}
    title = said(tongue, "误报多的路段", "Sections of many false alarms")
    table = _table(tongue, title, _DOUBTFUL, (0, 1, 3))
    for one in found:
        name = limit = surveyed = ""
        if (section := known.get(one.section_id)) is not None:
            name = " ".join(filter(None, (section.road_no, section.name, section.township)))
            limit = "" if section.limit_kmh is None else f"{section.limit_kmh:g}"
            day = section.surveyed_on.isoformat() if section.surveyed_on else ""
            surveyed = " ".join(filter(None, (section.surveyed_by, day)))
        share = f"{one.false_share * 100.0:.0f} %"
        table.add_row(one.section_id, name, limit, surveyed, str(one.alarms), str(one.false_alarms), share)
    console.print(table)


def _table(tongue: Language, title: str, headings: Sequence[Heading], texts: Sequence[int]) -> Table:
    """A table whose columns are numbers but for those of ``texts``."""
    table = Table(title=title)
    for index, (zh, en) in enumerate(headings):
        table.add_column(said(tongue, zh, en), justify="left" if index in texts else "right")
    return table
