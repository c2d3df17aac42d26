"""The links as the desk and the forwarder use them: what ``sources.jt809`` makes, seen from above."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.model.exchange import (
    AlarmResult,
    Inquiry,
    InquiryAnswer,
    LinkRole,
    PlatformText,
    RegisteredVehicle,
    ReportedAlarm,
    SupervisionAnswer,
    SupervisionRequest,
)
from monitor.model.report import ReportRows
from monitor.sources.intake import Deliver, Intake


class UpperEnd(Protocol):
    """What we say to a lower platform. All raise ``DeliveryError`` (``LinkDownError`` while the link is down)."""

    @property
    def up(self) -> bool: ...
    async def inquire(self, inquiry: Inquiry) -> int: ...
    async def order(self, request: SupervisionRequest) -> int: ...
    async def send_text(self, text: PlatformText) -> int: ...
    async def warn(self, alarm: ReportedAlarm) -> int: ...


class LowerEnd(Protocol):
    """What we say to an upper platform. All raise ``DeliveryError`` (``LinkDownError`` while the link is down)."""

    @property
    def up(self) -> bool: ...
    async def answer_inquiry(self, answer: InquiryAnswer) -> int: ...
    async def answer_order(self, answer: SupervisionAnswer) -> int: ...
    async def report_alarm(self, alarm: ReportedAlarm) -> int: ...
    async def report_result(self, result: AlarmResult) -> int: ...
    async def register_vehicle(self, vehicle: RegisteredVehicle) -> int: ...
    async def send_positions(
        self, rows: ReportRows, plates: Sequence[str], colors: Sequence[int], *, backfill: bool = False
    ) -> int: ...


@dataclass(frozen=True, slots=True)
class LinkCard:
    """What the desk knows of one link. ``platform`` is the name of the other end in reports and in the registry."""

    name: str
    role: LinkRole
    platform: str
    edition: int  # 2011 or 2019
    platform_id: str = ""


class LinkBook:
    """All links by name. The ends are put in after they are made, because they are made with the desk."""

    def __init__(self, cards: Iterable[LinkCard]) -> None:
        self.cards = {card.name: card for card in cards}
        self._upper: dict[str, UpperEnd] = {}
        self._lower: dict[str, LowerEnd] = {}

    def put_upper(self, name: str, end: UpperEnd) -> None:
        """A link on which we are the upper platform."""
        self._upper[name] = end

    def put_lower(self, name: str, end: LowerEnd) -> None:
        """A link on which we are the lower platform."""
        self._lower[name] = end

    def upper(self, name: str) -> UpperEnd | None:
        return self._upper.get(name)

    def lower(self, name: str) -> LowerEnd | None:
        return self._lower.get(name)

    def of_platform(self, platform: str) -> LinkCard | None:
        """The link on which we are the upper of a platform."""
        for card in self.cards.values():
            if card.role is LinkRole.UPPER and platform and platform in (card.platform, card.platform_id, card.name):
                return card
        return None


class ReportSources:
    """Which link brought the last reports of a vehicle, by its key as reported; kept in memory only."""

    def __init__(self) -> None:
        self._link_of: dict[str, str] = {}

    def link_of(self, key: str) -> str:
        """The link, empty if none of them did since the start."""
        return self._link_of.get(key, "")

    def keys_of(self, link: str) -> list[str]:
        """Keys as reported whose last reports came over a link."""
        return [key for key, brought in self._link_of.items() if brought == link]

    def watched(self, link: str, deliver: Deliver) -> Deliver:
        """The same ``deliver``, for one link, noting whose reports pass."""

        async def passing(intake: Intake, /) -> None:
            await deliver(intake)
            if intake.decoded is not None:
                self._link_of.update(dict.fromkeys(intake.decoded.batch.keys, link))

        return passing
