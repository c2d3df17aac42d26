"""Who a simulated terminal says it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.codec.jt808.bcd import phone_field
from monitor.codec.jt808.header import Version
from monitor.errors import ConfigError
from monitor.model.fleet import PlateColor, Vehicle
from monitor.model.plate import CODE_OF_COLOR

EVERY_VERSION: Mapping[Version, float] = {Version.V2011: 0.2, Version.V2013: 0.5, Version.V2019: 0.3}
"""Shares of the editions in a fleet; a guess: most devices in use are of 2013."""

_NEW_ENERGY = 90
"""Colour codes from here on exist since JT/T 697.7-2014 only."""


@dataclass(slots=True)
class TerminalIdentity:
    """A terminal and the vehicle it sits in. ``phone`` is hex digits; ``auth_code`` is empty until it registered."""

    phone: str
    version: Version = Version.V2013
    plate: str = "测A00001"
    plate_color: PlateColor = PlateColor.YELLOW
    terminal_id: str = "SIM0001"
    maker: str = "SIMUL"
    model: str = "SIM-808"
    province: int = 62
    county: int = 724
    imei: str = "000000000000001"
    software: str = "sim-1.0"
    auth_code: str = ""
    phone_bytes: bytes = field(init=False)

    def __post_init__(self) -> None:
        raw = phone_field(self.phone)
        self.phone_bytes = raw if self.version is Version.V2019 else raw[4:]

    @property
    def color_code(self) -> int:
        """The plate colour in the codes of its edition; those of 2011 and 2013 know no green."""
        code = CODE_OF_COLOR[self.plate_color]
        return code if code < _NEW_ENERGY or self.version is Version.V2019 else CODE_OF_COLOR[PlateColor.OTHER]


def identities(
    keys: Sequence[str],
    vehicles: Sequence[Vehicle],
    *,
    n: int | None = None,
    first: int = 0,
    shares: Mapping[Version, float] = EVERY_VERSION,
    seed: int = 1,
) -> tuple[TerminalIdentity, ...]:
    """One identity per vehicle id of ``keys``, and more behind them up to ``n``, which stand in no registry.

    Those are numbered from ``first`` on.

    Editions are mixed by ``shares``. Without a phone in the registry a terminal gets one beginning with 1999, which
    no network assigns. Raises ConfigError for shares that cannot be.
    """
    if not shares or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise ConfigError(path="simulate", problems=(("versions", "shares of editions are at least 0, not all 0"),))
    known = {vehicle.vehicle_id: vehicle for vehicle in vehicles}
    total = len(keys) if n is None else n
    versions = list(shares)
    weights = np.array([shares[version] for version in versions], float)
    rng = np.random.default_rng([seed, 808])
    chosen = rng.choice(len(versions), size=total, p=weights / weights.sum()).tolist()
    out = []
    for number in range(total):
        vehicle = known.get(keys[number]) if number < len(keys) else None
        named = first + number
        out.append(
            TerminalIdentity(
                phone=(vehicle.terminal_phone if vehicle else None) or f"1999{named:08d}",
                version=versions[chosen[number]],
                plate=(vehicle.plate if vehicle else None) or f"测Z{named:05d}",
                plate_color=(vehicle.plate_color if vehicle else None) or PlateColor.YELLOW,
                terminal_id=f"S{named % 1_000_000:06d}",
                imei=f"{named:015d}",
            )
        )
    return tuple(out)
