"""A lower platform is asked who a vehicle is, once a day, and only for vehicles that nobody registered."""

from __future__ import annotations

from monitor.app.static_questions import AT_ONCE, StaticQuestions
from monitor.errors import DeliveryError
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import PlateColor, Registry, Vehicle

KNOWN = Vehicle("V1", plate="甘G00001", plate_color=PlateColor.YELLOW)


class Link:
    name = "county"
    up = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.broken = False

    async def request_static(self, plate: str, color: int) -> int:
        if self.broken:
            raise DeliveryError(sink="county", reason="down")
        self.asked.append((plate, color))
        return len(self.asked)


async def test_only_unregistered_plates_are_asked_for_and_once_a_day() -> None:
    link, clock = Link(), [0]
    keys = ["plate:yellow:甘G00001", "plate:yellow:甘G00002", "V7", "terminal:139"]
    questions = StaticQuestions(link, lambda: keys, lambda: Registry((KNOWN,)), lambda: clock[0])
    await questions.ask()
    await questions.ask()
    assert link.asked == [("甘G00002", 2)]
    clock[0] = DAY_MS
    await questions.ask()
    assert link.asked == [("甘G00002", 2)] * 2


async def test_a_fleet_is_asked_for_bit_by_bit() -> None:
    link = Link()
    keys = [f"plate:blue:甘G{number:05}" for number in range(AT_ONCE + 5)]
    questions = StaticQuestions(link, lambda: keys, lambda: None, lambda: 0)
    await questions.ask()
    assert questions.asked == AT_ONCE
    await questions.ask()
    assert questions.asked == AT_ONCE + 5


async def test_what_could_not_be_asked_is_asked_later() -> None:
    link = Link()
    questions = StaticQuestions(link, lambda: ["plate:blue:甘G00001"], lambda: None, lambda: 0)
    link.broken = True
    await questions.ask()
    link.broken = False
    await questions.ask()
    assert link.asked == [("甘G00001", 1)]
