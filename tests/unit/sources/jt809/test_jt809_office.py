"""The way to the desk: in order, again after a failure, and answers only behind what was committed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from monitor.errors import CodecError, StoreError
from monitor.model.exchange import Channel, ExchangeEvent, LinkEvent, PlatformText
from monitor.sources.jt809 import office as office_module
from monitor.sources.jt809.counts import LinkCounts
from monitor.sources.jt809.office import Office, Paper


class Desk:
    def __init__(self, troubles: int = 0) -> None:
        self.log: list[str] = []
        self.troubles = troubles

    async def take(self, link: str, events: Sequence[ExchangeEvent]) -> None:
        if self.troubles:
            self.troubles -= 1
            raise StoreError(reason="away")
        self.log += [f"{link}: {_word(event)}" for event in events]


def _word(event: ExchangeEvent) -> str:
    return event.text if isinstance(event, PlatformText) else "link"


def text(word: str) -> PlatformText:
    return PlatformText(1, word, 0)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office_module, "_FIRST_S", 0.0)
    monkeypatch.setattr(office_module, "_MOST_S", 0.0)


async def worked_off(office: Office, papers: list[Paper]) -> None:
    task = asyncio.ensure_future(office.run())
    for paper in papers:
        await office.put(paper)
    await office.settle(5.0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_answers_follow_their_event_even_if_it_takes_several_attempts() -> None:
    desk, counts = Desk(troubles=3), LinkCounts()

    async def answer() -> None:
        desk.log.append("answered")

    office = Office("city", desk, counts, most=10, answer_s=5.0)
    await worked_off(office, [Paper(text("a"), answer), Paper(text("b")), Paper(None, answer)])
    assert desk.log == ["city: a", "city: b", "answered", "answered"] or desk.log == [
        "city: a",
        "answered",
        "city: b",
        "answered",
    ]
    assert counts.desk_failures == 3


@pytest.mark.parametrize(
    "error",
    [CodecError(reason="too_long", field="plate"), StoreError(reason="away"), TimeoutError()],
    ids=["cannot be said", "nobody knows", "takes too long"],
)
async def test_an_answer_that_fails_is_counted_and_stops_nothing(error: Exception) -> None:
    desk, counts = Desk(), LinkCounts()

    async def answer() -> None:
        raise error

    office = Office("city", desk, counts, most=10, answer_s=5.0)
    await worked_off(office, [Paper(None, answer), Paper(text("after"))])
    assert desk.log == ["city: after"]
    assert counts.unanswered == 1


async def test_a_full_queue_holds_the_reader_but_not_the_news_of_a_channel() -> None:
    desk, counts = Desk(), LinkCounts()
    office = Office("city", desk, counts, most=2, answer_s=5.0)
    await office.put(Paper(text("1")))
    await office.put(Paper(text("2")))
    third = asyncio.ensure_future(office.put(Paper(text("3"))))
    await asyncio.sleep(0)
    assert not third.done()
    office.put_link_event(LinkEvent("city", Channel.MAIN, False, 0, "lost"))
    task = asyncio.ensure_future(office.run())
    await third
    await office.settle(5.0)
    task.cancel()
    assert desk.log == ["city: 1", "city: 2", "city: link", "city: 3"]


async def test_news_of_channels_without_room_are_counted() -> None:
    counts = LinkCounts()
    office = Office("city", Desk(), counts, most=1, answer_s=5.0)
    for at_ms in range(1_005):
        office.put_link_event(LinkEvent("city", Channel.MAIN, bool(at_ms % 2), at_ms))
    assert counts.link_events_dropped == 4
