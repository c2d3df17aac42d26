"""The delivery worker: in order, at least once, and a receiver's trouble is nobody else's."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import DeliveryError
from monitor.model.outbox import Cause
from monitor.model.push import PushKind, PushMessage
from monitor.sinks.delivery import Delivery, DeliverySettings
from monitor.sinks.sink import Sent
from tests.unit.sinks.memory_outbox import MemoryOutbox, Row, alarm, summary

QUICK = DeliverySettings(batch=10, backoff_first_s=1e-5, backoff_most_s=1e-4, poll_s=60)


class ScriptedSink:
    """Answers ``script`` step by step: how many of a batch arrive, and what then goes wrong ("" for nothing)."""

    def __init__(self, *script: tuple[int, str]) -> None:
        self.script = deque(script)
        self.arrived: list[str] = []
        self.closed = 0

    async def send(self, messages: Sequence[PushMessage], /) -> Sent:
        n, trouble = self.script.popleft() if self.script else (len(messages), "")
        n = min(n, len(messages))
        self.arrived += [message.idempotency_key for message in messages[:n]]
        if n == len(messages):
            return Sent(n)
        return Sent(n, DeliveryError(sink="desk", reason=trouble, retry=trouble != "never"))

    async def close(self) -> None:
        self.closed += 1


async def run_until(delivery: Delivery[Row], met: Callable[[], bool]) -> None:
    """Run the worker; stop it once ``met`` holds. Steps of the event loop, no time."""
    task = asyncio.create_task(delivery.run())
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110  the worker reads in threads, so there is no event to wait for
            await asyncio.sleep(0)
        delivery.stop()
        await task


def delivery_of(sink: ScriptedSink, outbox: MemoryOutbox, kinds: Sequence[PushKind] = tuple(PushKind)) -> Delivery[Row]:
    return Delivery("desk", sink, outbox, lambda: 1_000, QUICK, kinds)


async def test_everything_goes_out_in_the_order_committed() -> None:
    outbox, sink = MemoryOutbox(), ScriptedSink()
    outbox.add(*(alarm(number) for number in range(35)))
    delivery = delivery_of(sink, outbox)
    await run_until(delivery, lambda: outbox.at == 35)
    assert sink.arrived == [f"alarm-{number}/1" for number in range(35)]
    assert (delivery.counts.delivered, delivery.counts.failed, sink.closed) == (35, 0, 1)


async def test_a_failure_is_tried_again_from_the_message_that_failed() -> None:
    outbox, sink = MemoryOutbox(), ScriptedSink((3, "down"), (0, "down"), (0, "still down"))
    outbox.add(*(alarm(number) for number in range(5)))
    delivery = delivery_of(sink, outbox)
    await run_until(delivery, lambda: outbox.at == 5)
    assert sink.arrived == [f"alarm-{number}/1" for number in range(5)]
    assert [reason for reason, _ in outbox.failures] == ["down", "down", "still down"]
    assert delivery.counts.failed == 3


async def test_a_message_refused_for_good_is_recorded_and_passed() -> None:
    outbox, sink = MemoryOutbox(), ScriptedSink((1, "never"))
    outbox.add(alarm(0), alarm(1), alarm(2))
    delivery = delivery_of(sink, outbox)
    await run_until(delivery, lambda: outbox.at == 3)
    assert sink.arrived == ["alarm-0/1", "alarm-2/1"]
    assert outbox.buried == [(2, Cause.REFUSED, "never")]
    assert delivery.counts.refused == 1


async def test_a_new_row_wakes_the_worker() -> None:
    outbox, sink = MemoryOutbox(), ScriptedSink()
    delivery = delivery_of(sink, outbox)
    task = asyncio.create_task(delivery.run())
    async with asyncio.timeout(20):
        for number in range(3):
            outbox.add(alarm(number))
            delivery.wake()
            while outbox.at <= number:  # noqa: ASYNC110
                await asyncio.sleep(0)
        delivery.stop()
        await task
    assert len(sink.arrived) == 3


async def test_kinds_that_a_sink_is_not_for_are_passed_over() -> None:
    outbox, sink = MemoryOutbox(), ScriptedSink((0, "down"), (1, "down"))
    outbox.add(alarm(0), summary("E1", 1), alarm(1), summary("E1", 2), alarm(2))
    await run_until(delivery_of(sink, outbox, (PushKind.SUMMARY,)), lambda: outbox.at == 5)
    assert sink.arrived == ["summary:E1/1", "summary:E1/2"]


async def test_an_outbox_that_does_not_answer_is_asked_again() -> None:
    outbox, sink = MemoryOutbox(unreadable=3), ScriptedSink()
    outbox.add(alarm(0))
    await run_until(delivery_of(sink, outbox), lambda: outbox.at == 1)
    assert sink.arrived == ["alarm-0/1"]


async def test_cancelling_closes_the_sink() -> None:
    sink = ScriptedSink()
    task = asyncio.create_task(delivery_of(sink, MemoryOutbox()).run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sink.closed == 1


@settings(max_examples=50, deadline=None)
@given(script=st.lists(st.tuples(st.integers(0, 10), st.sampled_from(["down", "never"])), max_size=20))
def test_whatever_goes_wrong_each_message_arrives_once_in_order_or_is_on_record(script: list[tuple[int, str]]) -> None:
    outbox, sink = MemoryOutbox(), ScriptedSink(*script)
    outbox.add(*(alarm(number) for number in range(40)))
    asyncio.run(run_until(delivery_of(sink, outbox), lambda: outbox.at == 40))
    refused = {f"alarm-{outbox_id - 1}/1" for outbox_id, _, _ in outbox.buried}
    assert sink.arrived == [f"alarm-{n}/1" for n in range(40) if f"alarm-{n}/1" not in refused]
