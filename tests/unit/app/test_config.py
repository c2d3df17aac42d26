"""The configuration file: what is wrong is named, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from monitor.app.config import MonitorConfig, default_config_path, load_config, parse_config
from monitor.errors import ConfigError
from tests.unit.configuration_document import DOCUMENT, written

_DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"

_SOURCE = '[[mqtt]]\nname = "a"\n[[mqtt.subscriptions]]\ntopic = "x"\n'

REFUSED: tuple[tuple[str, str, str], ...] = (
    ("colour = 1", "colour", "no such setting"),
    ("[http]\nport = 99999", "http.port", "less than or equal to 65535"),
    ('[http]\nhost = "0.0.0.0"', "http", "beyond loopback"),
    ('[metrics]\nhost = "0.0.0.0"\ntoken = "short"', "metrics.token", "at least 16"),
    ('[http]\ntoken_env = "VDM_TEST_NOT_SET"', "http.token_env", "is not set"),
    ('[[mqtt]]\nname = "a"', "mqtt[0].subscriptions", "is required"),
    ('[[mqtt]]\nname = "a"\n[[mqtt.subscriptions]]\ntopic = "a/#/b"', "mqtt[0].subscriptions[0].topic", "# comes last"),
    (_SOURCE + _SOURCE, "name of a source", "'a' stands 2 times"),
    ('[[sinks.webhook]]\nname = "w"\nurl = "ftp://x"', "sinks.webhook[0].url", "URL"),
    ("[rules.speding]\nhold_s = 1", "rules.speding", "no such rule"),
    ("[rules.speeding]\nhold = 1", "rules.speeding.hold", "not permitted"),
    ('[vehicle_class.hazmat.speeding]\nhold_s = "x"', "vehicle_class.hazmat.speeding.hold_s", "valid number"),
    ("[http]\nport = 9108", "metrics.port", "port of [http]"),
    ("port = [", "file", "is not TOML"),
    ('[supervision]\nentry_rules_file = "/nowhere.toml"', "supervision.entry_rules_file", "cannot be read"),
)


@pytest.mark.parametrize(("text", "key", "reason"), REFUSED, ids=[row[1] + ": " + row[2] for row in REFUSED])
def test_what_is_wrong_is_named_with_key_and_reason(text: str, key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "monitor.toml")
    assert any(key in found and reason in said for found, said in caught.value.problems), caught.value.problems


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("colour = 1\n[http]\nport = -1\n[rules.nope]\n", "monitor.toml")
    assert len(caught.value.problems) == 3


def test_the_shipped_file_is_right_and_changes_nothing() -> None:
    shipped = load_config(default_config_path())
    assert shipped.model_copy(update={"mqtt": ()}) == MonitorConfig()


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml")


def test_a_secret_is_never_shown() -> None:
    config = parse_config('[http]\ntoken = "a-very-secret-token"', "monitor.toml")
    assert "very-secret" not in repr(config)
    assert config.http.secret("http") == "a-very-secret-token"


def _settings(model: type[BaseModel]) -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(name)
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                names |= _settings(kind)
    return names


@pytest.mark.parametrize("name", sorted(_settings(MonitorConfig)))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in _DOCUMENT.read_text("utf-8")


def test_the_tables_of_the_document_are_those_of_the_settings() -> None:
    assert written() == DOCUMENT.read_text("utf-8"), "run python -m tests.unit.configuration_document"
