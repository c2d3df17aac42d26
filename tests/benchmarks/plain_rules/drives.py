"""Drives from stop to stop by the driver named, and one driver in two of them at once."""

from __future__ import annotations

from tests.benchmarks.plain_rules.records import CLEAR, MAJOR, ONSET, OVER, Edge

OVERLAP_MS = 300_000

Drive = tuple[int, int, int]
"""Driver, begin, end."""


class Drives:
    """One vehicle's; drivers are 1 + index, 0 for nobody."""

    __slots__ = ("done", "driver", "from_ms", "lasts")

    def __init__(self) -> None:
        self.lasts = False
        self.from_ms = self.driver = 0
        self.done: list[Drive] = []

    def begin(self, from_ms: int, driver: int) -> None:
        """It drives, unless it does already."""
        if not self.lasts:
            self.lasts = True
            self.from_ms = max(from_ms, self.from_ms)
            self.driver = driver

    def end(self, at_ms: int) -> None:
        """It does not, since a moment."""
        if self.lasts and self.driver > 0 and at_ms > self.from_ms:
            self.done.append((self.driver - 1, self.from_ms, at_ms))
        self.lasts = False
        self.from_ms = max(at_ms, self.from_ms)

    def cut(self, at_ms: int, driver: int) -> None:
        """Another drives on."""
        if self.lasts:
            self.end(at_ms)
            self.begin(at_ms, driver)


class Overlaps:
    """Of the whole fleet."""

    def __init__(self) -> None:
        self.drives: dict[int, list[tuple[int, str, int, int]]] = {}
        self.told: set[tuple[int, int]] = set()

    def take(self, row: int, key: str, drive: Drive) -> None:
        driver, from_ms, to_ms = drive
        self.drives.setdefault(driver, []).append((from_ms, key, to_ms, row))

    def find(self, drivers: set[int]) -> list[Edge]:
        """What is to say of drivers who have driven since it was asked last."""
        found = []
        for driver in drivers:
            known = self.drives[driver]
            for mine in known:
                from_ms, key, to_ms, row = mine
                ends = [
                    other[2]
                    for other in known
                    if other[3] != row and other[:2] < mine[:2] and min(to_ms, other[2]) - from_ms > OVERLAP_MS
                ]
                if ends and (row, from_ms) not in self.told:
                    self.told.add((row, from_ms))
                    found.append((max(to_ms, *ends), key, from_ms, row, driver, min(to_ms, max(ends))))
        said = []
        for at_ms, _, from_ms, row, driver, end_ms in sorted(found):
            for edge in (ONSET, CLEAR):
                e = Edge(row, driver, from_ms, at_ms, "driver_conflict", 0, edge, 0, end_ms=end_ms, grade=MAJOR)
                e.end_reason = OVER if edge == CLEAR else 0
                said.append(e)
        return said
