"""Messages per CPU-second: our source against a bare aiomqtt client that only counts. One run compares them.

    python -m tests.benchmarks.bench_mqtt_source

It fills a persistent session's queue on a Mosquitto of its own, then lets
each client empty it: bare; our source that only acknowledges; our source with the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from monitor.model.journal import JournalRecord, RecordType
from monitor.sources.decode import decode_messages
from monitor.sources.intake import Feed, Intake, RawMessage
from monitor.sources.mqtt import MqttSource
from monitor.sources.mqtt_settings import MqttSourceSettings
from monitor.store.journal import Journal
from tests.benchmarks.report import Report
from tests.integration.brokers import running_mosquitto

NOW_MS = 1_700_000_000_000


def payload(number: int, reports: int) -> bytes:
    made = [
        {
            "vehicle_id": f"甘G{(number * reports + i) % 20_000:05d}",
            "fix_time": NOW_MS - 60_000 + number,
            "lon": 99.8 + i / 1e4,
            "lat": 39.4,
            "speed_kmh": 60.0,
            "heading_deg": 90,
            "mileage_km": 1234.5,
            "status": 3,
            "alarm_flags": 0,
        }
        for i in range(reports)
    ]
    return json.dumps(made[0] if reports == 1 else made).encode()


def properties() -> Properties:
    made = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    made.SessionExpiryInterval = 3_600
    made.ReceiveMaximum = 1_000
    return made


def bare_client(port: int, name: str) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier=name,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=properties(),
    )


def source_settings(port: int, name: str) -> MqttSourceSettings:
    return MqttSourceSettings.model_validate(
        {"name": name, "client_id": name, "port": port, "subscriptions": [{"topic": "reports"}]}
    )


async def subscribe(port: int, name: str) -> None:
    async with bare_client(port, name) as client:
        await client.subscribe("reports", qos=1)


def fill(port: int, payloads: list[bytes]) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = [client.publish("reports", payload, qos=1) for payload in payloads]
    for info in sent:
        info.wait_for_publish()
    client.disconnect()
    client.loop_stop()


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages per second and per CPU-second of this process."""

    per_s: float
    per_cpu_s: float


class Stopwatch:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, messages: int) -> Rate:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Rate(messages / wall, messages / cpu)


async def count_bare(port: int, name: str, n: int) -> Rate:
    watch = Stopwatch()
    async with bare_client(port, name) as client:
        left = n
        async for _ in client.messages:
            left -= 1
            if not left:
                break
    return watch.stop(n)


async def count_source(port: int, name: str, n: int, journal: Journal | None) -> Rate:
    done = asyncio.Event()
    seen = 0

    def keep(intake: Intake) -> None:
        decoded = decode_messages(intake.feed, intake.messages)
        assert not decoded.rejects, decoded.rejects[0]
        assert journal is not None
        journal.append([JournalRecord(0, RecordType.REPORTS, NOW_MS, batch=decoded.batch)])

    async def deliver(intake: Intake) -> None:
        nonlocal seen
        if journal is not None:
            await asyncio.to_thread(keep, intake)
        intake.ack()
        seen += len(intake.messages)
        if seen >= n:
            done.set()

    watch = Stopwatch()
    task = asyncio.create_task(MqttSource(source_settings(port, name), deliver, lambda: NOW_MS).run())
    await done.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return watch.stop(n)


def warm_up() -> None:
    """Load what is compiled, so that no client is measured with it."""
    feed = Feed("bench", "bench")
    decode_messages(feed, [RawMessage(payload(0, reports), "reports", NOW_MS) for reports in (1, 100)])


def run(report: Report, folder: Path, n: int, reports: int) -> None:
    broker = running_mosquitto(folder)
    port = next(broker).port
    for name in ("bare", "source", "journal"):
        uvloop.run(subscribe(port, name))
    fill(port, [payload(number, reports) for number in range(n)])
    bare = uvloop.run(count_bare(port, "bare", n))
    only = uvloop.run(count_source(port, "source", n, None))
    with Journal(folder / "journal") as journal:
        whole = uvloop.run(count_source(port, "journal", n, journal))
        stored = sum(len(record.batch) for record in journal.read(1) if record.batch is not None)
    assert stored >= n * reports
    what = f"{reports} per message" if reports > 1 else "one report per message"
    asked = "≥ 60" if reports == 1 else ""
    report.add(f"{what}: bare aiomqtt client that counts", bare.per_cpu_s, "messages per CPU-second")
    report.add(
        f"{what}: our source, acknowledging only", 100 * only.per_cpu_s / bare.per_cpu_s, "% of the bare client", asked
    )
    report.add(f"{what}: decoded and in the journal", 100 * whole.per_cpu_s / bare.per_cpu_s, "% of the bare client")
    report.add(f"{what}: decoded and in the journal", whole.per_s * reports, "reports/s")
    with contextlib.suppress(StopIteration):
        next(broker)


def main() -> None:
    report = Report("MQTT source")
    warm_up()
    for n, reports in ((20_000, 1), (5_000, 100)):
        with tempfile.TemporaryDirectory(prefix="bench-mqtt-", dir=Path.cwd()) as name:
            run(report, Path(name), n, reports)
    report.note("Queues filled beforehand, QoS 1, Mosquitto. The whole daemon stands under Pipeline.")
    report.close("mqtt_source")


if __name__ == "__main__":
    main()
