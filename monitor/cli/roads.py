"""``monitor roads``: sections from maps, how much of what is driven they cover, and which of them are doubtful."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from monitor.cli.db import ConfigOption, StateOption, UrlOption, database_url
from monitor.cli.language import LangOption, language, said
from monitor.cli.outputs import check_ending, write_records, write_whole
from monitor.cli.road_tables import tell_coverage, tell_doubtful, tell_import
from monitor.errors import InputError, ReportFileError

if TYPE_CHECKING:
    from monitor.model.fleet import Registry
    from monitor.model.report import ReportBatch
    from monitor.model.road import RoadClass, RoadSet

EXIT_UNREADABLE = 1

roads_group = typer.Typer(no_args_is_help=True)

RoadsArgument = Annotated[Path, typer.Argument(help="Road sections, GeoJSON. 路段文件")]


@roads_group.callback()
def start() -> None:
    """Without this a single command would become the group."""


@roads_group.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="OSM extract (.osm .osm.gz .osm.pbf), .shp or GeoJSON. 路网数据")],
    out: Annotated[Path, typer.Option(help="Road sections to write, GeoJSON. 输出路段文件")],
    encoding: Annotated[str, typer.Option(help="Of texts: gb18030, utf-8... 文字编码")] = "",
    posts: Annotated[Path | None, typer.Option(help="Kilometre posts, CSV: road_no,km,lon,lat. 里程桩")] = None,
    posts_crs: Annotated[
        str, typer.Option(help="Coordinates of the posts: wgs84, gcj02 or EPSG. 里程桩坐标系")
    ] = "wgs84",
    fields: Annotated[Path | None, typer.Option(help="Which column is what, TOML. 字段映射")] = None,
    road_class: Annotated[
        list[str] | None, typer.Option("--class", help="Only this class; repeatable. 只取该等级，可重复")
    ] = None,
    refused: Annotated[Path | None, typer.Option(help="List of what was not used, CSV. 未采用清单")] = None,
    lang: LangOption = None,
) -> None:
    """Road sections of a map, with everything that was not used. 由地图数据生成路段文件，逐项列出未采用的内容。"""
    from monitor.app.road_import import import_roads

    tongue = language(lang)
    wanted = [_road_class(word) for word in road_class or ()]
    if refused is not None:
        check_ending(refused)
    done = import_roads(source, encoding=encoding, posts=posts, posts_crs=posts_crs, fields=fields, classes=wanted)
    _write_roads(out, done.roads)
    if refused is not None:
        told = (("refused", done.tally.refused), ("not_read", done.tally.not_read))
        records = [{"what": what, **asdict(remark)} for what, remarks in told for remark in remarks]
        write_records(refused, ("what", "line_id", "reason", "detail"), records)
    tell_import(done, out, tongue)


@roads_group.command("coverage")
def coverage_command(
    roads: RoadsArgument,
    files: Annotated[list[Path], typer.Argument(help="Track files. 轨迹文件")],
    registry: Annotated[Path | None, typer.Option(help="Registry, CSV or Excel. 车辆档案")] = None,
    places: Annotated[Path | None, typer.Option(help="Place names, GeoJSON. 地名文件")] = None,
    mapping: Annotated[Path | None, typer.Option(help="Column mapping, TOML. 列映射")] = None,
    longest: Annotated[int, typer.Option(help="How many uncovered stretches to list. 列出的未覆盖路段数")] = 20,
    lang: LangOption = None,
) -> None:
    """How many of the kilometres driven lie on known sections. 实际行驶里程中已知路段所占比例。"""
    from monitor.alarms.place_names import PlaceNames
    from monitor.app.road_coverage import road_coverage
    from monitor.model.place import parse_places

    tongue = language(lang)
    known = _roads(roads)
    named = parse_places(_bytes(places), str(places)) if places is not None else None
    batch, failed = _reports(files, mapping)
    answer = road_coverage(batch, known, _registry(registry), longest=longest)
    tell_coverage(answer, PlaceNames(known, named), tongue)
    if failed:
        raise typer.Exit(EXIT_UNREADABLE)


@roads_group.command("doubtful")
def doubtful_command(
    verdicts: Annotated[Path, typer.Argument(help="What was found of alarms, CSV: alarm_id,result. 报警处理结果")],
    evidence: Annotated[
        Path | None, typer.Option(help="Alarms with evidence (.jsonl); the store without. 报警依据文件，缺省取数据库")
    ] = None,
    roads: Annotated[Path | None, typer.Option(help="Road sections, for their names. 路段文件，用于显示名称")] = None,
    least_alarms: Annotated[int, typer.Option(min=1, help="Judged alarms from which on. 最少已判定报警数")] = 5,
    least_false_share: Annotated[float, typer.Option(min=0.01, max=1.0, help="Share of false. 误报比例下限")] = 0.5,
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """Sections whose speeding alarms mostly come back as false. 超速报警多为误报的路段。"""
    from monitor.app.doubtful_sections import DoubtSettings, doubtful_sections, read_sections, read_verdicts

    tongue = language(lang)
    screen = Console(stderr=True, soft_wrap=True)
    found = read_verdicts(verdicts)
    if evidence is not None:
        section_of = dict(read_sections(evidence))
    else:
        section_of = _stored_sections(found.verdicts, database_url(config, state, url))
    known = _roads(roads) if roads is not None else None
    if found.bad_lines:
        lines = ", ".join(map(str, found.bad_lines[:10]))
        text = said(
            tongue,
            f"无法识别的行：{len(found.bad_lines)}（{lines}）",
            f"lines not understood: {len(found.bad_lines)} ({lines})",
        )
        screen.print(f"{verdicts}: {text}", style="yellow", markup=False, highlight=False)
    pairs = [(section_of.get(alarm_id, ""), verdict) for alarm_id, verdict in found.verdicts.items()]
    without = sum(not section for section, _ in pairs)
    bounds = DoubtSettings(least_alarms=least_alarms, least_false_share=least_false_share)
    tell_doubtful(doubtful_sections(pairs, bounds), known, tongue)
    Console().print(
        said(
            tongue,
            f"处理结果 {len(pairs)} 条，其中 {without} 条不在已知路段上或不是超速报警",
            f"{len(pairs)} verdicts, {without} of them on no known section or not about speeding",
        ),
        highlight=False,
    )


def _road_class(word: str) -> RoadClass:
    from monitor.app.road_import.words import CLASS_WORDS

    found = CLASS_WORDS.get(word.strip().lower())
    if found is None:
        raise typer.BadParameter(f"{word!r} is no road class; known are {', '.join(CLASS_WORDS)}")
    return found


def _write_roads(path: Path, roads: RoadSet) -> None:
    def write(file: IO[bytes]) -> None:
        file.write(roads.payload)

    write_whole(path, write)


def _stored_sections(alarm_ids: Iterable[str], url: str) -> dict[str, str]:
    """Sections of alarms by the evidence in the store."""
    from monitor.app.doubtful_sections import section_of
    from monitor.store.database import open_database
    from monitor.store.evidence_store import evidence_of_alarm
    from monitor.store.schema import require_current

    database = open_database(url)
    try:
        require_current(database)
        return {alarm_id: section_of(evidence_of_alarm(database, alarm_id)) for alarm_id in alarm_ids}
    finally:
        database.close()


def _roads(path: Path) -> RoadSet:
    from monitor.model.road import parse_roads

    return parse_roads(_bytes(path), str(path))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReportFileError(path=str(path), reason=f"cannot be read: {error.strerror or error}") from error


def _registry(path: Path | None) -> Registry | None:
    """The good rows; how many are not is told."""
    if path is None:
        return None
    from monitor.model.fleet import Registry
    from monitor.store.registry_files import read_registry

    found = read_registry(path)
    if found.problems:
        typer.echo(f"{path}: {len(found.problems)} / {found.rows_total}: {found.problems[0].sentence()}", err=True)
    return Registry(found.vehicles, 1)


def _reports(files: Sequence[Path], mapping: Path | None) -> tuple[ReportBatch, bool]:
    """Reports of all files with their flaws, and whether a file could not be read at all."""
    from monitor.model.report import concatenate
    from monitor.quality.judgement import judge
    from monitor.sources.mapping_files import load_mapping
    from monitor.sources.report_files import read_reports

    chosen = load_mapping(mapping) if mapping is not None else None
    now_ms = int(time.time() * 1000)
    screen = Console(stderr=True, soft_wrap=True)
    batches: list[ReportBatch] = []
    for path in files:
        try:
            read = read_reports(path, chosen, now_ms=now_ms)
        except InputError as error:
            screen.print(str(error), style="red", markup=False, highlight=False)
            continue
        if read.rejects:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(read.rejects.items()))
            screen.print(f"{path}: {reasons}", style="yellow", markup=False, highlight=False)
        batches.append(read.batch)
    if not batches:
        raise typer.Exit(EXIT_UNREADABLE)
    batch = concatenate(batches)
    judge(batch.rows, now_ms=now_ms)
    return batch, len(batches) < len(files)
