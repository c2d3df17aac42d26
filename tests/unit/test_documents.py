"""Documents and code say the same."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from monitor.app import metrics, protocol_metrics
from monitor.app.config import MonitorConfig, parse_config
from monitor.console.api import create_api
from monitor.engine.parameters import RuleLayers
from monitor.model.alarm import ALARM_COLUMNS
from monitor.model.indicator import INDICATOR_COLUMNS
from monitor.model.supervision import SUPERVISION_COLUMNS
from monitor.rules import load_rules
from monitor.sources.report_columns import ReportColumn
from monitor.store.database import open_database
from tests.unit import rule_document

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
_EXAMPLE = re.compile(r"^# (?=\[|[a-z_]+ = )", re.MULTILINE)
_METRIC = re.compile(r"\bvdm_[a-z0-9_]+\b")
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


def test_the_interface_names_every_address_of_the_api() -> None:
    text = (ROOT / "docs" / "interface.md").read_text(encoding="utf-8")
    paths = create_api(open_database("sqlite://")).openapi()["paths"]
    stems = {re.sub(r"\{[a-z_]+_id\}", "{id}", path.removeprefix("/api/v1")) for path in paths}
    assert sorted(stem for stem in stems - {"/alarms/{id}"} if f"`{stem}`" not in text) == []


def test_operations_names_every_metric_of_terminals_and_links() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    made = _METRIC.findall(Path(protocol_metrics.__file__).read_text("utf-8"))
    for module in ("terminals.py", "platforms.py"):
        made += _METRIC.findall((Path(protocol_metrics.__file__).parent / module).read_text("utf-8"))
    assert made
    assert [name for name in made if f"`{name}`" not in text] == []


def test_every_metric_that_operations_names_exists() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    source = "".join(path.read_text("utf-8") for path in Path(metrics.__file__).parent.glob("*.py"))
    assert [name for name in _METRIC.findall(text) if name != "vdm_" and name not in source] == []


def test_the_examples_of_the_shipped_configuration_can_be_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _EXAMPLE.sub("", (ROOT / "configs" / "monitor.toml").read_text("utf-8"))
    text = re.sub(r"^tls = .*$", "", text, flags=re.MULTILINE)  # a certificate would have to be made first
    for variable in re.findall(r'^\w+_env = "(\w+)"', text, flags=re.MULTILINE):
        monkeypatch.setenv(variable, "secret")
    for name in ("token", "admin.token"):
        (tmp_path / name).write_text(f"{name} of sixteen letters and more", "utf-8")
    shutil.copy(ROOT / "configs" / "supervision.toml", tmp_path)
    shutil.copy(ROOT / "configs" / "simulator" / "gaotai_fences.geojson", tmp_path / "fences.geojson")
    monkeypatch.chdir(tmp_path)
    config = parse_config(text, "monitor.toml")
    assert [config.jt808[0].name, *(link.name for link in config.jt809)] == ["terminals", "county", "province"]
    assert config.exchange.forward[0].link == config.sinks.jt809[0].link == "province"


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
