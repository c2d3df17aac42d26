"""A core that kills itself and all its processes at a named point of the code.

``python -m tests.chaos.killing_core CONFIG STATE POINT``. Everything else is the core as the daemon runs it; the
product knows nothing of this.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from monitor.app import detection, reception
from monitor.app.child import run_until_stopped, start_logging
from monitor.app.config import load_config
from monitor.app.core import Core
from monitor.app.settlement import desk, process, settler
from monitor.sinks import mqtt, redis, webhook
from monitor.store import alarm_store, journal, snapshot
from monitor.store.archive import archive

_ACK_S = 0.3
"""Long enough for acknowledgements to be on their way (a guess)."""


class KillPoint(StrEnum):
    """Where it dies. The value is what it says about itself in the log."""

    JOURNALLED = "after the journal, before the acknowledgement"
    ACKNOWLEDGED = "after the acknowledgement, before the engine"
    IN_TRANSACTION = "inside the database transaction"
    COMMITTED = "after the commit, before the delivery"
    TOLD_WEBHOOK = "after the webhook's answer, before its cursor"
    TOLD_MQTT = "after the broker's answer, before its cursor"
    TOLD_REDIS = "after Redis' answer, before its cursor"
    IN_SNAPSHOT = "in the middle of a snapshot"
    SNAPSHOT_NAMED = "after a snapshot got its name, before old ones went"
    SEGMENT_SEALED = "after a segment was sealed, before the next one"
    SEGMENT_EMPTY = "after a segment was made, before its first record"
    ARCHIVE_WRITTEN = "after an archive file was written, before it is in the manifest"
    ARCHIVE_FLUSHED = "after the manifest of a flush"
    ARCHIVE_MERGED = "after a merged archive file was written, before it is in the manifest"
    ARCHIVE_REPLACED = "after the manifest of a merge, before old files went"
    SETTLED_ALARMS = "after alarms were corrected, before the day is on record"
    SETTLED_DAY = "after the day was worked out, before the live engine hears of it"
    SETTLED_JOURNALLED = "after corrections are in the journal, before the settlement hears of it"

    @property
    def settles(self) -> bool:
        """Whether it is met only while a day is settled."""
        return self.name.startswith("SETTLED")


def die(point: KillPoint) -> None:
    """End this process and all of its group at once."""
    os.write(2, f"dying {point}\n".encode())
    os.killpg(0, signal.SIGKILL)
    time.sleep(60)


def arm(point: KillPoint) -> None:
    """Put the charge in its place."""
    _ARMED[point](point)


def _after(owner: object, name: str, point: KillPoint, times: int = 1) -> None:
    """Die when this has been done so many times."""
    original = getattr(owner, name)
    assert callable(original)
    left = [times]

    def done(*arguments: object, **named: object) -> object:
        found = original(*arguments, **named)
        left[0] -= 1
        if left[0] <= 0:
            die(point)
        return found

    setattr(owner, name, done)


def _before(owner: object, name: str, point: KillPoint, times: int = 1) -> None:
    """Die instead of doing this for the n-th time."""
    original = getattr(owner, name)
    assert callable(original)
    left = [times]

    def done(*arguments: object, **named: object) -> object:
        left[0] -= 1
        if left[0] <= 0:
            die(point)
        return original(*arguments, **named)

    setattr(owner, name, done)


def _after_await(owner: object, name: str, point: KillPoint) -> None:
    original = getattr(owner, name)
    assert callable(original)

    async def done(*arguments: object, **named: object) -> object:
        found = await original(*arguments, **named)
        die(point)
        return found

    setattr(owner, name, done)


def _journalled(point: KillPoint) -> None:
    original = reception.Reception._journalled
    left = [3]

    def done(self: reception.Reception, batch: object, arrived: object) -> object:
        found = original(self, batch, arrived)  # type: ignore[arg-type]
        left[0] -= batch is not None
        if left[0] <= 0:
            die(point)
        return found

    reception.Reception._journalled = done  # type: ignore[assignment,method-assign]


def _acknowledged(point: KillPoint) -> None:
    original = detection.Detection._take
    left = [3]

    def done(self: detection.Detection, work: object) -> object:
        left[0] -= any(one.record.batch is not None for one in work)  # type: ignore[attr-defined]
        if left[0] <= 0:
            time.sleep(_ACK_S)
            die(point)
        return original(self, work)  # type: ignore[arg-type]

    detection.Detection._take = done  # type: ignore[assignment,method-assign]


def _committed(point: KillPoint) -> None:
    original = detection.Detection._count

    def done(self: detection.Detection, work: object, taken: object) -> None:
        if any(step.changes for step in taken.steps):  # type: ignore[attr-defined]
            die(point)
        original(self, work, taken)  # type: ignore[arg-type]

    detection.Detection._count = done  # type: ignore[method-assign]


def _archive_file(begin: str) -> Callable[[KillPoint], None]:
    def armed(point: KillPoint) -> None:
        original = archive.Archive._written

        def done(self: archive.Archive, path: Path, form: int, fill: object) -> object:
            found = original(self, path, form, fill)  # type: ignore[arg-type]
            if path.name.startswith(begin):
                die(point)
            return found

        archive.Archive._written = done  # type: ignore[assignment,method-assign]

    return armed


def _in_the_settlement(point: KillPoint) -> None:
    process._PROGRAM = f"from tests.chaos.killing_core import settle_and_die; settle_and_die({point.name!r})"


def settle_and_die(name: str) -> None:
    """The settlement process with the charge in it."""
    _after(settler, "write_corrections", KillPoint[name])
    process.serve()


_ARMED: dict[KillPoint, Callable[[KillPoint], None]] = {
    KillPoint.JOURNALLED: _journalled,
    KillPoint.ACKNOWLEDGED: _acknowledged,
    KillPoint.IN_TRANSACTION: lambda point: _after(alarm_store.AlarmStore, "_write_alarms", point),
    KillPoint.COMMITTED: _committed,
    KillPoint.TOLD_WEBHOOK: lambda point: _after_await(webhook.WebhookSink, "send", point),
    KillPoint.TOLD_MQTT: lambda point: _after_await(mqtt.MqttSink, "send", point),
    KillPoint.TOLD_REDIS: lambda point: _after_await(redis.RedisSink, "send", point),
    KillPoint.IN_SNAPSHOT: lambda point: _after(snapshot, "_packed", point, 3),
    KillPoint.SNAPSHOT_NAMED: lambda point: _before(snapshot, "_remove_old", point),
    KillPoint.SEGMENT_SEALED: lambda point: _before(journal.Journal, "_new_segment", point, 2),
    KillPoint.SEGMENT_EMPTY: lambda point: _after(journal.Journal, "_new_segment", point, 2),
    KillPoint.ARCHIVE_WRITTEN: _archive_file("taken-"),
    KillPoint.ARCHIVE_FLUSHED: lambda point: _after(archive.Archive, "_flush", point),
    KillPoint.ARCHIVE_MERGED: _archive_file("day-"),
    KillPoint.ARCHIVE_REPLACED: lambda point: _before(archive.Archive, "_remove", point),
    KillPoint.SETTLED_ALARMS: _in_the_settlement,
    KillPoint.SETTLED_DAY: lambda point: _before(desk.SettlementDesk, "_tell", point),
    KillPoint.SETTLED_JOURNALLED: lambda point: _after_await(desk.SettlementDesk, "_committed", point),
}


def main(arguments: list[str]) -> int:
    start_logging()
    config_path, state = map(Path, arguments[:2])
    arm(KillPoint[arguments[2]])
    config = load_config(config_path).model_copy(update={"state_folder": state})
    return run_until_stopped(Core(config, config_path).run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
