"""The daemon end to end over PostgreSQL: detection, kill and restart, silences and dead letters by REST and command."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from monitor.app.replay import replay_batch
from monitor.model.fleet import Registry
from simulators.mqtt import Target, play
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario
from tests.integration.brokers import Mosquitto, WebhookReceiver
from tests.integration.daemons import DaemonProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_SINK = """\
[sinks.delivery]
backoff_first_s = 0.05
poll_s = 0.5
[[sinks.webhook]]
name = "bureau"
url = "{url}"
kinds = ["alarm"]
"""


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    episodes = {"speeding_general": 5.0, "speeding_major": 5.0, "gap_moving": 5.0, "absence_lost_1d": 5.0}
    whole = simulate(Scenario(vehicles=8, days=2, start="2026-03-02", seed=11, at_least=1, episodes=episodes))
    # Cut short within the last speeding, which then lasts to the end of what is known.
    found = replay_batch(whole.batch, Registry(whole.registry), as_received=True).alarms
    until_ms = max((one.onset_ms, one.end_ms or 0) for one in found if one.rule == "speeding")[1]
    return replace(whole, batch=replace(whole.batch, rows=whole.batch.rows[whole.batch.rows["recv_ms"] < until_ms]))


@pytest.fixture
def daemon(
    mosquitto: Mosquitto,
    webhook_receiver: WebhookReceiver,
    empty_postgres_url: str,
    tmp_path: Path,
    simulation: Simulation,
) -> Iterator[DaemonProcess]:
    process = DaemonProcess(
        tmp_path, mosquitto.port, database_url=empty_postgres_url, tables=_SINK.format(url=webhook_receiver.url)
    )
    process.register(simulation.registry, date(2026, 3, 1))
    try:
        yield process
    finally:
        process.kill()


async def _ask(method: str, url: str, body: object = None) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = (await client.request(method, url, json=body)).raise_for_status()
    return cast(dict[str, Any], answer.json())


def _command(daemon: DaemonProcess, *words: str) -> str:
    code = "from monitor.cli import main; main()"
    config = str(daemon.folder / "monitor.toml")
    command = [sys.executable, "-c", code, *words, "--config", config, "--lang", "en"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "COLUMNS": "200"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _got(receiver: WebhookReceiver, vehicle_id: str = "") -> list[dict[str, Any]]:
    bodies = [json.loads(request.body) for request in receiver.requests]
    return [body for body in bodies if vehicle_id in ("", body["data"]["vehicle_id"])]


async def test_alarms_silences_and_dead_letters_over_postgresql(
    daemon: DaemonProcess, webhook_receiver: WebhookReceiver, simulation: Simulation
) -> None:
    expected = {
        alarm.alarm_id: dict(alarm.record())
        for alarm in replay_batch(simulation.batch, Registry(simulation.registry), as_received=True).alarms
    }
    (lasting,) = (key for key, one in expected.items() if one["state"] == "active")
    vehicle = str(expected[lasting]["vehicle_id"])
    await asyncio.to_thread(daemon.start)
    said = ("--reason", "检修", "--until", "1h", "--vehicle", vehicle, "--author", "值班员")
    assert "silence 1 is in force" in await asyncio.to_thread(_command, daemon, "silences", "add", *said)
    webhook_receiver.answers.append(410)
    target = Target("127.0.0.1", daemon.broker_port, "reports/test")
    publishing = asyncio.create_task(
        play(simulation.batch, simulation.registry, target, speed=1_000_000.0, per_message=50)
    )
    await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "main"), len(simulation.batch) / 3)
    await asyncio.to_thread(daemon.kill)
    await publishing
    await asyncio.to_thread(daemon.start)
    await asyncio.to_thread(daemon.wait_for_clock, int(simulation.batch.rows["recv_ms"].max()))
    alarms = {str(alarm["alarm_id"]): alarm for alarm in await asyncio.to_thread(daemon.alarms)}
    assert alarms == expected  # a silence changes nothing of what is found

    wanted = {key for key, one in expected.items() if one["vehicle_id"] != vehicle}
    refused = _got(webhook_receiver)[0]["id"]
    async with asyncio.timeout(30):
        while not wanted <= {body["id"] for body in _got(webhook_receiver)}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert not _got(webhook_receiver, vehicle)
    assert "检修" in await asyncio.to_thread(_command, daemon, "silences", "list")
    await asyncio.to_thread(_command, daemon, "silences", "expire", "1", "--author", "队长")
    async with asyncio.timeout(30):
        while not _got(webhook_receiver, vehicle):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    # What ended while it was silenced is never told of.
    assert {body["id"] for body in _got(webhook_receiver, vehicle)} == {lasting}

    letters = await _ask("GET", f"{daemon.api}/deadletters?state=waiting")
    assert [(one["sink"], one["id"], one["cause"]) for one in letters["letters"]] == [("bureau", refused, "refused")]
    number = str(letters["letters"][0]["letter_id"])
    assert refused in await asyncio.to_thread(_command, daemon, "deadletters", "show", number)
    await asyncio.to_thread(daemon.wait_for, ("vdm_dead_letters", "bureau"), 1)
    before = len(webhook_receiver.requests)
    assert "answered 410" in await asyncio.to_thread(_command, daemon, "deadletters", "list")
    await _ask("POST", f"{daemon.api}/deadletters/resend", {"author": "队长", "ids": [int(number)]})
    await webhook_receiver.wait_for(before + 1)
    again = webhook_receiver.requests[before]
    assert again.headers["idempotency-key"] == webhook_receiver.requests[0].headers["idempotency-key"]
    assert again.body == webhook_receiver.requests[0].body
    assert await asyncio.to_thread(daemon.stop) == 0
