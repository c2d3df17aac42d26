"""The text of ``docs/rules.md``, made from the rules: ``python -m tests.unit.rule_document`` rewrites the file."""

from __future__ import annotations

from pathlib import Path

from monitor.engine.rule import Rule
from monitor.rules import load_rules

PATH = Path(__file__).parents[2] / "docs" / "rules.md"
_HEAD = (
    "# Rules\n\nMade from the rules themselves by `python -m tests.unit.rule_document`; "
    "`monitor rules` prints the same. Letters in brackets grade the source of a number: L law, A assessment table, "
    "V seen in practice, D default of this project.\n"
)


def text() -> str:
    """One section per rule: its page, then its settings."""
    return _HEAD + "".join(_section(rule) for rule in load_rules())


def _section(rule: Rule) -> str:
    kinds = f"Kinds: {', '.join(f'`{kind}`' for kind in rule.kinds)}. " if rule.kinds else ""
    lines = [f"\n## `{rule.name}` {rule.title_zh}\n", rule.page.strip(), "", f"{kinds}Unit: {rule.unit}.", ""]
    lines += ["| setting | default | meaning and source |", "|---|---|---|"]
    for key, field in rule.settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        meaning = field.description or ("whether the rule runs" if key == "enabled" else "")
        lines.append(f"| `rules.{rule.name}.{key}` | `{default}` | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
