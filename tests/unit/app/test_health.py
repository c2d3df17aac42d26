"""Ready means fresh: each thing that makes the answers stale is named."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx
import pytest

from monitor.app.health import Health
from monitor.app.metrics import Metrics
from monitor.app.operations_site import operations_site


@dataclass
class _Stage:
    failure: str = ""
    waiting_since_s: float | None = None


@dataclass
class _Link:
    connected: bool = True
    name: str = "main"
    address: str = "mqtt://127.0.0.1:1883"


class _Parts:
    def __init__(self) -> None:
        self.journal, self.engine, self.link, self.clock = _Stage(), _Stage(), _Link(), _Stage()
        self.health = Health(self.journal, self.engine, lambda: [self.link], self.clock, 30.0)
        self.health.started = True


def _parts(health: Health) -> list[str]:
    return [one.part for one in health.unready()]


def test_all_in_order_is_ready() -> None:
    assert _Parts().health.unready() == ()


def test_each_trouble_is_named() -> None:
    parts = _Parts()
    parts.health.started = False
    parts.journal.failure = "journal x: disk full"
    parts.engine.failure = "relational store locked"
    parts.engine.waiting_since_s = time.monotonic() - 31
    parts.link.connected = False
    assert _parts(parts.health) == ["start", "journal", "store", "engine", "source main"]


def test_a_clock_that_is_not_believed_is_named() -> None:
    parts = _Parts()
    parts.clock.failure = "the machine's clock went forward"
    (reason,) = parts.health.unready()
    assert (reason.part, reason.reason) == ("clock", "the machine's clock went forward")


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 503), ("/metrics", 401)])
async def test_the_site_answers(path: str, status: int) -> None:
    parts = _Parts()
    parts.link.connected = False
    site = operations_site(parts.health, Metrics(["main"], [], []), "a-token-of-some-length")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://core") as client:
        answer = await client.get(path)
        assert answer.status_code == status
        if path == "/readyz":
            assert answer.json()["reasons"] == [
                {"part": "source main", "reason": "is not connected to mqtt://127.0.0.1:1883"}
            ]
        allowed = await client.get("/metrics", headers={"Authorization": "Bearer a-token-of-some-length"})
        assert "vdm_build_info" in allowed.text
