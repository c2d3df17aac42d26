"""``monitor explain ALARM_ID``: why there is an alarm, from its evidence, for a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from monitor.cli.explanation import print_explanation
from monitor.cli.language import LangOption, language, said
from monitor.errors import ReportFileError, StoreError
from monitor.model.evidence import AlarmEvidence

EXIT_UNKNOWN = 1


def explain_command(
    alarm_id: Annotated[str, typer.Argument(help="Id of the alarm. 报警编号")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file. 配置文件")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Evidence file of `monitor replay --evidence`. 重算输出的证据文件")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output. 输出 JSON")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="All bytes of the frames, for monitor decode. 完整原始报文")
    ] = False,
    lang: LangOption = None,
) -> None:
    """Print why there is an alarm: limit, run, reports, frames, settings, uncertainty. 说明一条报警的依据。"""
    tongue = language(lang)
    found = _stored(alarm_id, config) if source is None else read_evidence(source, alarm_id)
    if found is None:
        where = said(tongue, f"{source or '数据库'}中", f"in {source or 'the database'}")
        told = said(tongue, f"{where}没有编号为 {alarm_id} 的报警", f"There is no alarm {alarm_id} {where}.")
        typer.echo(told, err=True)
        raise typer.Exit(EXIT_UNKNOWN)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    print_explanation(Console(highlight=False, soft_wrap=True, emoji=False, markup=False), found, tongue, raw=raw)


def read_evidence(path: Path, alarm_id: str) -> AlarmEvidence | None:
    """The line of an alarm in an evidence file; None where it has none. Raises ``ReportFileError``."""
    wanted = alarm_id.encode()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if wanted not in line:
                    continue
                try:
                    found = msgspec.json.decode(line, type=AlarmEvidence)
                except msgspec.DecodeError as error:
                    raise ReportFileError(path=str(path), reason=f"line {number} is no evidence: {error}") from error
                if found.alarm.get("alarm_id") == alarm_id:
                    return found
    except OSError as error:
        raise ReportFileError(path=str(path), reason=f"cannot be read: {error.strerror or error}") from error
    return None


def _stored(alarm_id: str, config: Path | None) -> AlarmEvidence | None:
    """From the relational store of a configuration."""
    from monitor.app.config import default_config_path, load_config
    from monitor.store.database import open_database
    from monitor.store.evidence_store import alarm_evidence_by_id
    from monitor.store.schema import require_current

    loaded = load_config(config or default_config_path())
    if loaded.database_url is None and not loaded.state_folder.exists():
        raise StoreError(
            reason=f"there is no state folder {loaded.state_folder}", advice="Name the configuration with --config."
        )
    database = open_database(loaded.database)
    try:
        require_current(database)
        return alarm_evidence_by_id(database, alarm_id)
    finally:
        database.close()
