"""Settings of the reminders to drivers, with the texts that ship."""

from __future__ import annotations

from string import Formatter

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from monitor.app.downlink_messages import checked_text
from monitor.errors import CommandError

PLACES = frozenset({"plate", "speed", "limit", "duration"})
"""What a text may name in braces: plate; speed and limit in km/h; how long it has been so far."""

TEXTS: dict[str, dict[str, str]] = {
    "speeding": {
        "zh": "{plate}您已超速，车速{speed}公里/小时，限速{limit}公里/小时，请立即减速。",
        "en": "{plate} you are speeding: {speed} km/h, limit {limit} km/h. Slow down.",
    },
    "fatigue": {
        "zh": "{plate}您已连续驾驶{duration}，请尽快到安全地点停车休息至少20分钟。",
        "en": "{plate} you have been driving for {duration}. Stop at a safe place and rest for 20 minutes.",
    },
}
"""Rule to language to text. The rest of 20 minutes is that of the Road Traffic Safety Law regulations, art. 62 (7)."""


class ReminderSettings(BaseModel):
    """A text to the driver when an alarm starts; off unless somebody wants it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=False, description="whether drivers are reminded at all")
    rules: tuple[str, ...] = Field(default=("speeding", "fatigue"), description="speeding, fatigue")
    language: str = Field(default="zh", pattern="^(zh|en)$", description="of the text; terminals read Chinese")
    texts: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="rule to language to text, in place of those that ship"
    )
    per_vehicle_per_hour: int = Field(default=4, ge=1, le=60, description="further ones are left out (a guess)")
    valid_s: int = Field(
        default=120, ge=1, le=3_600, description="older than this it would only confuse the driver (a guess)"
    )
    speak: bool = Field(default=True, description="read out")
    display: bool = Field(default=True, description="shown")
    urgent: bool = Field(default=False, description="marked urgent")

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            if rule not in TEXTS:
                raise ValueError(f"{rule!r} has no reminder; these have: {', '.join(TEXTS)}")
        return rules

    @field_validator("texts")
    @classmethod
    def _sound_texts(cls, texts: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for rule, of_rule in texts.items():
            if rule not in TEXTS:
                raise ValueError(f"{rule!r} has no reminder; these have: {', '.join(TEXTS)}")
            for language, text in of_rule.items():
                if language not in ("zh", "en"):
                    raise ValueError(f"{rule}: {language!r} is none of zh, en")
                _check(text)
        return texts

    @model_validator(mode="after")
    def _reaches_somebody(self) -> ReminderSettings:
        if not (self.speak or self.display):
            raise ValueError("a text that is neither spoken nor displayed reaches nobody: set speak or display")
        return self

    def template(self, rule: str) -> str:
        """The text of a rule, with its places in braces."""
        return self.texts.get(rule, {}).get(self.language) or TEXTS[rule][self.language]


def _check(text: str) -> None:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    for _, name, form, conversion in parts:
        if name is not None and (name not in PLACES or form or conversion):
            raise ValueError(f"{text!r} names {{{name}}}; a text may name {', '.join(sorted(PLACES))}, just so")
    try:
        checked_text(text.format(plate="测A12345", speed="100", limit="80", duration="4小时30分"))
    except CommandError as error:
        raise ValueError(error.message) from None
