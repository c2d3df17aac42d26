"""``monitor rules``: each rule's page and its settings, with defaults and where they come from."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from monitor.cli.language import LangOption, Language, language, said
from monitor.engine.rule import Rule
from monitor.rules import load_rules


def rules_command(
    name: Annotated[str | None, typer.Argument(help="Name of a rule; all without. 规则名")] = None,
    lang: LangOption = None,
) -> None:
    """Print the rules, or one rule's page and settings. 列出规则，或一条规则的说明与参数。"""
    rules = {rule.name: rule for rule in load_rules()}
    tongue = language(lang)
    console = Console()
    if name is None:
        console.print(_overview(tuple(rules.values()), tongue))
        for rule in rules.values():
            _page(console, rule, tongue)
        return
    if name not in rules:
        known = ", ".join(rules)
        typer.echo(said(tongue, f"没有规则 {name}；现有：{known}", f"no rule {name}; there are {known}"), err=True)
        raise typer.Exit(2)
    _page(console, rules[name], tongue)


def _overview(rules: tuple[Rule, ...], tongue: Language) -> Table:
    table = Table()
    for zh, en in (("规则", "rule"), ("名称", "title"), ("类别", "kinds"), ("数值单位", "unit")):
        table.add_column(said(tongue, zh, en))
    for rule in rules:
        title = said(tongue, rule.title_zh, rule.title_en)
        table.add_row(rule.name, title, " ".join(rule.kinds) or "–", rule.unit or "–")
    return table


def _page(console: Console, rule: Rule, tongue: Language) -> None:
    console.print()
    console.rule(f"{rule.name}  {rule.title_zh}  {rule.title_en}", align="left")
    if rule.page:
        console.print(Markdown(rule.page))
    table = Table(show_edge=False, pad_edge=False)
    for zh, en in (("参数", "setting"), ("默认值", "default"), ("含义与出处", "meaning and source")):
        table.add_column(said(tongue, zh, en), overflow="fold")
    for key, field in rule.settings.model_fields.items():
        table.add_row(
            f"rules.{rule.name}.{key}",
            str(field.get_default(call_default_factory=True)),
            _meaning(field.description, key, tongue),
        )
    console.print(table)


def _meaning(description: str | None, key: str, tongue: Language) -> str:
    if description is None and key == "enabled":
        return said(tongue, "是否启用", "whether the rule runs")
    return description or ""
