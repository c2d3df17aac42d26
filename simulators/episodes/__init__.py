"""Episodes injected on purpose, one file per family of kinds. Each writes its truth from its own schedule.

A kind is a ``plan`` that writes some days of a journey; where the verdict hangs on the reports on either side of an
event, the ``witness`` of its file works it out from the finished track by its own arithmetic.

Every file here is found by itself; one may have

- ``EPISODES``: its kinds, each of which a scenario gives a rate to, by its name or by the name of the file;
- ``witness(sight)``: truth of one vehicle that reports;
- ``witness_fleet(sight)``: truth that no single track shows, of silent vehicles for instance.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from simulators.episodes.episode import Episode, FleetWitness, Witness

_FILES = {name: import_module(f"{__name__}.{name}") for name in sorted(info.name for info in iter_modules(__path__))}

FAMILIES: dict[str, tuple[Episode, ...]] = {
    name: file.EPISODES for name, file in _FILES.items() if hasattr(file, "EPISODES")
}
"""Kinds by the name of their file."""

EPISODES: dict[str, Episode] = {episode.name: episode for kinds in FAMILIES.values() for episode in kinds}
"""Every kind by name."""

WITNESSES: tuple[Witness, ...] = tuple(file.witness for file in _FILES.values() if hasattr(file, "witness"))
FLEET_WITNESSES: tuple[FleetWitness, ...] = tuple(
    file.witness_fleet for file in _FILES.values() if hasattr(file, "witness_fleet")
)


def rates(named: dict[str, float]) -> dict[str, float]:
    """Rate of each kind; that of a file's name goes to all its kinds that have none of their own."""
    of_families = {e.name: rate for name, rate in named.items() for e in FAMILIES.get(name, ())}
    return of_families | {name: rate for name, rate in named.items() if name not in FAMILIES}


__all__ = ["EPISODES", "FAMILIES", "FLEET_WITNESSES", "WITNESSES", "Episode", "rates"]
