"""The entry rules as data: what ships is whole, and a slip is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.supervision.entry_rules import AlarmEntry, parse_entry_rules

SHIPPED = Path(__file__).parents[3] / "configs" / "supervision.toml"

GOOD = """
[[entry]]
rule_id = "x"
measure = "alarms"
object = "vehicle"
alarm_rule = "speeding"
at_least = 1
window_days = 30
source = "here"
reason_zh = "{n}"
reason_en = "{n} in {window_days}"
"""


def test_the_shipped_rules_cover_the_two_objects() -> None:
    rules = parse_entry_rules(SHIPPED.read_text(encoding="utf-8"), "supervision.toml")
    assert sorted(rule.object for rule in rules) == ["enterprise"] * 3 + ["vehicle"] * 7
    assert all("§2.4" in rule.source for rule in rules)


def test_an_alarm_rule_takes_every_kind_and_grade_unless_told() -> None:
    (rule,) = parse_entry_rules(GOOD, "f")
    assert isinstance(rule, AlarmEntry)
    assert (rule.kinds, rule.grade.word, rule.counts_after_h) == ((), "notice", 0)


SLIPS = [
    ("no TOML", "entry = [", "is not TOML"),
    ("no entries", "", "entry: Field required"),
    ("a typo in a key", GOOD.replace("window_days =", "window_day ="), "window_day: Extra inputs"),
    ("an unknown measure", GOOD.replace('"alarms"', '"moon"'), "measure"),
    ("a grade that is none", GOOD + 'min_grade = "high"\n', "min_grade"),
    ("a word for a number", GOOD.replace("at_least = 1", 'at_least = "1"'), "at_least"),
    ("a number of none", GOOD.replace("at_least = 1", "at_least = 0"), "at_least"),
    ("a figure that the measure lacks", GOOD.replace('"{n}"', '"{rate}"'), "reason_zh does not format"),
    ("an open brace", GOOD.replace('"{n}"', '"{n"'), "reason_zh does not format"),
    ("a rule id twice", GOOD + GOOD, "rule_id x: stands twice"),
]


@pytest.mark.parametrize(("text", "sentence"), [case[1:] for case in SLIPS], ids=[case[0] for case in SLIPS])
def test_a_slip_is_refused_with_its_key(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_entry_rules(text, "supervision.toml")
    assert sentence in str(refused.value)
    assert "supervision.toml" in str(refused.value)


def test_every_slip_is_listed_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_entry_rules(GOOD.replace("at_least = 1", "at_least = 0").replace('source = "here"', ""), "f")
    assert len(refused.value.problems) == 2
