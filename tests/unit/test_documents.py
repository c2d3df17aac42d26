"""Documents and code say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from monitor.app.config import MonitorConfig
from monitor.engine.parameters import RuleLayers
from monitor.model.alarm import ALARM_COLUMNS
from monitor.model.indicator import INDICATOR_COLUMNS
from monitor.model.supervision import SUPERVISION_COLUMNS
from monitor.rules import load_rules
from monitor.sources.report_columns import ReportColumn
from tests.unit import rule_document

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
_MACHINE_PATH = re.compile(r"(?<![\w./:}\]])/(?:work|home|root|tmp|usr|opt|mnt|Users)/")


def test_the_page_of_rules_is_what_the_rules_say() -> None:
    said = rule_document.PATH.read_text(encoding="utf-8")
    assert said == rule_document.text(), "run python -m tests.unit.rule_document"


@pytest.mark.parametrize(
    "columns",
    [tuple(ReportColumn), ALARM_COLUMNS, INDICATOR_COLUMNS, SUPERVISION_COLUMNS],
    ids=["reports", "alarms", "indicators", "key supervision"],
)
def test_the_interface_names_every_column(columns: tuple[str, ...]) -> None:
    text = (ROOT / "docs" / "interface.md").read_text(encoding="utf-8")
    assert [name for name in columns if f"`{name}`" not in text] == []


def test_the_interface_names_every_rule_and_kind() -> None:
    text = (ROOT / "docs" / "interface.md").read_text(encoding="utf-8")
    words = [word for rule in load_rules() for word in (rule.name, *rule.kinds)]
    assert [word for word in words if f"`{word}`" not in text] == []


def test_every_setting_of_the_configuration_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    missing = [key for key in _settings(MonitorConfig) if not re.search(rf"\b{re.escape(key.split('.')[-1])}\b", text)]
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(path: Path) -> None:
    links = _LINK.findall(path.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_a_document_names_no_path_of_a_machine(path: Path) -> None:
    assert _MACHINE_PATH.findall(path.read_text(encoding="utf-8")) == []


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Keys of a settings model and of the models in it; rule layers have a page of their own."""
    for key, field in model.model_fields.items():
        yield prefix + key
        if not prefix and key in RuleLayers.model_fields:
            continue
        for part in _models(field.annotation):
            yield from _settings(part, f"{prefix}{key}.")


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
