"""What every rule file brings: names that others rely on, described settings, parameters in order of their fields."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.rule import Rule, VehicleFacts
from monitor.errors import ConfigError
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.rules import load_rules

RULES = load_rules()
EACH_RULE = pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
KINDS = {"fatigue": ("day", "night"), "low_completeness": ("day", "month"), "offline": ("parked", "lost")}


def test_rules_come_by_name_and_hold_at_least_the_nine_of_the_main_job() -> None:
    names = [rule.name for rule in RULES]
    assert names == sorted(names)
    assert set(names) >= {
        "speeding",
        "fatigue",
        "track_gap",
        "offline_displacement",
        "low_completeness",
        "offline",
        "never_online",
        "no_fix",
        "drift",
    }


@EACH_RULE
def test_a_rule_has_its_kinds_titles_and_page(rule: Rule) -> None:
    assert set(rule.kinds) >= set(KINDS.get(rule.name, ()))
    assert rule.title_zh
    assert rule.title_en
    assert rule.unit
    assert rule.title_zh in rule.page


@EACH_RULE
def test_every_setting_says_what_it_means(rule: Rule) -> None:
    for name, field in rule.settings.model_fields.items():
        assert name == "enabled" or field.description, name


@EACH_RULE
@pytest.mark.parametrize("vehicle_class", list(VehicleClass))
def test_parameters_have_one_value_per_field(rule: Rule, vehicle_class: VehicleClass) -> None:
    facts = VehicleFacts(Vehicle("V1", vehicle_class=vehicle_class), registered=True)
    values = rule.fill(rule.settings(), facts)
    assert len(values) == len(rule.params.names or ())
    np.array([values], rule.params)


@EACH_RULE
def test_an_unknown_setting_is_refused_by_name(rule: Rule) -> None:
    with pytest.raises(ConfigError, match="no_such_setting"):
        ParameterTable(RULES, RuleLayers(rules={rule.name: {"no_such_setting": 1}}))


def test_the_nearer_layer_wins() -> None:
    layers = RuleLayers(
        rules={"speeding": {"hold_s": 10}},
        vehicle_class={"hazmat": {"speeding": {"hold_s": 20}}},
        enterprise={"E1": {"speeding": {"hold_s": 30}}},
        vehicle={"V1": {"speeding": {"hold_s": 40}}},
    )
    table = ParameterTable(RULES, layers)
    hazmat = VehicleClass.HAZMAT
    vehicles = [
        Vehicle("V9"),
        Vehicle("V9", vehicle_class=hazmat),
        Vehicle("V9", vehicle_class=hazmat, enterprise_id="E1"),
        Vehicle("V1", vehicle_class=hazmat, enterprise_id="E1"),
    ]
    rows = [table.profile_of(vehicle) for vehicle in vehicles]
    assert table.table()["speeding"]["hold_ms"][rows].tolist() == [10_000, 20_000, 30_000, 40_000]
