"""Settings of a simulation: how many vehicles, how long, how often they report, what goes wrong and how often.

A preset is a TOML file in ``configs/simulator``; arguments of the command line override it.
"""

from __future__ import annotations

import operator
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import msgspec

from monitor.errors import ConfigError
from monitor.model.beijing import day_of, day_start_ms, parse_iso
from simulators.rest import Rest
from simulators.roads import simulator_folder


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to reports between the terminal and us; never part of the truth. Shares are 0–1 per report."""

    loss: float = 0.0  # lost for good, one by one
    loss_burst: float = 0.0  # bursts of loss (10 min) per vehicle-day
    noise_m: float = 2.0  # standard deviation of a fix; JT/T 794-2019 allows 15 m
    drift_burst: float = 0.0  # bursts of 2 displaced fixes per vehicle-day, too few for a drift day
    duplicate: float = 0.0  # sent twice, the copy a few seconds later
    conflict: float = 0.0  # sent twice with another speed
    backfill: float = 0.0  # spells (5-40 min) without coverage per vehicle-day, sent flagged on return
    disorder: float = 0.0  # received 1–10 intervals late
    latency_s: float = 1.0  # mean delay of a vehicle's reports


@dataclass(frozen=True, slots=True)
class Scenario:
    """One simulation. ``episodes`` are rates per 100 vehicle-days by kind or by file of ``simulators.episodes``."""

    vehicles: int = 30
    days: int = 3
    start: str = "2026-03-02"  # Beijing date, a Monday; a time of day is cut off
    interval_s: int = 30  # while driving
    parked_interval_s: int = 300
    silent_parked: float = 0.0  # share of vehicles whose terminal sleeps with the engine off
    seed: int = 1
    at_least: int = 0  # episodes of each named kind, whatever the rate
    never_online: float = 0.0  # share of vehicles registered and never seen
    suspended: float = 0.0  # share of vehicles reported as out of use, silent
    laid_up: float = 0.0  # share of vehicles reported as out of use or retired, in the yard with the terminal on
    relay: float = 0.0  # share of line coaches with a relay certificate
    unregistered: int = 0  # vehicles that report and stand in no registry
    driver_cards: float = 0.7  # share of vehicles whose reports name the driver
    platforms: int = 1  # through which the fleet is heard
    outages_min: tuple[float, ...] = ()  # outages of a platform by their length, one a day first
    calendar: tuple[Rest, ...] = ()  # days on which the absence of some classes does not count
    episodes: dict[str, float] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    @property
    def start_ms(self) -> int:
        """Beijing midnight of the first day."""
        return day_start_ms(day_of(parse_iso(self.start)))


PRESETS: tuple[str, ...] = ("clean", "noisy", "demo", "known_roads", "permits", "platforms", "seasons", "dead_zones")


def preset(name: str) -> Scenario:
    """A scenario that ships with the simulator. Raises ConfigError."""
    if name not in PRESETS:
        raise ConfigError(path="preset", problems=(("preset", f"{name!r} is none of {', '.join(PRESETS)}"),))
    return read_scenario(simulator_folder() / f"{name}.toml")


def read_scenario(path: Path) -> Scenario:
    """Scenario of a TOML file. Raises ConfigError, naming the key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(path=str(path), problems=(("file", str(error)),)) from error
    unknown = [key for key in table if key not in {item.name for item in fields(Scenario)}]
    faults = table.get("faults", {})
    if isinstance(faults, dict):
        unknown += [f"faults.{key}" for key in faults if key not in {item.name for item in fields(Faults)}]
    if unknown:
        raise ConfigError(path=str(path), problems=tuple((key, "no such setting") for key in unknown))
    try:
        return checked(msgspec.convert(table, Scenario), str(path))
    except msgspec.ValidationError as error:
        raise ConfigError(path=str(path), problems=(("scenario", str(error)),)) from error


def checked(scenario: Scenario, path: str = "scenario") -> Scenario:
    """The same scenario. Raises ConfigError with every setting out of range."""
    from simulators.episodes import EPISODES, FAMILIES

    problems: list[tuple[str, str]] = []
    whole = (
        ("vehicles", 1, 200_000),
        ("days", 1, 366),
        ("interval_s", 1, 120),
        ("parked_interval_s", 10, 300),
        ("platforms", 1, 20),
    )
    for name, low, high in whole:
        value = getattr(scenario, name)
        if not low <= value <= high:
            problems.append((name, f"{value} is outside {low}–{high}"))
    shares = ("silent_parked", "never_online", "suspended", "laid_up", "relay", "driver_cards")
    for name in shares:
        if not 0.0 <= getattr(scenario, name) <= 1.0:
            problems.append((name, f"{getattr(scenario, name)} is no share between 0 and 1"))
    if any(not 0.0 < minutes <= 180.0 for minutes in scenario.outages_min):
        problems.append(("outages_min", f"{list(scenario.outages_min)} are not all above 0 and at most 180 minutes"))
    if len(scenario.outages_min) > 3 * scenario.days:
        problems.append(("outages_min", "are more than three a day"))
    for name in ("loss", "loss_burst", "drift_burst", "duplicate", "conflict", "backfill", "disorder"):
        if not 0.0 <= getattr(scenario.faults, name) <= 1.0:
            problems.append((f"faults.{name}", f"{getattr(scenario.faults, name)} is no share between 0 and 1"))
    for name in ("noise_m", "latency_s"):
        if getattr(scenario.faults, name) < 0.0:
            problems.append((f"faults.{name}", "is below 0"))
    problems += [
        (f"episodes.{name}", "no such episode") for name in scenario.episodes if name not in EPISODES | FAMILIES
    ]
    problems += [(f"episodes.{name}", "is below 0") for name, rate in scenario.episodes.items() if rate < 0]
    for rest in scenario.calendar:
        try:
            if len(rest.first) != len(rest.last) or operator.gt(*rest.days(2001)):
                problems.append(("calendar", f"from {rest.first} to {rest.last} is no span of days"))
        except ValueError:
            problems.append(("calendar", f"from {rest.first} to {rest.last}: no days"))
    try:
        _ = scenario.start_ms
    except ValueError:
        problems.append(("start", f"{scenario.start!r} is no ISO date"))
    if problems:
        raise ConfigError(path=path, problems=tuple(problems))
    return scenario


def overridden(
    scenario: Scenario,
    *,
    vehicles: int | None = None,
    days: int | None = None,
    start: str | None = None,
    interval_s: int | None = None,
    seed: int | None = None,
) -> Scenario:
    """The scenario with the given settings in place of its own. Raises ConfigError."""
    return checked(
        replace(
            scenario,
            vehicles=scenario.vehicles if vehicles is None else vehicles,
            days=scenario.days if days is None else days,
            start=scenario.start if start is None else start,
            interval_s=scenario.interval_s if interval_s is None else interval_s,
            seed=scenario.seed if seed is None else seed,
        )
    )
