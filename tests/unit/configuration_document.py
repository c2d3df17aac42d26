"""Tables of settings in ``docs/configuration.md``, made of the settings themselves.

``python -m tests.unit.configuration_document`` writes them; a test says when they are out of date. What stands between
a heading and its table is written by hand and stays.
"""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from monitor.alarms.limits import LimitSettings
from monitor.app.core_settings import CoreSettings
from monitor.app.downlinks import DownlinkSettings
from monitor.app.evidence_settings import EvidenceSettings
from monitor.app.exchange_settings import ExchangeSettings, ForwardSettings
from monitor.app.reminder_settings import ReminderSettings
from monitor.app.retention_settings import RetentionSettings
from monitor.app.settlement.settings import SettlementSettings
from monitor.app.terminal_book import TerminalBookSettings
from monitor.sinks.delivery import DeliverySettings
from monitor.sinks.jt809 import Jt809SinkSettings
from monitor.sinks.redis_settings import RedisSinkSettings
from monitor.sources.jt808 import Jt808Settings
from monitor.sources.jt809 import CipherSettings, Jt809LinkSettings
from monitor.sources.redis_settings import RedisSourceSettings, StreamSettings
from monitor.store.archive.settings import ArchiveSettings
from monitor.store.journal import JournalSettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"

SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("[[jt808]]", Jt808Settings),
    ("[terminals]", TerminalBookSettings),
    ("[downlinks]", DownlinkSettings),
    ("[reminders]", ReminderSettings),
    ("[[jt809]]", Jt809LinkSettings),
    ("[jt809.cipher]", CipherSettings),
    ("[exchange]", ExchangeSettings),
    ("[[exchange.forward]]", ForwardSettings),
    ("[sinks.webhook.limits]", LimitSettings),
    ("[[sinks.jt809]]", Jt809SinkSettings),
    ("[core]", CoreSettings),
    ("[journal]", JournalSettings),
    ("[archive]", ArchiveSettings),
    ("[retention]", RetentionSettings),
    ("[settlement]", SettlementSettings),
    ("[evidence]", EvidenceSettings),
    ("[sinks.delivery]", DeliverySettings),
    ("[[sources.redis]]", RedisSourceSettings),
    ("[[sources.redis.streams]]", StreamSettings),
    ("[[sinks.redis]]", RedisSinkSettings),
)


def written() -> str:
    """The document with every table as the settings have it now."""
    text = DOCUMENT.read_text("utf-8")
    for heading, model in SECTIONS:
        table = _table(model)
        pattern = re.compile(rf"(^##+ `{re.escape(heading)}`\n(?:(?!^##|^\|).*\n)*)((?:^\|.*\n)+)?", re.MULTILINE)
        found = pattern.search(text)
        if found is None:
            text = f"{text.rstrip()}\n\n## `{heading}`\n\n{table}"
        else:
            rest = text[found.end() :].lstrip("\n")
            text = text[: found.start()] + found[1].rstrip("\n") + "\n\n" + table + ("\n" + rest if rest else "")
    return text


def _table(model: type[BaseModel]) -> str:
    rows = [f"| `{name}` | {_default(field)} | {_meaning(field)} |" for name, field in model.model_fields.items()]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _meaning(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Enum):
        value = value.value
    if value is None or value in ((), "", {}) or isinstance(value, SecretStr | BaseModel):
        return "–"
    if isinstance(value, tuple):
        return " ".join(f"`{item}`" for item in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    DOCUMENT.write_text(written(), "utf-8")
