"""Platform outage 平台中断 (O5): a platform through which vehicles are heard of, or a link to one, is down.

A link is down while neither its main nor its sub channel is up; a platform is, when all links to it are. Or nothing at
all comes from a source for which at least 10 vehicles were driving in the 10 minutes before it fell silent: a source
whose vehicles stood by then is not out, it has nothing to say. Either way it counts from 5 minutes on, and both are one
alarm. Onset is the last contact (the moment the link went down, or the last report), end the next one. ``peak`` is
minutes. Major. The subject is the platform, by its name in reports.

Silence counts only while we watch, which is while time is told at least every 5 minutes: a file has no such passing
of time and is never a platform, and a pause of our own is nobody's outage. After one a platform has the 5 minutes
anew, and the grace that absences have.

It inhibits what it explains: the ``offline``, ``track_gap`` and ``offline_displacement`` of vehicles last heard of
through that platform that begin within it, and lets go 10 minutes after its end: absences still true are then pushed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from monitor.engine.edges import new_sign
from monitor.engine.judge import NO_EDGES, Judge, edge_rows
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade, Subject
from monitor.model.beijing import MINUTE_MS
from monitor.model.compiled import folded
from monitor.model.edge import EdgeType

if TYPE_CHECKING:
    from monitor.engine.fleet_state import FleetState
    from monitor.model.exchange import LinkEvent

WATCH_MS = 300_000
"""Time told less often than this is not being watched: a pause of ours (readings, Clocks)."""
RELEASE_MS = 600_000
"""So long after the end what it inhibited is let go: vehicles report again one by one, and send what they kept (D)."""
MOVING_DKMH = 50
"""Driving is at least 5 km/h (F6)."""


class PlatformOutageSettings(RuleSettings):
    """Settings of ``platform_outage``. They hold for the fleet as a whole, not by class, enterprise or vehicle."""

    down_s: float = Field(default=300, ge=10, description="a link down, or a source silent, for this long (D)")
    least_vehicles: int = Field(default=10, ge=1, description="driving vehicles that fall silent together (D)")
    driving_s: float = Field(default=600, ge=0, description="driving within this time before the silence (D)")


PARAMS = np.dtype([("down_ms", np.int64), ("enabled", np.int64)], align=True)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, PlatformOutageSettings)
    return (round(settings.down_s * 1000), int(settings.enabled))


@folded
def contact(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """A vehicle is heard of after as long a silence as an outage has: the first of its source ends one."""
    if x["clock_ms"] - core["contact_ms"] < params["down_ms"] or params["enabled"] == 0 or x["settled"] == 1:
        return
    if core["source"] > 0:
        new_sign(out, x, code, x["clock_ms"], core["source"] - 1)


class LinkState(msgspec.Struct):
    """One link: the platform at its other end, as position among the fleet's sources, and since when it is down."""

    platform: int
    up: list[str]
    down_ms: int  # 0 = up


class Ended(msgspec.Struct, frozen=True):
    """An outage whose inhibition has not been let go yet."""

    platform: int
    onset_ms: int
    end_ms: int


class OutageState(msgspec.Struct):
    """What the judge remembers; ``onsets`` are the outages in progress by platform."""

    links: dict[str, LinkState] = {}
    onsets: dict[int, int] = {}
    ended: list[Ended] = []
    watched_from_ms: int = 0
    watched_to_ms: int = 0


class OutageJudge(Judge):
    """Looks at the links and the last contacts of the whole fleet whenever time is told."""

    def __init__(self, code: int, settings: RuleSettings) -> None:
        super().__init__(code, settings)
        self._state = OutageState()
        self._grace_until_ms = 0

    @property
    def _limits(self) -> PlatformOutageSettings:
        assert isinstance(self.settings, PlatformOutageSettings)
        return self.settings

    def take(
        self, signs: NDArray[np.void], stretches: NDArray[np.void], fleet: FleetState, clock_ms: int
    ) -> NDArray[np.void]:
        """Contact after a silence: it ends an outage of its source, unless all links to that are down still."""
        found = []
        onsets = self._state.onsets
        for platform in sorted({int(value) for value in signs["value"]} & onsets.keys()):
            contacts = signs["at_ms"][signs["value"] == platform]
            contacts = contacts[contacts > onsets[platform]]
            if len(contacts) and not self._cut_off_ms(platform):
                found.append(self._over(platform, int(contacts.min())))
        return np.concatenate(found) if found else NO_EDGES

    def link(self, event: LinkEvent, fleet: FleetState, clock_ms: int) -> NDArray[np.void]:
        """A channel of a link went down or came up; the engine clock says when."""
        state = self._state
        platform = fleet.source(event.platform or event.link)
        link = state.links.setdefault(event.link, LinkState(platform, [], 0))
        link.platform = platform
        if not event.up:
            link.up = [channel for channel in link.up if channel != event.channel.value]
            if not link.up and not link.down_ms:
                link.down_ms = clock_ms
            return NO_EDGES
        down_ms = self._cut_off_ms(platform)
        link.up = sorted({*link.up, event.channel.value})
        link.down_ms = 0
        found = []
        if down_ms and platform not in state.onsets and clock_ms >= self._due_ms(down_ms) and self.settings.enabled:
            found.append(self._out(platform, down_ms))
        if platform in state.onsets and not self._silent_since_ms(fleet, clock_ms)[platform]:
            found.append(self._over(platform, clock_ms))
        return np.concatenate(found) if found else NO_EDGES

    def pass_time(self, fleet: FleetState, clock_ms: int, *, grace_until_ms: int, final: bool) -> NDArray[np.void]:
        """Who has been silent for long enough, and what is to be let go."""
        state = self._state
        if not state.watched_to_ms or clock_ms - state.watched_to_ms >= WATCH_MS:
            state.watched_from_ms = clock_ms
        state.watched_to_ms = clock_ms
        self._grace_until_ms = grace_until_ms
        found = [self._release(ended) for ended in state.ended if clock_ms >= ended.end_ms + RELEASE_MS]
        if found:
            state.ended = [ended for ended in state.ended if clock_ms < ended.end_ms + RELEASE_MS]
        if not self.settings.enabled:
            found += [self._over(platform, clock_ms) for platform in sorted(state.onsets)]
        elif fleet.sources and state.watched_from_ms < clock_ms:
            silent_ms = self._silent_since_ms(fleet, clock_ms)
            for platform in range(len(fleet.sources)):
                if platform not in state.onsets:
                    down_ms = self._cut_off_ms(platform)
                    if not down_ms or clock_ms < self._due_ms(down_ms):
                        down_ms = int(silent_ms[platform])
                    if down_ms:
                        found.append(self._out(platform, down_ms))
        return np.concatenate(found) if found else NO_EDGES

    def snapshot(self) -> bytes:
        return msgspec.json.encode((self._state, self._grace_until_ms))

    def restore(self, data: bytes) -> None:
        self._state, self._grace_until_ms = msgspec.json.decode(data, type=tuple[OutageState, int])

    def _due_ms(self, since_ms: int) -> int:
        """When a silence is long enough; one that began before we watched may be ours, up to the end of our grace."""
        watched_ms = self._state.watched_from_ms
        due_ms = max(since_ms, watched_ms) + round(self._limits.down_s * 1000)
        return due_ms if since_ms > watched_ms else max(due_ms, self._grace_until_ms)

    def _cut_off_ms(self, platform: int) -> int:
        """Since when no link to a platform is up; 0 while one is, or where there is none."""
        links = [link.down_ms for link in self._state.links.values() if link.platform == platform]
        return max(links) if links and all(links) else 0

    def _silent_since_ms(self, fleet: FleetState, clock_ms: int) -> NDArray[np.int64]:
        """By source: its last contact, where it has been silent for long and many vehicles drove before; else 0."""
        core = fleet.rows["core"][: len(fleet)]
        source, contact_ms = core["source"].astype(np.int64), core["contact_ms"].astype(np.int64)
        last_ms = np.zeros(len(fleet.sources) + 1, np.int64)
        np.maximum.at(last_ms, source, contact_ms)
        last_ms[0] = 0
        out = np.zeros(len(fleet.sources), np.int64)
        suspects = [place for place, at_ms in enumerate(last_ms.tolist()) if at_ms and clock_ms >= self._due_ms(at_ms)]
        if suspects:
            since_ms = last_ms - round(self._limits.driving_s * 1000)
            suspected = np.zeros(len(last_ms), np.bool_)
            suspected[suspects] = True
            rows = np.flatnonzero(suspected[source])
            of = source[rows]
            drove = (core["speed_dkmh"][rows] >= MOVING_DKMH) & (core["clock_ms"][rows] >= since_ms[of])
            enough = np.bincount(of[drove], minlength=len(last_ms)) >= self._limits.least_vehicles
            out[:] = np.where(suspected & enough, last_ms, 0)[1:]
        return out

    def _out(self, platform: int, onset_ms: int) -> NDArray[np.void]:
        self._state.onsets[platform] = onset_ms
        return self._edge(EdgeType.ONSET, platform, onset_ms, self._due_ms(onset_ms))

    def _over(self, platform: int, end_ms: int) -> NDArray[np.void]:
        onset_ms = self._state.onsets.pop(platform)
        self._state.ended.append(Ended(platform, onset_ms, end_ms))
        edge = self._edge(EdgeType.CLEAR, platform, onset_ms, end_ms)
        edge["end_ms"] = end_ms
        edge["end_reason"] = EndReason.CONTACT_RETURNED if self.settings.enabled else EndReason.DATA_ENDED
        return edge

    def _release(self, ended: Ended) -> NDArray[np.void]:
        return self._edge(EdgeType.RELEASE, ended.platform, ended.onset_ms, ended.end_ms + RELEASE_MS)

    def _edge(self, kind: EdgeType, platform: int, onset_ms: int, at_ms: int) -> NDArray[np.void]:
        edge = edge_rows(1, self.code, at_ms)
        edge["edge"] = kind
        edge["platform"] = platform
        edge["onset_ms"] = onset_ms
        edge["peak"] = (at_ms - onset_ms) / MINUTE_MS
        edge["limit"] = self._limits.down_s / 60
        edge["grade"] = Grade.MAJOR
        return edge


RULE = Rule(
    name="platform_outage",
    title_zh="平台中断",
    title_en="Platform outage",
    unit="min",
    settings=PlatformOutageSettings,
    params=PARAMS,
    fill=fill,
    subject=Subject.PLATFORM,
    contact=contact,
    judge=OutageJudge,
    page=__doc__,
)
