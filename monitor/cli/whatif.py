"""``monitor whatif``: what another configuration would have found in the archive."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.config import load_config
from monitor.app.settlement.what_if import AlarmDifference, Difference, ScoreDifference, what_if
from monitor.app.state_folder import StateFolder
from monitor.cli.db import StateOption
from monitor.cli.language import LangOption, Language, language, said
from monitor.errors import StoreError
from monitor.model.beijing import day_number
from monitor.store.archive import Archive

_SCORES = {
    "completeness_rate": "轨迹完整率",
    "conformity_rate": "数据合格率",
    "drift_rate": "漂移车辆率",
    "speeding_per_vehicle": "平均车辆超速次数",
    "fatigue_s_per_vehicle": "平均疲劳驾驶时长（秒）",
}


def whatif_command(
    config: Annotated[Path, typer.Option("--config", "-c", help="The other configuration. 另一份配置文件")],
    first: Annotated[str, typer.Option("--from", help="First Beijing day, 2026-03-01. 起始日期")],
    last: Annotated[str, typer.Option("--to", help="Last day. 截止日期")],
    state: StateOption = None,
    lang: LangOption = None,
) -> None:
    """Run another configuration over the archive and print the difference; it changes nothing. 试算，不改动数据。"""
    tongue = language(lang)
    other = load_config(config)
    folder = StateFolder(state or other.state_folder)
    if not folder.archive.is_dir():
        raise StoreError(reason=f"there is no archive in {folder.root}", advice="Name the state folder with --state")
    archive = Archive(folder.archive, other.archive)
    found = what_if(archive, other.rule_layers(), _day(first), _day(last))
    for line in lines(found, tongue):
        typer.echo(line)


def lines(found: Difference, tongue: Language) -> list[str]:
    """The difference as text."""
    out: list[str] = []
    parts = (
        (said(tongue, "按规则", "by rule"), found.by_rule),
        (said(tongue, "按企业", "by enterprise"), found.by_enterprise),
    )
    for title, part in parts:
        if part:
            out.append(title)
            out += [_alarms(one, tongue) for one in part]
    if found.scores:
        out.append(said(tongue, "企业指标", "figures of enterprises"))
        out += [_score(one, tongue) for one in found.scores]
    return out or [said(tongue, "没有差别", "no difference")]


def _alarms(one: AlarmDifference, tongue: Language) -> str:
    gone = said(tongue, f"减少 {one.only_before}，新增 {one.only_after}", f"-{one.only_before} +{one.only_after}")
    return f"  {one.key}: {one.before} -> {one.after} ({gone})"


def _score(one: ScoreDifference, tongue: Language) -> str:
    name = said(tongue, _SCORES.get(one.score, one.score), one.score)
    return f"  {one.enterprise_id or '-'} {name}: {_figure(one.before)} -> {_figure(one.after)}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _day(text: str) -> int:
    try:
        return day_number(date.fromisoformat(text))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write 2026-03-01") from None
