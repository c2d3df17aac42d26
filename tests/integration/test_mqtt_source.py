"""Reports over a real broker: nothing that was not acknowledged is lost, whoever dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest

from monitor.errors import JournalError
from monitor.model.broker import TlsSettings
from monitor.sources.intake import Codec, Intake
from monitor.sources.mqtt import MqttSource
from monitor.sources.mqtt_settings import MqttSourceSettings, SubscriptionSettings
from tests.integration.brokers import Mosquitto, running_mosquitto

pytestmark = pytest.mark.integration


def settings_for(port: int, **more: object) -> MqttSourceSettings:
    fields: dict[str, object] = {
        "name": "fleet",
        "port": port,
        "backoff_first_s": 0.05,
        "backoff_most_s": 0.2,
        "subscriptions": [{"topic": "reports/+", "platform": "upper"}, {"topic": "raw/#", "codec": "jt808"}],
    }
    return MqttSourceSettings.model_validate(fields | more)


class Taker:
    """Keeps what is delivered; acknowledges unless told otherwise."""

    def __init__(self, acknowledge: bool = True) -> None:
        self.acknowledge = acknowledge
        self.intakes: list[Intake] = []
        self.changed = asyncio.Event()
        self.failures = 0

    async def __call__(self, intake: Intake, /) -> None:
        if self.failures:
            self.failures -= 1
            raise JournalError(path="journal", reason="disk full")
        self.intakes.append(intake)
        if self.acknowledge:
            intake.ack()
        self.changed.set()

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for intake in self.intakes for message in intake.messages]

    async def until(self, met: Callable[[], bool], timeout_s: float = 20.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not met():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def running(source: MqttSource) -> AsyncIterator[asyncio.Event]:
    """The source as a task; the event is set when it is connected."""
    connected = asyncio.Event()
    source._link = lambda up: connected.set() if up else connected.clear()
    task = asyncio.create_task(source.run(), name="source")
    try:
        async with asyncio.timeout(20):
            await connected.wait()
        yield connected
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def source_for(settings: MqttSourceSettings, taker: Taker) -> MqttSource:
    return MqttSource(settings, taker, lambda: 1_234)


async def publish(port: int, payloads: list[bytes], topic: str = "reports/a") -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        client.pending_calls_threshold = 1_000
        for payload in payloads:
            await client.publish(topic, payload, qos=1)


def numbered(n: int, start: int = 0) -> list[bytes]:
    return [str(number).encode() for number in range(start, start + n)]


async def test_messages_come_in_order_with_the_feed_of_their_topic(mosquitto: Mosquitto) -> None:
    taker = Taker()
    source = source_for(settings_for(mosquitto.port), taker)
    async with running(source):
        await publish(mosquitto.port, numbered(50))
        await publish(mosquitto.port, [b"\x7e"], "raw/x/y")
        await taker.until(lambda: len(taker.payloads) == 51)
    assert taker.payloads == [*numbered(50), b"\x7e"]
    first, last = taker.intakes[0], taker.intakes[-1]
    assert (first.feed.codec, first.feed.platform, first.feed.source) == (Codec.JSON, "upper", "fleet")
    assert (last.feed.codec, last.feed.platform) == (Codec.JT808, "fleet")
    assert (last.messages[0].topic, last.messages[0].recv_ms) == ("raw/x/y", 1_234)
    assert (source.counts.messages, source.last_message_ms) == (51, 1_234)


async def test_many_messages_make_few_intakes(mosquitto: Mosquitto) -> None:
    """Also: what waits at the broker beyond the receive maximum comes as acknowledgements go out."""
    taker = Taker()
    settings = settings_for(mosquitto.port)
    async with running(source_for(settings, Taker())):
        pass
    await publish(mosquitto.port, numbered(3_000))
    async with running(source_for(settings, taker)):
        await taker.until(lambda: len(taker.payloads) == 3_000)
    assert taker.payloads == numbered(3_000)
    assert len(taker.intakes) <= 60


async def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(mosquitto: Mosquitto) -> None:
    settings = settings_for(mosquitto.port)
    first, second = Taker(acknowledge=False), Taker()
    async with running(source_for(settings, first)):
        await publish(mosquitto.port, numbered(20))
        await first.until(lambda: len(first.payloads) == 20)
    async with running(source_for(settings, second)):
        await second.until(lambda: len(second.payloads) == 20)
        assert second.payloads == numbered(20)
    third = Taker()
    async with running(source_for(settings, third)):
        await publish(mosquitto.port, [b"last"])
        await third.until(lambda: b"last" in third.payloads)
    assert third.payloads == [b"last"]


async def test_an_acknowledgement_of_a_lost_connection_is_dropped(mosquitto: Mosquitto) -> None:
    """It would acknowledge whatever message got the same number on the new connection."""
    taker = Taker(acknowledge=False)
    source = source_for(settings_for(mosquitto.port), taker)
    async with running(source) as connected:
        await publish(mosquitto.port, numbered(5))
        await taker.until(lambda: len(taker.payloads) == 5)
        before = list(taker.intakes)
        mosquitto.stop()
        mosquitto.start()
        await taker.until(lambda: len(taker.payloads) == 10)
        await connected.wait()
        for intake in before:
            intake.ack()
    assert source.counts.acks_dropped == 5
    again = Taker()
    async with running(source_for(settings_for(mosquitto.port), again)):
        await again.until(lambda: again.payloads == numbered(5))


async def test_a_restart_of_the_broker_loses_nothing(mosquitto: Mosquitto) -> None:
    taker = Taker()
    source = source_for(settings_for(mosquitto.port), taker)
    async with running(source):
        await publish(mosquitto.port, numbered(500))
        mosquitto.stop()
        mosquitto.start()
        await publish(mosquitto.port, numbered(500, 500))
        await taker.until(lambda: set(taker.payloads) == set(numbered(1_000)))
    assert source.counts.failures >= 1


async def test_messages_not_journalled_come_again(mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    taker = Taker()
    taker.failures = 2
    async with running(source_for(settings_for(mosquitto.port), taker)):
        await publish(mosquitto.port, numbered(10))
        await taker.until(lambda: set(taker.payloads) == set(numbered(10)))
    assert "disk full" in caplog.text


_CRASHING = """
import asyncio, sys
from monitor.sources.mqtt import MqttSource
from monitor.sources.mqtt_settings import MqttSourceSettings
async def take(intake):
    print(len(intake.messages), flush=True)
settings = MqttSourceSettings(name="fleet", port=int(sys.argv[1]), subscriptions=[{"topic": "reports/+"}])
asyncio.run(MqttSource(settings, take, lambda: 0, lambda up: print("up", flush=True)).run())
"""


async def test_a_killed_process_gets_its_messages_again(mosquitto: Mosquitto) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CRASHING, str(mosquitto.port), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert (await process.stdout.readline()).strip() == b"up"
            await publish(mosquitto.port, numbered(100))
            taken = 0
            while taken < 100:
                taken += int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
    await publish(mosquitto.port, numbered(100, 100))
    taker = Taker()
    async with running(source_for(settings_for(mosquitto.port), taker)):
        await taker.until(lambda: len(taker.payloads) >= 200)
    assert taker.payloads == numbered(200)


async def test_qos_0_comes_through_too(mosquitto: Mosquitto) -> None:
    taker = Taker()
    async with running(source_for(settings_for(mosquitto.port), taker)):
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            await client.publish("reports/a", b"zero", qos=0)
        await taker.until(lambda: taker.payloads == [b"zero"])


async def test_topics_of_an_earlier_configuration_are_let_go_and_counted(mosquitto: Mosquitto) -> None:
    """The session keeps old subscriptions; their messages must not clog it."""
    old = settings_for(mosquitto.port)
    async with running(source_for(old, Taker())):
        pass
    await publish(mosquitto.port, [b"x"], "raw/old")
    await publish(mosquitto.port, [b"y"], "reports/new")
    taker = Taker()
    source = source_for(settings_for(mosquitto.port, subscriptions=[{"topic": "reports/+"}]), taker)
    async with running(source):
        await taker.until(lambda: taker.payloads == [b"y"])
    assert source.counts.unmatched == 1


async def test_mqtt_311_works_where_the_broker_knows_no_more(mosquitto: Mosquitto) -> None:
    settings = settings_for(mosquitto.port, protocol="3.1.1")
    first, second = Taker(acknowledge=False), Taker()
    async with running(source_for(settings, first)):
        await publish(mosquitto.port, numbered(3))
        await first.until(lambda: len(first.payloads) == 3)
    async with running(source_for(settings, second)):
        await second.until(lambda: second.payloads == numbered(3))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with TLS that asks for a password."""
    openssl, passwd = shutil.which("openssl"), shutil.which("mosquitto_passwd")
    if openssl is None or passwd is None:
        pytest.skip("openssl and mosquitto_passwd are not installed")
    for command in (
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
        f"-keyout {tmp_path}/key.pem -out {tmp_path}/cert.pem",
        f"{passwd} -b -c {tmp_path}/passwords daemon opensesame",
    ):
        subprocess.run(command.split(), check=True, capture_output=True)
    os.chmod(tmp_path / "key.pem", 0o600)
    extra = f"allow_anonymous false\npassword_file {tmp_path}/passwords\n"
    yield from running_mosquitto(tmp_path, f"{extra}certfile {tmp_path}/cert.pem\nkeyfile {tmp_path}/key.pem")


async def test_tls_and_password_from_a_file(guarded: Mosquitto, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("opensesame\n")
    tls = TlsSettings(ca_file=tmp_path / "cert.pem")
    taker = Taker()
    settings = settings_for(guarded.port, username="daemon", password_file=secret, tls=tls)
    async with running(source_for(settings, taker)):
        async with aiomqtt.Client(
            "127.0.0.1", guarded.port, username="daemon", password="opensesame", tls_context=tls.context()
        ) as client:
            await client.publish("reports/a", b"safe", qos=1)
        await taker.until(lambda: taker.payloads == [b"safe"])


async def test_a_wrong_password_is_said_without_showing_it_and_tried_again(
    guarded: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls = TlsSettings(ca_file=tmp_path / "cert.pem")
    settings = settings_for(guarded.port, username="daemon", password="wrong-secret", tls=tls)
    source = source_for(settings, Taker())
    task = asyncio.create_task(source.run())
    with caplog.at_level(logging.DEBUG):
        async with asyncio.timeout(20):
            while source.counts.failures < 2:  # noqa: ASYNC110  a failed attempt is only counted
                await asyncio.sleep(0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert "authori" in caplog.text.lower()
    assert "wrong-secret" not in caplog.text + repr(settings)


def test_a_subscription_is_checked_when_it_is_configured() -> None:
    for topic in ("a/b+", "#/a", "a#", ""):
        with pytest.raises(ValueError):
            SubscriptionSettings(topic=topic)
