"""The command ``monitor``. Each command is a file; only the one that is asked for is imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import typer

from monitor.cli.language import Language, language, said
from monitor.errors import ConfigError, MonitorError

EXIT_UNREADABLE = 1
EXIT_USAGE = 2

_SETTINGS = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True, slots=True)
class _Command:
    """Where a command is, and its line in the list of commands. ``group`` for one with commands of its own."""

    module: str
    attribute: str
    zh: str
    en: str
    group: bool = False


_COMMANDS: dict[str, _Command] = {
    "run": _Command("run", "run_command", "启动服务", "Start the daemon"),
    "demo": _Command("demo", "demo_command", "演示：自带消息服务与模拟车队", "Show everything on embedded parts"),
    "replay": _Command("replay", "replay_command", "用轨迹文件重算报警", "Alarms from recorded reports"),
    "explain": _Command("explain", "explain_command", "说明一条报警的依据", "Why there is an alarm"),
    "simulate": _Command("simulate", "simulate_command", "模拟车队", "Simulate a fleet"),
    "score": _Command("score", "score_command", "用模拟真值评价报警", "Compare alarms with a simulation's truth"),
    "decode": _Command("decode", "decode_command", "解析 JT/T 808、809 报文", "Decode JT/T 808 and 809 frames"),
    "import": _Command("import_", "import_command", "导入车辆档案", "Import a vehicle registry"),
    "check": _Command("check", "check_command", "检查配置文件", "Check a configuration file"),
    "reload": _Command(
        "reload", "reload_command", "不停机重新读取配置与地图", "Have the daemon read its settings and maps anew"
    ),
    "settle": _Command("settle", "settle_command", "结算：更正报警与指标", "Settle a day from the archive"),
    "whatif": _Command("whatif", "whatif_command", "试算：换一套参数会怎样", "Another configuration over the archive"),
    "rules": _Command("rules", "rules_command", "规则说明与参数", "What each rule does, and its settings"),
    "roads": _Command("roads", "roads_group", "路段：生成、覆盖率、可疑路段", "Road sections from maps", group=True),
    "drivers": _Command("drivers", "drivers_group", "驾驶员档案", "The driver register", group=True),
    "permits": _Command("permits", "permits_group", "许可核查", "Permits against registry and trips", group=True),
    "silences": _Command("silences", "silences_group", "屏蔽推送", "Keep alarms from being delivered", group=True),
    "deadletters": _Command(
        "deadletters", "deadletters_group", "未送达消息", "Messages that did not arrive", group=True
    ),
    "db": _Command("db", "db_group", "数据库表结构", "Tables of the relational store", group=True),
    "journal": _Command("journal", "journal_group", "日志：检查、剔除损坏", "Damage of the journal", group=True),
    "clock": _Command("clock", "clock_group", "系统时钟：查看、确认", "Whether the clock is believed", group=True),
    "backup": _Command("backup", "backup_command", "在线备份", "Back everything up while the daemon runs"),
    "restore": _Command("backup", "restore_command", "恢复备份", "Put a backup into an empty state folder"),
    "hold": _Command("hold", "hold_group", "数据封存", "Seal vehicles and spans against deletion", group=True),
    "retention": _Command("retention", "retention_group", "保存期限", "Delete what is too old", group=True),
    "version": _Command("version", "version_command", "版本", "Versions"),
}


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit status. What is wrong is one sentence on standard error."""
    try:
        outcome = root(arguments)(arguments, standalone_mode=False)
    except MonitorError as error:
        print(f"monitor: {error}", file=sys.stderr)
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_UNREADABLE
    except typer.Abort:
        return 130
    except typer.Exit as leaving:
        return leaving.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output left; there is nobody to tell
        return 0
    except Exception as error:
        # Bad usage comes as the command line library's own exceptions, which know how to show themselves.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return int(getattr(error, "exit_code", EXIT_USAGE))
    return outcome if isinstance(outcome, int) else 0


def root(arguments: list[str]) -> typer.Typer:
    """The command tree for one command line."""
    tongue = _tongue(arguments)
    wanted = next((argument for argument in arguments if not argument.startswith("-")), "")
    app = typer.Typer(
        name="monitor",
        add_completion=False,
        no_args_is_help=True,
        context_settings=_SETTINGS,
        pretty_exceptions_enable=False,
        help=said(
            tongue, "重点营运车辆动态监控报警处理", "Dynamic-monitoring alarm processor for key operating vehicles"
        ),
    )

    @app.callback()
    def start() -> None:
        """Without this a single command would become the root."""

    for name, command in _COMMANDS.items():
        line = said(tongue, command.zh, command.en)
        if name != wanted:
            app.command(name, help=line)(_elsewhere)
        elif command.group:
            app.add_typer(_load(command, typer.Typer), name=name, help=line, context_settings=_SETTINGS)
        else:
            app.command(name, context_settings=_SETTINGS)(_load_function(command))
    return app


def _elsewhere() -> None:
    """Stands in the list of commands for one that was not asked for."""


def _load_function(command: _Command) -> Callable[..., object]:
    found = getattr(importlib.import_module(f"monitor.cli.{command.module}"), command.attribute)
    if not callable(found):
        raise TypeError(f"{command.module}.{command.attribute} is no command")
    return found  # type: ignore[no-any-return]  # the signature is the command's own


def _load(command: _Command, kind: type[typer.Typer]) -> typer.Typer:
    found = getattr(importlib.import_module(f"monitor.cli.{command.module}"), command.attribute)
    if not isinstance(found, kind):
        raise TypeError(f"{command.module}.{command.attribute} is no {kind.__name__}")
    return found


def _tongue(arguments: list[str]) -> Language:
    for name, value in pairwise([*arguments, ""]):
        stated = name.removeprefix("--lang=") if name.startswith("--lang=") else value if name == "--lang" else ""
        if stated in list(Language):
            return Language(stated)
    return language(None)


__all__ = ["EXIT_UNREADABLE", "EXIT_USAGE", "main", "root", "run"]
