"""The entry rules of key supervision as data: ``configs/supervision.toml`` into checked records.

Four measures cover rulebook §2.4; a rule of a known measure is a block in the file, not code.
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from monitor.errors import ConfigError
from monitor.model.alarm import Grade

Share = Annotated[float, Field(gt=0, le=1)]
GradeWord = Literal["notice", "general", "major", "serious"]


class _Entry(BaseModel):
    """What every entry rule has. ``reason_*`` are format strings over the figures of the measure."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    rule_id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    reason_zh: str = Field(min_length=1)
    reason_en: str = Field(min_length=1)

    def figure_names(self) -> tuple[str, ...]:
        """Figures that every reason of this rule can name."""
        return ()

    def reason(self, figures: dict[str, float], lang: str) -> str:
        """The reason as a person reads it, in Chinese for ``zh`` and English otherwise."""
        return (self.reason_zh if lang == "zh" else self.reason_en).format(**figures)

    @model_validator(mode="after")
    def _reasons_name_known_figures(self) -> _Entry:
        figures = dict.fromkeys(self.figure_names(), 0.0)
        for lang, template in (("zh", self.reason_zh), ("en", self.reason_en)):
            try:
                template.format(**figures)
            except (KeyError, IndexError, ValueError, AttributeError) as error:
                raise ValueError(
                    f"reason_{lang} does not format ({error}); figures that it can name: {', '.join(figures)}"
                ) from None
        return self


class AlarmEntry(_Entry):
    """A vehicle with ``at_least`` alarms of one rule within ``window_days``."""

    measure: Literal["alarms"]
    object: Literal["vehicle"]
    alarm_rule: str
    kinds: tuple[str, ...] = Field(default=(), strict=False)  # () = all
    min_grade: GradeWord = "notice"
    suspected_serious_only: bool = False
    certain_only: bool = False
    min_excess_min: float | None = Field(default=None, gt=0)  # (peak − limit) in minutes, for rules measured in hours
    at_least: int = Field(ge=1)
    window_days: int = Field(ge=1)
    counts_after_h: float = Field(default=0, ge=0)  # hours from onset to the moment that the alarm meets the rule

    @property
    def grade(self) -> Grade:
        return Grade[self.min_grade.upper()]

    def figure_names(self) -> tuple[str, ...]:
        return ("n", "window_days") + (("excess_min",) if self.min_excess_min is not None else ())


class CompletenessEntry(_Entry):
    """A vehicle or enterprise whose track completeness of a month, so far, is too low."""

    measure: Literal["month_completeness"]
    object: Literal["vehicle", "enterprise"]
    below: Share
    min_mileage_km: float = Field(ge=0)

    def figure_names(self) -> tuple[str, ...]:
        return ("rate", "mileage_km", "mileage_complete_km")


class OnlineRateEntry(_Entry):
    """An enterprise whose online rate of a month that is over is too low."""

    measure: Literal["month_online_rate"]
    object: Literal["enterprise"]
    below: Share

    def figure_names(self) -> tuple[str, ...]:
        return ("rate", "vehicles_online", "vehicles_joined")


class ListedShareEntry(_Entry):
    """An enterprise of whose registered vehicles too many are on the list themselves."""

    measure: Literal["listed_share"]
    object: Literal["enterprise"]
    at_least_share: Share
    at_least_n: int = Field(ge=1)

    def figure_names(self) -> tuple[str, ...]:
        return ("rate", "vehicles_listed", "vehicles_registered")


EntryRule = AlarmEntry | CompletenessEntry | OnlineRateEntry | ListedShareEntry


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    entry: list[Annotated[EntryRule, Field(discriminator="measure")]]


def parse_entry_rules(text: str, path: str) -> tuple[EntryRule, ...]:
    """Entry rules of a TOML text, in file order; ``path`` is for the messages.

    Raises ConfigError naming every key that is wrong.
    """
    try:
        rules = tuple(_File.model_validate(tomllib.loads(text)).entry)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path=path, problems=(("file", f"is not TOML: {error}"),)) from None
    except ValidationError as error:
        problems = tuple((".".join(map(str, item["loc"])) or "file", item["msg"]) for item in error.errors())
        raise ConfigError(path=path, problems=problems) from None
    ids = [rule.rule_id for rule in rules]
    twice = sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1})
    if twice:
        raise ConfigError(path=path, problems=tuple((f"rule_id {rule_id}", "stands twice") for rule_id in twice))
    return rules
