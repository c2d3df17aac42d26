"""Copied track 轨迹复制: a track that is another vehicle's, or the same vehicle's of another time.

No two drives give the same fixes: a receiver scatters by metres, and a fix has digits of a tenth of a metre. So when 8
fixes in a row, taken while moving at 5 km/h or more and each different from the one before, are the same to the 1e-6
degree as 8 in a row of another vehicle, or of the same vehicle at least an hour away, that is a *sign*. The copy is the
one whose fixes are dated later; where they are dated alike both are. Its times, speeds and odometer may be anything.

The alarm comes with the sixth sign that one vehicle has in common with one other; onset is the first of them, end the
last. Signs no more than two hours apart are one alarm. Major. ``n_reports`` counts the signs.

To compare every vehicle with all of the last 8 days, only some windows are kept, chosen by their newest fix, so that a
copy's are the same: 15 to 30 an hour of driving, at most 512 of a vehicle and day, and 2 million together; the oldest
go first. So a copy of an hour is found (of 1,000 three are not), one of a few minutes is not.

What is no sign: standing, drift, a fix on a grid of 0.0001 degrees or 0.01 minutes (a place no better than 10 m: the
same line driven daily would look copied), what is sent twice (the same fix times are the same reports), and vehicles
that the registry does not know, which may be known by two names at once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from monitor.engine.edges import new_sign
from monitor.engine.judge import NO_EDGES, Judge, edge_rows
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.engine.sign_pool import HASH_SHIFT, MOST, Pool, Sighting, sightings
from monitor.engine.state import SIGN
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import DAY_MS, OFFSET_MS, day_of
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import is_same_fix

if TYPE_CHECKING:
    from monitor.engine.fleet_state import FleetState

MOVING_DKMH = 50
"""Moving is at least 5 km/h (F6)."""
WINDOW = 8
"""Fixes in a row that make a sign (D)."""
CONTENT_BITS = 39
"""Of what is compared: with the seconds that a sign's value also holds, 63 bits."""
CONTENT_MASK = (1 << CONTENT_BITS) - 1
SHIFT = 5
"""Each fix shifts the hash of those before, so that exactly the last 8 are in it: 8 x 5 is more than its bits."""
DAY_MOST = 512
"""Windows kept of a vehicle and day (a guess: more than anybody drives)."""
ALIKE_MOST = 8
"""Sightings of one window that are looked at, the earliest (a guess: a track is copied from few)."""
GATHERED, GATHERING_MS = 4_096, 60_000
"""Live, windows are compared when so many wait, or the first for so long, or time is told: a comparison costs some
0.1 ms however few they are (measured)."""
_62_BITS, _32_BITS = (1 << 62) - 1, (1 << 32) - 1
_ODD_A, _ODD_B, _ODD_C = 3_144_134_277, 2_654_435_761, 668_265_263
"""Odd numbers without a pattern in their bits; a fix times the first two stays below 2^62."""


class CopiedTrackSettings(RuleSettings):
    """Settings of ``copied_track``."""

    signs: int = Field(default=6, ge=2, description="windows in common with one other track (D)")
    apart_s: float = Field(default=3_600, gt=0, description="the same vehicle at least this long before (D)")
    quiet_s: float = Field(default=7_200, gt=0, description="signs no longer than this apart are one alarm (D)")
    keep_days: int = Field(default=8, ge=1, le=60, description="how far back a copied track is looked for, in days (D)")
    most_windows: int = Field(
        default=2_000_000,
        ge=1_000,
        le=MOST // 2,
        description="windows remembered of the whole fleet, some 24 bytes each (D)",
    )


PARAMS = np.dtype([("enabled", np.int64)], align=True)
STATE = np.dtype(
    [
        ("hash", np.int64),  # of the last moving fixes
        ("day", np.int32),  # of the windows kept
        ("kept", np.int16),  # windows kept of that day
        ("n", np.int8),  # fixes in the hash, at most WINDOW
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, CopiedTrackSettings)
    return (int(settings.enabled and facts.registered),)


@compiled
def fix_hash(lon_e6: int, lat_e6: int) -> int:
    """62 bits that depend on every digit of a fix to 1e-6 degree; no step of it leaves 63 bits."""
    a = (lon_e6 + 180_000_000) * _ODD_A + (lat_e6 + 90_000_000) * _ODD_B & _62_BITS
    a ^= a >> 29
    a = (a & _32_BITS) * _ODD_C + (a >> 32) & _62_BITS
    return a ^ a >> 27


@compiled
def is_rough(lon_e6: int, lat_e6: int) -> bool:
    """Whether a fix is on a grid of 0.0001 degrees or 0.01 minutes; by chance one in ten thousand is."""
    if lon_e6 % 100 == 0 and lat_e6 % 100 == 0:
        return True
    # A hundredth of a minute is 166.67e-6 degrees; rounded to whole ones it is off by one half at most.
    return (6 * lon_e6 + 3) % 1000 <= 6 and (6 * lat_e6 + 3) % 1000 <= 6


@compiled
def rare_bits(dt_ms: int) -> int:
    """One window in 2 to this power is compared: some 15 to 30 an hour at every report interval."""
    if dt_ms >= 45_000:
        return 2
    if dt_ms >= 20_000:
        return 3
    if dt_ms >= 8_000:
        return 4
    if dt_ms >= 4_000:
        return 5
    if dt_ms >= 2_000:
        return 6
    return 7


@compiled
def keep_window(state: np.void, x: np.void, out: np.void, code: int) -> None:
    """The last 8 fixes are to be compared."""
    day = day_of(x["fix_ms"])
    if state["day"] != day:
        state["day"] = day
        state["kept"] = 0
    if state["kept"] < DAY_MOST:
        state["kept"] += 1
        lag_s = max(0, min((x["clock_ms"] - x["fix_ms"]) // 1000, (1 << HASH_SHIFT) - 1))
        new_sign(out, x, code, x["fix_ms"], (state["hash"] << HASH_SHIFT) | lag_s)


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report: another fix of a moving vehicle?"""
    if x["motion_dkmh"] < MOVING_DKMH or params["enabled"] == 0:
        return
    lon, lat = x["lon_deg"], x["lat_deg"]
    if is_same_fix(lon, lat, x["previous_lon_deg"], x["previous_lat_deg"]) and x["first"] == 0:
        return
    lon_e6, lat_e6 = math.floor(lon * 1e6 + 0.5), math.floor(lat * 1e6 + 0.5)
    if x["jump"] == 1 or is_rough(lon_e6, lat_e6):
        state["n"] = 0
        return
    newest = fix_hash(lon_e6, lat_e6)
    state["hash"] = ((state["hash"] << SHIFT) + newest) & CONTENT_MASK
    if state["n"] < WINDOW - 1:
        state["n"] += 1
    elif (newest >> CONTENT_BITS) & ((1 << rare_bits(x["dt_ms"])) - 1) == 0:
        keep_window(state, x, out, code)


class Track(msgspec.Struct):
    """What a vehicle has in common with others. Times are fix times, epoch ms, where they are not of the clock."""

    first_ms: int
    last_ms: int
    last_clock_ms: int  # engine clock at the newest sign
    n: int = 0  # signs
    newest: list[int] = []  # the last signs counted: one may be shared with several others
    with_others: dict[int, list[int]] = {}  # signs by the other's row, until there is an alarm
    onset_ms: int = 0  # 0 = no alarm


class CopiedTrackState(msgspec.Struct):
    """What the judge remembers besides the windows."""

    tracks: dict[int, Track] = {}
    trimmed_day: int = 0


class CopiedTrackJudge(Judge):
    """Finds windows seen before. Live within a minute; settled when all vehicles are in, in the order of the clock."""

    def __init__(self, code: int, settings: RuleSettings) -> None:
        super().__init__(code, settings)
        self._pool = Pool()
        self._waiting: list[NDArray[np.void]] = []
        self._n_waiting = 0
        self._since_ms = 0  # engine clock when the first of them came; 0 = none waits
        self._state = CopiedTrackState()

    @property
    def _limits(self) -> CopiedTrackSettings:
        assert isinstance(self.settings, CopiedTrackSettings)
        return self.settings

    def take(
        self, signs: NDArray[np.void], stretches: NDArray[np.void], fleet: FleetState, clock_ms: int
    ) -> NDArray[np.void]:
        """Windows that one pass kept."""
        if not len(signs):
            return NO_EDGES
        self._waiting.append(signs)
        self._n_waiting += len(signs)
        if not self._since_ms:
            self._since_ms = clock_ms
        if self.settled or (self._n_waiting < GATHERED and clock_ms - self._since_ms < GATHERING_MS):
            return NO_EDGES
        return self._judged(fleet)

    def pass_time(self, fleet: FleetState, clock_ms: int, *, grace_until_ms: int, final: bool) -> NDArray[np.void]:
        """Silence ends what is open."""
        found = [NO_EDGES]
        judged_now = bool(self._waiting)
        if self._waiting:
            found.append(self._judged(fleet))
        quiet_ms = round(self._limits.quiet_s * 1000)
        for row in sorted(self._state.tracks):
            track = self._state.tracks[row]
            if clock_ms > track.last_clock_ms + quiet_ms:
                found += self._ended(row)
            elif final and judged_now and track.onset_ms:
                found.append(self._edge(EdgeType.UPDATE, row, track, clock_ms))
        return np.concatenate(found)

    def snapshot(self) -> bytes:
        waiting = b"".join(signs.tobytes() for signs in self._waiting)
        return msgspec.msgpack.encode((self._state, self._pool.snapshot(), waiting, self._since_ms))

    def restore(self, data: bytes) -> None:
        self._state, pool, waiting, self._since_ms = msgspec.msgpack.decode(
            data, type=tuple[CopiedTrackState, bytes, bytes, int]
        )
        self._pool.restore(pool)
        self._n_waiting = len(waiting) // SIGN.itemsize
        self._waiting = [np.frombuffer(waiting, SIGN).copy()] if waiting else []

    def _judged(self, fleet: FleetState) -> NDArray[np.void]:
        """What has gathered, compared."""
        new = sightings(np.concatenate(self._waiting))
        self._waiting = []
        self._n_waiting = self._since_ms = 0
        return self._compare(new, fleet)

    def _compare(self, new: NDArray[np.void], fleet: FleetState) -> NDArray[np.void]:
        """Sightings day by day of the clock: at the first of a day the pool is cut to its bounds."""
        found: list[NDArray[np.void]] = []
        days = (new["clock_ms"] + OFFSET_MS) // DAY_MS
        for day in np.unique(days):
            if day > self._state.trimmed_day:
                self._state.trimmed_day = int(day)
                self._pool.trim(int(day - self._limits.keep_days - 1) * DAY_MS, self._limits.most_windows)
            todays = new[days == day]
            for one, other in self._pool.add(todays, ALIKE_MOST):
                found += self._pair(one, other, fleet)
        return np.concatenate(found) if found else NO_EDGES

    def _pair(self, one: Sighting, other: Sighting, fleet: FleetState) -> list[NDArray[np.void]]:
        """Two sightings of one window; ``one`` is the newer by the clock. The copy is the later by fix time."""
        apart_ms = abs(one.at_ms - other.at_ms)
        least_ms = round(self._limits.apart_s * 1000) if one.row == other.row else 0
        if not least_ms <= apart_ms <= self._limits.keep_days * DAY_MS:
            return []
        found: list[NDArray[np.void]] = []
        if one.at_ms >= other.at_ms:
            found += self._sign(one, other.row, one.clock_ms)
        if other.at_ms >= one.at_ms:
            found += self._sign(other, one.row, one.clock_ms)
        return found

    def _sign(self, copy: Sighting, other_row: int, clock_ms: int) -> list[NDArray[np.void]]:
        """A window of ``copy`` that another track had before."""
        found: list[NDArray[np.void]] = []
        tracks = self._state.tracks
        row = copy.row
        if row in tracks and clock_ms > tracks[row].last_clock_ms + round(self._limits.quiet_s * 1000):
            found += self._ended(row)
        track = tracks.setdefault(row, Track(copy.at_ms, copy.at_ms, clock_ms))
        track.first_ms = min(track.first_ms, copy.at_ms)
        track.last_ms = max(track.last_ms, copy.at_ms)
        track.last_clock_ms = clock_ms
        if copy.at_ms not in track.newest:
            track.n += 1
            track.newest = [*track.newest[-ALIKE_MOST:], copy.at_ms]
        if track.onset_ms:
            return found
        shared = track.with_others.setdefault(other_row, [])
        if copy.at_ms not in shared:
            shared.append(copy.at_ms)
        if len(shared) >= self._limits.signs:
            track.onset_ms = track.first_ms
            track.with_others = {}
            found.append(self._edge(EdgeType.ONSET, row, track, clock_ms))
        return found

    def _ended(self, row: int) -> list[NDArray[np.void]]:
        """No sign for long: the alarm, if it is one, ended with its last."""
        track = self._state.tracks.pop(row)
        if not track.onset_ms:
            return []
        edge = self._edge(EdgeType.CLEAR, row, track, track.last_clock_ms + round(self._limits.quiet_s * 1000))
        edge["end_ms"] = track.last_ms
        edge["end_reason"] = EndReason.CONDITION_OVER
        return [edge]

    def _edge(self, kind: EdgeType, row: int, track: Track, at_ms: int) -> NDArray[np.void]:
        edge = edge_rows(1, self.code, at_ms)
        edge["edge"] = kind
        edge["row"] = row
        edge["onset_ms"] = track.onset_ms
        edge["n_reports"] = track.n
        edge["grade"] = Grade.MAJOR
        return edge


RULE = Rule(
    name="copied_track",
    title_zh="轨迹复制",
    title_en="Copied track",
    unit="–",
    settings=CopiedTrackSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("hash", "day", "kept", "n"),
    step=step,
    judge=CopiedTrackJudge,
    page=__doc__,
)
