"""Webhooks against a real HTTP receiver: each (id, sequence) arrives, and a receiver can tell that it is from us."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.model.push import PushKind, PushMessage
from monitor.sinks.delivery import Delivery, DeliverySettings
from monitor.sinks.webhook import WebhookSettings, WebhookSink
from tests.integration.brokers import WebhookReceiver, free_port
from tests.unit.sinks.memory_outbox import MemoryOutbox, Row, alarm

pytestmark = pytest.mark.integration

QUICK = DeliverySettings(backoff_first_s=0.01, backoff_most_s=0.02)
NOW_MS = 1_700_000_000_500


def sink_for(url: str, **more: object) -> WebhookSink:
    return WebhookSink(WebhookSettings.model_validate({"name": "desk", "url": url, **more}), lambda: NOW_MS)


@contextlib.asynccontextmanager
async def delivering(sink: WebhookSink, outbox: MemoryOutbox) -> AsyncIterator[Delivery[Row]]:
    delivery = Delivery("desk", sink, outbox, lambda: NOW_MS, QUICK)
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        delivery.stop()
        await task


async def test_body_key_and_signature(webhook_receiver: WebhookReceiver) -> None:
    sink = sink_for(webhook_receiver.url, secret="对称密钥")
    sent = await sink.send([alarm(1, 4)])
    await sink.close()
    (request,) = webhook_receiver.requests
    assert (sent.delivered, sent.error) == (1, None)
    assert json.loads(request.body) == {"type": "alarm", "id": "alarm-1", "sequence": 4, "data": {"n": 1}}
    assert request.headers["idempotency-key"] == "alarm-1/4"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-vdm-timestamp"] == "1700000000"
    expected = hmac.new("对称密钥".encode(), b"1700000000." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-vdm-signature"] == f"sha256={expected}"


async def test_without_a_secret_nothing_is_signed(webhook_receiver: WebhookReceiver) -> None:
    sink = sink_for(webhook_receiver.url)
    await sink.send([alarm(1)])
    await sink.close()
    assert "x-vdm-signature" not in webhook_receiver.requests[0].headers


async def test_a_chinese_id_makes_a_key_that_a_header_can_carry(webhook_receiver: WebhookReceiver) -> None:
    sink = sink_for(webhook_receiver.url)
    sent = await sink.send([PushMessage(PushKind.SUMMARY, "summary:高台\r\n", "summaries/x", "{}", 1)])
    await sink.close()
    assert sent.delivered == 1
    assert webhook_receiver.requests[0].headers["idempotency-key"] == "summary:%E9%AB%98%E5%8F%B0%0D%0A/1"


async def test_after_errors_of_the_server_each_message_is_delivered_in_order(webhook_receiver: WebhookReceiver) -> None:
    webhook_receiver.answers.extend([500, 503, 200, 429, 408, 0, 302, 200, 500])
    outbox = MemoryOutbox()
    outbox.add(*(alarm(number) for number in range(10)))
    async with delivering(sink_for(webhook_receiver.url), outbox):
        await webhook_receiver.wait_for(17)
    assert outbox.at == 10
    keys = [request.headers["idempotency-key"] for request in webhook_receiver.requests]
    assert list(dict.fromkeys(keys)) == [f"alarm-{number}/1" for number in range(10)]
    assert [keys.count(f"alarm-{number}/1") for number in range(10)] == [3, 5, 2, 1, 1, 1, 1, 1, 1, 1]
    assert not outbox.buried


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
async def test_a_refusal_is_final_for_that_message_only(status: int, webhook_receiver: WebhookReceiver) -> None:
    webhook_receiver.answers.extend([200, status])
    outbox = MemoryOutbox()
    outbox.add(alarm(0), alarm(1), alarm(2))
    async with delivering(sink_for(webhook_receiver.url), outbox):
        await webhook_receiver.wait_for(3)
    assert outbox.at == 3
    assert [outbox_id for outbox_id, _, _ in outbox.buried] == [2]
    assert str(status) in outbox.buried[0][2]


async def test_a_receiver_that_does_not_answer_is_tried_again() -> None:
    closed = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        closed.set()

    port = free_port()
    server = await asyncio.start_server(hang, "127.0.0.1", port)
    sink = sink_for(f"http://127.0.0.1:{port}/", timeout_s=0.1)
    sent = await sink.send([alarm(1)])
    await sink.close()
    await closed.wait()
    server.close()
    assert sent.error is not None
    assert (sent.delivered, sent.error.retry, sent.error.reason) == (0, True, "no answer within 0.1 s")


async def test_a_receiver_that_is_down_is_named_and_tried_again() -> None:
    sink = sink_for(f"http://127.0.0.1:{free_port()}/")
    sent = await sink.send([alarm(1)])
    await sink.close()
    assert sent.error is not None
    assert sent.error.retry
    assert "cannot be reached" in sent.error.reason


def test_a_secret_may_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    for more in ({"secret_file": path}, {"secret_env": "HOOK_SECRET"}, {"secret": "s3cret"}):
        settings = WebhookSettings.model_validate({"name": "desk", "url": "http://127.0.0.1/", **more})
        assert settings.key() == b"s3cret"
        assert "s3cret" not in repr(settings)
    with pytest.raises(ConfigError, match="NOT_SET is not set"):
        sink_for("http://127.0.0.1/", secret_env="NOT_SET")
    with pytest.raises(ValueError, match="give one of"):
        sink_for("http://127.0.0.1/", secret_env="HOOK_SECRET", secret="x")
