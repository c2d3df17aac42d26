"""A process that publishes a generated fleet at an even pace, and tells when it sent the reports that raise alarms.

python -m tests.benchmarks.paced_publisher PLAN SENT.json
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from simulators.payload import PayloadCodec, PayloadWriter
from tests.benchmarks.generated_fleet import fleet_reports

LIMIT_DKMH = 1_200
"""Class cap of a vehicle without a registry (S2)."""
HOLD_MS = 30_000
INTERVAL_MS = 5_000
"""Each vehicle's; a run stays within the 5 minutes after which the indicators are reckoned again."""
SETTLING_S = 8.0
"""After the first rounds: the daemon knows every vehicle, and has reckoned its indicators once."""
FIRST_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to publish, for how long."""

    port: int
    topic: str
    vehicles: int
    reports_per_s: int
    reports_per_message: int
    seconds: float

    def text(self) -> str:
        return json.dumps(asdict(self))


def publish(plan: Plan) -> dict[str, object]:
    """Publish; returns when each alarm's report was sent (monotonic seconds) and the pace reached."""
    rounds = FIRST_ROUNDS + round(plan.reports_per_s * plan.seconds / plan.vehicles)
    batch = fleet_reports(plan.vehicles, rounds, INTERVAL_MS)
    rows = batch.rows
    round_ = np.repeat(np.arange(rounds), plan.vehicles)
    rows["fix_ms"] = rows["recv_ms"] // INTERVAL_MS * INTERVAL_MS
    # One vehicle in a hundred speeds, from a round of its own on; the first report after 30 s over raises the alarm.
    over = (rows["key"] % 100 == 0) & (round_ > 2 + rows["key"] // 100 % (rounds - 12))
    rows["speed_dkmh"] = np.where(over, LIMIT_DKMH + 100, np.minimum(rows["speed_dkmh"], 900))
    rows["lat_deg"] = 30 + (rows["key"] % 1_000) * 0.001 + round_ * 0.001
    size = plan.reports_per_message
    writer = PayloadWriter(batch, PayloadCodec.JSON, {})
    messages = [writer.payload(rows[i : i + size]) for i in range(0, len(rows), size)]
    first_over: dict[int, int] = {}
    raising: dict[int, list[str]] = {}
    for place in np.flatnonzero(over).tolist():
        key, fix_ms = int(rows["key"][place]), int(rows["fix_ms"][place])
        begun = first_over.setdefault(key, fix_ms)
        if begun >= 0 and fix_ms - begun > HOLD_MS:
            raising.setdefault(place // size, []).append(batch.keys[key])
            first_over[key] = -1
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", plan.port)
    client.loop_start()
    raised: dict[str, float] = {}
    first = FIRST_ROUNDS * plan.vehicles // size
    for message in messages[:first]:
        client.publish(plan.topic, message, qos=1)
    time.sleep(SETTLING_S)
    began = time.monotonic()
    for number, message in enumerate(messages[first:], first):
        due = began + (number - first) * size / plan.reports_per_s
        if (early := due - time.monotonic()) > 0.002:
            time.sleep(early)
        last = client.publish(plan.topic, message, qos=1)
        for vehicle in raising.get(number, ()):
            raised[vehicle] = time.monotonic()
    last.wait_for_publish()
    took_s = time.monotonic() - began
    client.disconnect()
    client.loop_stop()
    return {"raised": raised, "reports_per_s": (len(messages) - first) * size / took_s}


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(publish(Plan(**json.loads(sys.argv[1])))))
