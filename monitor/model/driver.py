"""The driver register 驾驶员档案: who a card, a licence or a qualification number belongs to.

A report names its driver by whatever the terminal read from the card. The register makes one driver of all of them, so
that driving clocks run by person, whichever card is in whichever vehicle.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

IDENTIFIERS: tuple[str, ...] = ("driver_id", "card_no", "qualification_no", "licence_no")
"""What a report may name a driver by; no two drivers may share one."""


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver. ``driver_id`` never changes and is what alarms say."""

    driver_id: str
    name: str = ""
    licence_no: str = ""  # 驾驶证号
    qualification_no: str = ""  # 从业资格证号
    card_no: str = ""  # 驾驶员身份识别卡
    enterprise_id: str = ""
    phone: str = ""

    def identifiers(self) -> tuple[str, ...]:
        """Every text that a report may name this driver by, as ``folded_identifier`` spells it, each once."""
        stated = (getattr(self, name) for name in IDENTIFIERS)
        return tuple(dict.fromkeys(folded_identifier(text) for text in stated if text))


def folded_identifier(text: str) -> str:
    """One spelling of a number: half width, capitals, without blanks and dashes."""
    return unicodedata.normalize("NFKC", text).upper().translate(_DROPPED)


_DROPPED = str.maketrans("", "", " \t\u3000-")


@dataclass(frozen=True, slots=True)
class DriverRegister:
    """All drivers. Immutable: a change makes a new one."""

    drivers: tuple[Driver, ...] = ()
    _by_identifier: dict[str, Driver] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for driver in self.drivers:
            for identifier in driver.identifiers():
                self._by_identifier.setdefault(identifier, driver)

    def __len__(self) -> int:
        return len(self.drivers)

    def find(self, stated: str) -> Driver | None:
        """Whom a report names; None for somebody who is not in the register."""
        return self._by_identifier.get(folded_identifier(stated))

    def key_of(self, stated: str) -> str:
        """The key of whom a report names: the ``driver_id`` where the register knows it, else what was stated."""
        found = self.find(stated)
        return stated if found is None else found.driver_id


NO_DRIVERS = DriverRegister()
