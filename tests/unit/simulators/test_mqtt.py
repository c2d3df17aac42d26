"""Playing a simulation against a clock, and where to."""

from __future__ import annotations

import pytest

from monitor.codec.json_report import decode_json
from monitor.errors import ConfigError
from simulators.mqtt import TOPIC, Player, target_of
from simulators.payload import PayloadCodec
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(Scenario(vehicles=5, days=1, seed=2))


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def _player(simulation: Simulation, codec: PayloadCodec = PayloadCodec.JSON, speed: float = 3600.0) -> Player:
    return Player(simulation.batch, simulation.registry, speed=speed, codec=codec, per_message=50)


async def test_every_report_is_sent_once_in_order_and_not_before_its_time(simulation: Simulation) -> None:
    clock, sent, times = Clock(), [], []

    async def publish(payload: bytes) -> None:
        decoded = decode_json(payload)
        assert not decoded.rejects
        sent.append(decoded.batch)
        times.append(clock())

    await _player(simulation).play(publish, clock, clock.sleep)
    assert sum(len(batch) for batch in sent) == len(simulation.batch)
    assert max(len(batch) for batch in sent) <= 50
    first_ms = int(simulation.batch.rows["recv_ms"][0])
    for batch, at_s in zip(sent, times, strict=True):
        assert batch.rows["recv_ms"].max() <= first_ms + at_s * 3_600_000
    assert clock() == pytest.approx(24 + 660 / 3600, abs=0.5)  # a day at 3,600 times real time


async def test_after_a_failure_the_message_is_sent_again(simulation: Simulation) -> None:
    clock, player, sent, failed = Clock(), _player(simulation, speed=86_400.0), 0, False

    async def publish(payload: bytes) -> None:
        nonlocal sent, failed
        if sent >= 100 and not failed:
            failed = True
            raise ConnectionError
        sent += len(decode_json(payload).batch)

    with pytest.raises(ConnectionError):
        await player.play(publish, clock, clock.sleep)
    await player.play(publish, clock, clock.sleep)
    assert player.done
    assert sent == len(simulation.batch)


async def test_jt808_frames_carry_every_report(simulation: Simulation) -> None:
    clock, marks = Clock(), 0

    async def publish(payload: bytes) -> None:
        nonlocal marks
        marks += payload.count(b"\x7e")

    await _player(simulation, PayloadCodec.JT808).play(publish, clock, clock.sleep)
    assert marks == 2 * len(simulation.batch)


def test_an_address_names_host_port_topic_and_user() -> None:
    target = target_of("mqtts://desk:secret@broker.example/fleet/a")
    assert (target.host, target.port, target.topic, target.username) == ("broker.example", 8883, "fleet/a", "desk")
    assert "secret" not in repr(target)
    assert target_of("mqtt://127.0.0.1:1884").topic == TOPIC


@pytest.mark.parametrize("url", ["http://host", "mqtt://", "mqtt://host:port", "broker"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        target_of(url)


def test_time_has_to_pass(simulation: Simulation) -> None:
    with pytest.raises(ConfigError):
        _player(simulation, speed=0.0)
