"""``monitor replay FILE...``: alarms, indicators and the key-supervision list of recorded reports.

What only some command lines need (configuration, registry, journal, indicators) is imported where it is used: together
it takes as long to load as a day of a truck takes to replay.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from monitor.app.replay import Replay, replay_batch, replay_journal
from monitor.cli.language import LangOption, Language, language, said
from monitor.cli.outputs import check_ending, write_evidence, write_records
from monitor.engine.receive import Outcome
from monitor.errors import InputError
from monitor.model.alarm import ALARM_COLUMNS
from monitor.model.beijing import iso, parse_iso
from monitor.model.driver import NO_DRIVERS, DriverRegister
from monitor.model.fleet import Registry
from monitor.model.indicator import INDICATOR_COLUMNS, Indicator
from monitor.model.map_set import NO_MAPS
from monitor.model.report import ReportBatch, concatenate
from monitor.model.supervision import SUPERVISION_COLUMNS
from monitor.quality.settings import QualitySettings
from monitor.rules import load_rules
from monitor.sources.mapping_files import load_mapping
from monitor.sources.report_files import FileRead, read_reports

if TYPE_CHECKING:
    from monitor.app.config import MonitorConfig
    from monitor.supervision.entry_rules import EntryRule

EXIT_UNREADABLE = 1


def replay_command(
    files: Annotated[
        list[Path],
        typer.Argument(help="Track files (CSV, CSV.gz, CSV.xz, Parquet) or a journal folder. 轨迹文件或日志目录"),
    ],
    registry: Annotated[Path | None, typer.Option(help="Registry, CSV or Excel. 车辆档案")] = None,
    drivers: Annotated[Path | None, typer.Option(help="Driver register, CSV or Excel. 驾驶员档案")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration; rule settings are used. 配置文件")] = None,
    mapping: Annotated[Path | None, typer.Option(help="Column mapping, TOML. 列映射")] = None,
    alarms: Annotated[Path | None, typer.Option(help="Write alarms: .jsonl .csv .parquet. 报警输出")] = None,
    indicators: Annotated[Path | None, typer.Option(help="Write indicator rows. 指标输出")] = None,
    supervision: Annotated[Path | None, typer.Option(help="Write the key-supervision list. 重点监管名单输出")] = None,
    evidence: Annotated[Path | None, typer.Option(help="Write alarms with evidence, .jsonl. 报警依据输出")] = None,
    until: Annotated[str | None, typer.Option(help="Let time pass until then, ISO 8601. 时间推进至")] = None,
    as_received: Annotated[bool, typer.Option("--as-received", help="The live answer. 按接收顺序")] = False,
    lang: LangOption = None,
) -> None:
    """Alarms from recorded reports: settled, or as received. 用轨迹文件重算报警。"""
    tongue = language(lang)
    screen = Console(stderr=True, soft_wrap=True)
    for path in (alarms, indicators, supervision):
        if path is not None:
            check_ending(path)
    if evidence is not None and evidence.suffix.lower() != ".jsonl":
        raise typer.BadParameter(f"{evidence}: evidence is written as .jsonl")
    wanted = evidence is not None
    until_ms = _moment(until)
    settings = _settings(config) if config is not None else None
    layers = settings.rule_layers() if settings is not None else None
    maps = settings.maps() if settings is not None else NO_MAPS
    vehicles = _registry(registry, screen, tongue) if registry is not None else None
    people = _drivers(drivers) if drivers is not None else NO_DRIVERS
    now_ms = int(time.time() * 1000)
    started = time.perf_counter()
    journals = [path for path in files if path.is_dir() and any(path.glob("*.vdmj"))]
    if journals and len(journals) == len(files):
        from monitor.store.journal import read_segment_files

        records = read_segment_files(journals)
        answer = replay_journal(
            records, vehicles, until_ms=until_ms, layers=layers, maps=maps, drivers=people, evidence=wanted
        )
        failed = False
    else:
        batch, failed = _reports(files, mapping, now_ms, screen, tongue)
        if batch is None:
            raise typer.Exit(EXIT_UNREADABLE)
        answer = replay_batch(
            batch,
            vehicles,
            until_ms=until_ms,
            as_received=as_received,
            now_ms=now_ms,
            layers=layers,
            quality=settings.quality if settings is not None else QualitySettings(),
            maps=maps,
            drivers=people,
            evidence=wanted,
        )
    _write(
        answer,
        vehicles or answer.registry or Registry(),
        _entry_rules(settings) if supervision is not None else (),
        (alarms, indicators, supervision),
        as_received,
        tongue,
    )
    if evidence is not None:
        write_evidence(evidence, answer.alarms, answer.evidence)
    _summary(answer, time.perf_counter() - started, tongue)
    if failed:
        raise typer.Exit(EXIT_UNREADABLE)


def _drivers(path: Path) -> DriverRegister:
    """Every row of the file. Raises ``RegistryError``, ``ReportFileError``."""
    from monitor.store.driver_files import read_drivers

    read = read_drivers(path)
    read.require_whole()
    return DriverRegister(read.drivers)


def _settings(config: Path) -> MonitorConfig:
    from monitor.app.config import load_config

    return load_config(config)


def _entry_rules(settings: MonitorConfig | None) -> tuple[EntryRule, ...]:
    """As the configuration says, else the shipped ones."""
    from monitor.app.core_settings import SupervisionSettings

    return (settings.supervision if settings is not None else SupervisionSettings()).entry_rules()


def _moment(until: str | None) -> int | None:
    if until is None:
        return None
    try:
        return parse_iso(until)
    except ValueError as error:
        raise typer.BadParameter(f"{until!r} is no ISO 8601 time, for example 2026-03-02T00:00:00+08:00") from error


def _registry(path: Path, screen: Console, tongue: Language) -> Registry:
    """The good rows; the others are counted and the first of them told."""
    from monitor.store.registry_files import read_registry

    found = read_registry(path)
    if found.problems:
        head = said(tongue, "档案有问题的行", "registry rows with problems")
        screen.print(f"{path}: {head}: {len(found.problems)} / {found.rows_total}", markup=False, style="yellow")
        for problem in found.problems[:10]:
            screen.print(f"  {problem.sentence()}", markup=False)
    return Registry(found.vehicles, 1)


def _reports(
    files: Sequence[Path], mapping: Path | None, now_ms: int, screen: Console, tongue: Language
) -> tuple[ReportBatch | None, bool]:
    """All files merged, and whether one could not be read at all."""
    chosen = load_mapping(mapping) if mapping is not None else None
    batches: list[ReportBatch] = []
    failed = False
    with _bar(screen) as progress:
        for path in files:
            task = progress.add_task(path.name, total=None)
            try:
                read = read_reports(path, chosen, now_ms=now_ms, progress=_Advance(progress, task))
            except InputError as error:
                screen.print(str(error), style="red", markup=False, highlight=False)
                failed = True
                continue
            _tell(path, read, screen, tongue)
            batches.append(read.batch)
    return (concatenate(batches) if batches else None), failed


class _Advance:
    """Progress of one file."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def __call__(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)


def _bar(screen: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


def _tell(path: Path, read: FileRead, screen: Console, tongue: Language) -> None:
    """What of a file was not used, by reason, with the first places."""
    for problem in read.problems:
        screen.print(str(problem), style="yellow", markup=False, highlight=False)
    for counts, zh, en in (
        (read.rejects, "未采用的行", "rows not used"),
        (read.bad_values, "无法识别的取值", "values not understood"),
    ):
        if counts:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(counts.items()))
            screen.print(f"{path}: {said(tongue, zh, en)}: {reasons}", style="yellow", markup=False, highlight=False)
    for cell in read.first_bad[:5]:
        where = said(tongue, f"第 {cell.row} 行 {cell.column}", f"row {cell.row} {cell.column}")
        screen.print(f"  {where}: {cell.reason}", markup=False, highlight=False)


def _write(
    answer: Replay,
    registry: Registry,
    entry_rules: Sequence[EntryRule],
    outputs: tuple[Path | None, Path | None, Path | None],
    live: bool,
    tongue: Language,
) -> None:
    """Write what was asked for: alarms, indicators, key-supervision list."""
    alarms, indicators, supervision = outputs
    if alarms is not None:
        write_records(alarms, ALARM_COLUMNS, [alarm.record() for alarm in answer.alarms])
    if indicators is None and supervision is None:
        return
    rows = _indicators(answer, registry, live)
    if indicators is not None:
        write_records(indicators, INDICATOR_COLUMNS, [row.record() for row in rows])
    if supervision is not None:
        from monitor.supervision.key_supervision import key_supervision

        entries = key_supervision(
            answer.alarms, rows, registry, entry_rules, clock_ms=answer.clock_ms, lang=tongue.value
        )
        write_records(supervision, SUPERVISION_COLUMNS, [entry.record() for entry in entries])


def _indicators(answer: Replay, registry: Registry, live: bool) -> tuple[Indicator, ...]:
    from monitor.supervision.indicators import build_indicators

    days = answer.days[answer.days["day"] > 0]
    if not len(days):
        return ()
    return build_indicators(
        days,
        answer.vehicle_ids,
        registry,
        answer.alarms,
        clock_ms=answer.clock_ms,
        first_day=int(days["day"].min()),
        last_day=int(days["day"].max()),
        live=live,
    )


def _summary(answer: Replay, seconds: float, tongue: Language) -> None:
    """What came of the reports, and the alarms by rule and grade."""
    console = Console()
    counts = {Outcome(i): int(n) for i, n in enumerate(answer.outcomes) if n}
    words = {
        Outcome.ACCEPTED: ("采用", "accepted"),
        Outcome.UNTIMED: ("时间无效", "time not usable"),
        Outcome.DUPLICATE: ("重复", "duplicates"),
        Outcome.CONFLICT: ("重复且内容不同", "conflicting duplicates"),
        Outcome.OUT_OF_ORDER: ("乱序（待结算）", "out of order, left to settlement"),
        Outcome.NO_POSITION: ("无有效定位", "without usable position"),
        Outcome.DRIFT: ("漂移点", "drift points"),
        Outcome.CONFIRMED: ("新位置确认", "confirmed new place"),
    }
    total = sum(counts.values())
    parts = ", ".join(f"{said(tongue, *words[outcome])} {n:,}" for outcome, n in counts.items())
    console.print(
        said(tongue, f"报告 {total:,} 条，用时 {seconds:.2f} 秒：", f"{total:,} reports in {seconds:.2f} s: ") + parts,
        highlight=False,
    )
    until = iso(answer.clock_ms) if answer.clock_ms else "–"
    console.print(said(tongue, f"引擎时钟 {until}", f"engine clock {until}"), highlight=False)
    titles = {rule.name: said(tongue, rule.title_zh, rule.title_en) for rule in load_rules()}
    grades = ("notice", "general", "major", "serious")
    table = Table(title=said(tongue, f"报警 {len(answer.alarms):,} 条", f"{len(answer.alarms):,} alarms"))
    table.add_column(said(tongue, "规则", "rule"))
    for grade, zh in zip(grades, ("提示", "一般", "较重", "严重"), strict=True):
        table.add_column(said(tongue, zh, grade), justify="right")
    found = Counter((alarm.rule, alarm.grade.word) for alarm in answer.alarms)
    for rule in sorted({alarm.rule for alarm in answer.alarms}):
        table.add_row(f"{titles.get(rule, rule)} {rule}", *(str(found[rule, grade] or "") for grade in grades))
    if answer.alarms:
        console.print(table)
