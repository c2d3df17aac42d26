"""A fixed scenario in which every rule speaks; ``python -m tests.conformance.fixed_set`` prints its answers as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from functools import cache

from monitor.app.replay import replay_batch
from tests.conformance.ground import permitted, roads
from tests.conformance.runs import LAYERS, cut, run
from tests.conformance.scenario import (
    ABSENT,
    ACC_CUT,
    ANTENNA_CUT,
    AT_NIGHT,
    BACKFILL,
    BACKFILL_REVERSED,
    BRIEF_STOP,
    CARD_A,
    CARD_B,
    CLOCK_AHEAD,
    CLOCK_BEHIND,
    CLOCK_ROLLED_OVER,
    DIP,
    DRIFT_POINT,
    DRIVE,
    FAR,
    FAR_UNKNOWN,
    FAST,
    FASTER,
    FERRY,
    FROZEN,
    GAP,
    HAND_OVER,
    INTO_THE_NIGHT,
    LATE_LINE,
    LONG_ABSENT,
    LONG_DRIVE,
    LONG_GAP,
    LONG_GAP_OF_60_KM,
    LONG_SILENCE,
    MOVED_AWAY,
    NO_CARD,
    NO_FIX,
    NO_SPEED,
    OTHER_DRIVER,
    PARK,
    PINNED,
    POWER_LOST,
    PRESSED,
    QUEUE,
    REST,
    SHORT_STOP,
    STOP_OF_1200_S,
    THROUGH_THE_NIGHT,
    TIRED,
    TIRED_AT_REST,
    TOWED_FAST,
    TRACK,
    TRACK_AGAIN,
    TWO_DRIFT_POINTS,
    UNSAID,
    WARNED,
    WARNED_BLIND,
    WARNED_FAST,
    Scenario,
    tell,
)

_STORIES = [
    [
        DRIVE,
        FAST,
        DIP,
        FASTER,
        DRIVE,
        GAP,
        LONG_DRIVE,
        SHORT_STOP,
        LONG_DRIVE,
        QUEUE,
        OTHER_DRIVER,
        REST,
        LATE_LINE,
        ABSENT,
    ],
    [
        DRIVE,
        LONG_GAP,
        DRIFT_POINT,
        DRIFT_POINT,
        DRIFT_POINT,
        DRIFT_POINT,
        DRIFT_POINT,
        TWO_DRIFT_POINTS,
        MOVED_AWAY,
        BACKFILL,
        BACKFILL_REVERSED,
        NO_SPEED,
        FERRY,
        LONG_DRIVE,
        TOWED_FAST,
        LONG_DRIVE,
        LONG_SILENCE,
        LONG_ABSENT,
    ],
    [PARK, NO_FIX, PARK, CARD_A, NO_CARD, CARD_B, CARD_A, FASTER, LONG_GAP, LONG_DRIVE, LONG_DRIVE, LONG_DRIVE],
    [
        AT_NIGHT,
        BRIEF_STOP,
        DRIVE,
        PRESSED,
        UNSAID,
        DRIVE,
        WARNED_FAST,
        FAST,
        WARNED,
        ANTENNA_CUT,
        PARK,
        LONG_DRIVE,
        LONG_DRIVE,
        TIRED,
        TIRED_AT_REST,
        WARNED_BLIND,
        POWER_LOST,
        CLOCK_AHEAD,
        ACC_CUT,
        CLOCK_BEHIND,
        DRIVE,
        CLOCK_ROLLED_OVER,
    ],
    [PARK, DRIVE, STOP_OF_1200_S, DRIVE, REST, DRIVE, ABSENT, DRIVE, LONG_GAP_OF_60_KM, LONG_GAP_OF_60_KM],
    [DRIVE, FROZEN, DRIVE, PINNED, DRIVE],
    [FAR_UNKNOWN, REST, FAR, LONG_GAP, TOWED_FAST, REST, FAR],
    [TRACK, TRACK_AGAIN, REST],
    [
        INTO_THE_NIGHT,
        THROUGH_THE_NIGHT,
        REST,
        INTO_THE_NIGHT,
        THROUGH_THE_NIGHT,
        HAND_OVER,
        THROUGH_THE_NIGHT,
        LONG_GAP,
    ],
]


def fixed_scenario() -> Scenario:
    dates = {4: ("suspended_to", date(2026, 3, 2)), len(_STORIES) - 1: ("relay_from", date(2026, 3, 2))}
    return tell(
        _STORIES,
        [0, 7, 3_000, 11, 100, 5, 40, 20, 30],
        31 * 86_400,
        dates,
        maps=replace(permitted(), roads=roads().roads),
    )


@cache
def answers() -> list[dict[str, str | float | int | bool | None]]:
    """Records of the live alarms after each change, then of the settled ones."""
    scenario = fixed_scenario()
    live = run(scenario, cut(scenario, (100, 333)))
    lines = [change.alarm.record() | {"at": change.at_ms} for key in sorted(live) for change in live[key]]
    settled = replay_batch(
        scenario.batch,
        scenario.registry,
        until_ms=scenario.until_ms,
        now_ms=scenario.until_ms,
        layers=LAYERS,
        maps=scenario.maps,
    )
    return lines + [alarm.record() for alarm in settled.alarms]


if __name__ == "__main__":
    print(json.dumps(answers()))
