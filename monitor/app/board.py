"""What the live view shows, asked of the running daemon by its own public addresses: REST API and metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from monitor.model.beijing import parse_iso

_LATEST = 300
"""Alarms asked for, the newest by onset; those that changed last are shown."""
_RATE_S = 5.0


class AlarmLine(msgspec.Struct, frozen=True):
    """One alarm of the REST API, as far as the view shows it."""

    alarm_id: str
    rule: str
    kind: str | None
    grade: str
    certainty: str
    state: str
    vehicle_id: str | None
    plate: str | None
    vehicle_class: str | None
    enterprise_id: str | None
    onset: str
    duration_s: float | None
    peak: float | None
    limit: float | None
    suspected_serious: bool
    sequence: int
    changed_at: str


class _Alarms(msgspec.Struct):
    total: int
    alarms: list[AlarmLine]


class _Counts(msgspec.Struct):
    vehicles_registered: int
    vehicles_joined: int
    vehicles_online: int
    mileage_m: int
    mileage_complete_m: int
    alarms_n: int


class EnterpriseLine(msgspec.Struct, frozen=True):
    """One enterprise summary of the REST API, as far as the view shows it."""

    enterprise_id: str
    enterprise_name: str | None
    active_alarms: dict[str, int]
    listed_vehicles: list[str]
    listed_by: list[str]
    day: _Counts | None = None
    month: _Counts | None = None


class _Enterprises(msgspec.Struct):
    enterprises: list[EnterpriseLine]


class SupervisionLine(msgspec.Struct, frozen=True):
    """One row of the key-supervision list."""

    object_type: str
    object_id: str
    entered_at: str
    reason: str


class _Supervision(msgspec.Struct):
    total: int
    entries: list[SupervisionLine]


@dataclass(frozen=True, slots=True)
class Board:
    """One look at the daemon. ``alarms`` by last change, the newest first; ``by_rule`` counts alarms raised."""

    clock_ms: int = 0
    reports: int = 0
    reports_per_s: float = 0.0
    vehicles: dict[str, int] = field(default_factory=dict)
    alarms_total: int = 0
    alarms_active: int = 0
    by_rule: dict[str, dict[str, int]] = field(default_factory=dict)
    prewarnings: int = 0
    alarms: tuple[AlarmLine, ...] = ()
    enterprises: tuple[EnterpriseLine, ...] = ()
    supervision: tuple[SupervisionLine, ...] = ()
    supervision_total: int = 0
    pushes: int = 0
    trouble: str = ""


class Watcher:
    """Asks again and again; keeps what it needs for the rate. ``api`` and ``operations`` are base URLs."""

    def __init__(self, api: str, operations: str) -> None:
        self._api = api
        self._operations = operations
        self._client = httpx.AsyncClient(timeout=5.0, trust_env=False)
        self._history: list[tuple[float, int]] = []

    async def close(self) -> None:
        await self._client.aclose()

    async def ready(self) -> bool:
        """Whether the core says that it is ready."""
        try:
            answer = await self._client.get(f"{self._operations}/readyz")
            alive = await self._client.get(f"{self._api}/healthz")
        except httpx.HTTPError:
            return False
        return answer.is_success and alive.is_success

    async def look(self, before: Board) -> Board:
        """A new board; what does not answer leaves the old one with its ``trouble``."""
        try:
            scrape = await self._get(f"{self._operations}/metrics")
            alarms = msgspec.json.decode(await self._get(f"{self._api}/api/v1/alarms?limit={_LATEST}"), type=_Alarms)
            summaries = msgspec.json.decode(await self._get(f"{self._api}/api/v1/enterprises"), type=_Enterprises)
            listed = msgspec.json.decode(
                await self._get(f"{self._api}/api/v1/supervision?listed_only=true&limit=8"), type=_Supervision
            )
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            return replace(before, trouble=f"{type(error).__name__} {error}")
        samples = tuple(_samples(scrape.decode()))
        reports = int(_total(samples, "vdm_reports_received_total"))
        return Board(
            clock_ms=int(_total(samples, "vdm_engine_clock_timestamp_seconds") * 1000),
            reports=reports,
            reports_per_s=self._rate(reports),
            vehicles={one.labels["status"]: int(one.value) for one in samples if one.name == "vdm_vehicles"},
            alarms_total=alarms.total,
            alarms_active=int(_total(samples, "vdm_alarms_active")),
            by_rule=_raised(samples),
            prewarnings=int(_total(samples, "vdm_prewarnings_total")),
            alarms=tuple(sorted(alarms.alarms, key=lambda one: parse_iso(one.changed_at), reverse=True)),
            enterprises=tuple(summaries.enterprises),
            supervision=tuple(listed.entries),
            supervision_total=listed.total,
            pushes=int(_total(_delivered(samples), "vdm_deliveries_total")),
        )

    async def _get(self, url: str) -> bytes:
        answer = await self._client.get(url)
        answer.raise_for_status()
        return answer.content

    def _rate(self, reports: int) -> float:
        now_s = time.monotonic()
        self._history = [one for one in self._history if now_s - one[0] < _RATE_S] + [(now_s, reports)]
        since_s, before = self._history[0]
        return (reports - before) / (now_s - since_s) if now_s > since_s else 0.0


@dataclass(frozen=True, slots=True)
class _Sample:
    name: str
    labels: dict[str, str]
    value: float


def _samples(text: str) -> Iterable[_Sample]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield _Sample(sample.name, dict(sample.labels), float(sample.value))


def _total(samples: Iterable[_Sample], name: str) -> float:
    return sum(sample.value for sample in samples if sample.name == name)


def _delivered(samples: Iterable[_Sample]) -> Iterable[_Sample]:
    return (one for one in samples if one.labels.get("result") == "delivered")


def _raised(samples: Iterable[_Sample]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in samples:
        if one.name == "vdm_alarms_total" and one.labels["transition"] == "raised":
            found.setdefault(one.labels["rule"], {})[one.labels["grade"]] = int(one.value)
    return found
