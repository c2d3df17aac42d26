"""Settings, presets and what a bad one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import ConfigError
from simulators.episodes import EPISODES, FAMILIES, rates
from simulators.scenario import PRESETS, overridden, preset, read_scenario


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid(name: str) -> None:
    assert preset(name).vehicles > 0


def test_arguments_override_the_preset() -> None:
    scenario = overridden(preset("demo"), vehicles=7, days=2, start="2026-01-05T13:00:00", interval_s=10, seed=4)
    assert (scenario.vehicles, scenario.days, scenario.interval_s, scenario.seed) == (7, 2, 10, 4)
    assert (scenario.start_ms + 8 * 3_600_000) % 86_400_000 == 0  # Beijing midnight


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("vehicels = 3", "vehicels"),
        ("vehicles = 0", "vehicles"),
        ('vehicles = "many"', "scenario"),
        ("[episodes]\nspeding = 1", "episodes.speding"),
        ("[episodes]\nbackfill = -1", "episodes.backfill"),
        ("[faults]\nlost = 0.1", "faults.lost"),
        ("[faults]\nloss = 1.5", "faults.loss"),
        ('start = "soon"', "start"),
        ("days = = 3", "file"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_scenario(path)
    assert refused.value.problems[0][0] == key


def test_the_name_of_a_file_gives_a_rate_to_all_its_kinds_that_have_none() -> None:
    found = rates({"lying": 0.4, "frozen_fix": 1.0, "backfill": 0.2})
    assert found == {kind.name: 0.4 for kind in FAMILIES["lying"]} | {"frozen_fix": 1.0, "backfill": 0.2}


def test_no_kind_has_the_name_of_a_file() -> None:
    assert EPISODES.keys() & FAMILIES.keys() == set()
    assert len(EPISODES) == sum(len(kinds) for kinds in FAMILIES.values())


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="clean, noisy, demo"):
        preset("perfect")
