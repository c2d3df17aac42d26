"""How commands about other platforms reach a link, and how they are refused."""

from __future__ import annotations

from collections.abc import Awaitable

from monitor.app.exchange_links import LinkBook, LinkCard, LowerEnd, UpperEnd
from monitor.errors import CodecError, CommandError, DeliveryError
from monitor.model.beijing import parse_iso


def upper_end(links: LinkBook, link: str) -> tuple[LinkCard, UpperEnd]:
    """A link on which we are the upper platform. Raises ``CommandError``: 404 for no link, 422 for the other role."""
    card, end = links.cards.get(link), links.upper(link)
    if card is None:
        raise no_link(link)
    if end is None:
        raise wrong("link", f"{link} leads to an upper platform; this goes to lower ones")
    return card, end


def lower_end(links: LinkBook, link: str) -> LowerEnd:
    """A link on which we are the lower platform. Raises ``CommandError`` (404)."""
    end = links.lower(link)
    if end is None:
        raise no_link(link)
    return end


async def sent(sending: Awaitable[int]) -> int:
    """The sequence number. Raises ``CommandError``: 503 while the link is down, 422 for what it cannot say."""
    try:
        return await sending
    except CodecError as error:
        raise CommandError(status=422, reason="wrong_parameter", message=f"This cannot be said: {error}.") from error
    except DeliveryError as error:
        if error.retry:
            raise CommandError(status=503, reason="link_down", message=f"Not sent: {error}.") from error
        raise CommandError(status=422, reason="wrong_parameter", message=f"Not sent: {error}.") from error


def moment_of(name: str, text: str) -> int:
    """Epoch ms of an ISO 8601 time. Raises ``CommandError`` (422)."""
    try:
        return parse_iso(text)
    except (ValueError, OverflowError):
        raise wrong(name, f"{text[:40]!r} is no time like 2026-03-02T22:10:05+08:00") from None


def wrong(name: str, reason: str) -> CommandError:
    """A parameter that cannot be taken."""
    return CommandError(status=422, reason="wrong_parameter", message=f"parameter {name}: {reason}")


def no_link(link: str) -> CommandError:
    """A name that is no link of ours, or none that this may go over."""
    return CommandError(status=404, reason="not_found", message=f"There is no link {link[:64]}.")


def u32(number: int) -> int:
    """A row number as the wire carries it."""
    return number & 0xFFFF_FFFF
