"""``monitor check``: is the configuration right, and what does it come to?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.app.config import MonitorConfig, default_config_path, load_config
from monitor.cli.language import LangOption, Language, language, said
from monitor.errors import ConfigError


def check_command(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file. 配置文件")] = None,
    lang: LangOption = None,
) -> None:
    """Check a configuration; names the key and the reason of everything wrong. 检查配置，逐项指出键与原因。"""
    path = config or default_config_path()
    tongue = language(lang)
    try:
        loaded = load_config(path)
    except ConfigError as error:
        typer.echo(said(tongue, f"{error.path}：{len(error.problems)} 处有误", f"{error.path}: refused"), err=True)
        for key, reason in error.problems:
            typer.echo(f"  {key}: {reason}", err=True)
        raise typer.Exit(2) from None
    typer.echo(said(tongue, f"{path}：配置正确", f"{path}: in order"))
    for name, value in _facts(loaded, tongue):
        typer.echo(f"  {name}: {value}")


def _facts(config: MonitorConfig, tongue: Language) -> list[tuple[str, str]]:
    """What a person wants to see before the start; no secrets."""
    none = said(tongue, "无", "none")
    sources = [
        f"{item.name} {item.address} {','.join(one.topic for one in item.subscriptions)}" for item in config.mqtt
    ]
    sources += [f"{item.name} {item.address} {item.policy}" for item in config.jt808]
    sources += [f"{item.name} {item.address} {item.role}" for item in config.jt809]
    sinks = [f"{item.name} {item.address}" for item in config.sinks.mqtt]
    sinks += [f"{item.name} {item.url}" for item in config.sinks.webhook]
    sinks += [f"{item.name} {item.link}" for item in config.sinks.jt809]
    changed = [f"rules.{name}" for name in config.rules]
    for layer in ("vehicle_class", "enterprise", "vehicle"):
        changed += [f"{layer}.{key}" for key in getattr(config, layer)]
    url = config.database_url.rpartition("@")[2] if config.database_url else config.database
    return [
        (said(tongue, "状态目录", "state folder"), str(config.state_folder)),
        (said(tongue, "数据库", "database"), url),
        (said(tongue, "数据来源", "sources"), "; ".join(sources) or none),
        (said(tongue, "推送", "sinks"), "; ".join(sinks) or none),
        (said(tongue, "改动的规则参数", "rule settings changed"), ", ".join(changed) or none),
        (said(tongue, "接口", "REST API"), f"http://{config.http.host}:{config.http.port}/api/v1"),
        (said(tongue, "指标", "metrics"), f"http://{config.metrics.host}:{config.metrics.port}/metrics"),
    ]
