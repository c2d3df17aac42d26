"""Kinds of alarms on an 809 link."""

from __future__ import annotations

import pytest

from monitor.codec.jt809.header import Version
from monitor.codec.jt809.warn_types import CODES, Printed, WarnType, warn_name, warn_type_of_rule, warn_types_of_word
from monitor.model.language import Language

OLD, NEW = Version.V2011, Version.V2019


def test_every_code_has_a_name_in_both_languages() -> None:
    assert set(CODES) == set(WarnType)
    assert all(warn.zh and warn.en for warn in CODES.values())
    assert (warn_name(1, Language.ZH), warn_name(1, Language.EN)) == ("超速报警", "speeding")
    assert warn_name(0xD999, Language.ZH) == "0xD999"


RULES = [
    ("speeding", "", 0x0001, 0x0001),
    ("fatigue", "night", 0x0002, 0x0002),
    ("cumulative_driving", "week", 0x000D, 0x000D),
    ("route_deviation", "route", 0x000B, 0x000B),
    ("device_alarm", "emergency", 0x0003, 0x0003),
    ("device_alarm", "gnss_antenna_cut", 0x000E, 0xA00A),
    ("device_alarm", "area", 0x000E, 0x00FF),
    ("device_alarm", "not_a_bit", 0x000E, 0x00FF),
    ("offline_displacement", "", 0x000E, 0xD219),
    ("offline", "lost", 0x000E, 0xD304),
    ("night_curfew", "", 0x000E, 0xD208),
    ("platform_outage", "", 0x000E, 0xA004),
    ("track_gap", "", 0x000E, 0xA002),
    ("drift", "", 0x000E, 0x0014),
    ("no_fix", "", 0x000E, 0xA00A),
    ("a_rule_to_come", "", 0x000E, 0x00FF),
]


@pytest.mark.parametrize(("rule", "kind", "old", "new"), RULES)
def test_our_rules_have_codes_that_the_edition_prints(rule: str, kind: str, old: int, new: int) -> None:
    assert warn_type_of_rule(rule, kind, OLD) == old
    assert warn_type_of_rule(rule, kind, NEW) == new
    assert CODES[old].printed in (Printed.BOTH, Printed.ONLY_2011)
    assert CODES[new].printed is not Printed.ONLY_2011


def test_a_terminal_s_word_becomes_codes_once_each() -> None:
    word = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 18
    assert warn_types_of_word(word, 0, NEW) == (3, 1, 2, 0xA00A, 0x0D)
    assert warn_types_of_word(word, 0, OLD) == (3, 1, 2, 0x0E, 0x0D)
    assert warn_types_of_word(1 << 13 | 1 << 14, 3, NEW) == ()  # warnings before the fact
    assert warn_types_of_word(1 << 20, 0, NEW) == (0xFF,)
    assert warn_types_of_word(1 << 20, 0, NEW, leaving=True) == (5,)
    assert warn_types_of_word(1 << 20, 0, NEW, leaving=False) == (4,)
    assert warn_types_of_word(0, 1 << 6 | 1 << 7, NEW) == (0x11, 0x12)
    assert warn_types_of_word(0, 1 << 6 | 1 << 7, OLD) == ()
    assert warn_types_of_word(-1, -1, NEW) == ()
