"""A process that publishes a fleet's reports of right now, at an even pace, until it is told to end.

python -m tests.chaos.steady_publisher PORT TOPIC VEHICLES REPORTS_PER_S SECONDS

Vehicles go to and fro; one in a hundred speeds for two minutes in ten, so that alarms begin and end all the time.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, ReportRows, empty_rows
from simulators.payload import PayloadCodec, PayloadWriter

PER_MESSAGE = 100
_KMH = 600
_FAST_KMH = 1_300
_CYCLE_S, _FAST_S = 600, 120
_THERE_S = 7_200
"""They turn round every two hours."""
_M_PER_DEG = 111_195.0


def rows_at(numbers: np.ndarray[tuple[int], np.dtype[np.int64]], now_s: float) -> ReportRows:
    """What these vehicles report now; where they are follows from their speeds."""
    rows = empty_rows(len(numbers))
    rows["key"] = np.arange(len(numbers))
    rows["fix_ms"] = rows["recv_ms"] = int(now_s) * 1000
    phase_s = (now_s + numbers) % _CYCLE_S
    speeding = numbers % 100 == 0
    rows["speed_dkmh"] = np.where(speeding & (phase_s < _FAST_S), _FAST_KMH, _KMH)
    cycles = (now_s + numbers) // _CYCLE_S
    slow_m, fast_m = _KMH / 36.0, (_FAST_KMH - _KMH) / 36.0
    driven_m = now_s % _THERE_S * slow_m
    extra_m = np.where(speeding, (cycles % (_THERE_S // _CYCLE_S)) * _FAST_S + np.minimum(phase_s, _FAST_S), 0) * fast_m
    there = (now_s // _THERE_S) % 2 == 0
    total_m = _THERE_S * (slow_m + fast_m)
    at_m = driven_m + extra_m if there else total_m - driven_m - extra_m
    rows["lat_deg"] = 33.0 + at_m / _M_PER_DEG
    rows["lon_deg"] = 95.0 + (numbers % 1_000) * 0.01
    rows["heading_deg"] = 0 if there else 180
    rows["flags"] = ReportFlag.POSITIONED | ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON
    return rows


def publish(port: int, topic: str, vehicles: int, reports_per_s: float, seconds: float) -> float:
    """Publish; the pace reached, reports per second."""
    keys = tuple(f"甘G{number:06d}" for number in range(vehicles))
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began_s = time.monotonic()
    n = 0
    while (due_s := n * PER_MESSAGE / reports_per_s) < seconds:
        if (early_s := began_s + due_s - time.monotonic()) > 0.001:
            time.sleep(early_s)
        numbers = (n * PER_MESSAGE + np.arange(PER_MESSAGE)) % vehicles
        batch = ReportBatch(tuple(keys[number] for number in numbers.tolist()), rows_at(numbers, time.time()))
        last = client.publish(topic, PayloadWriter(batch, PayloadCodec.JSON, {}).payload(batch.rows), qos=1)
        n += 1
    last.wait_for_publish()
    took_s = time.monotonic() - began_s
    client.disconnect()
    client.loop_stop()
    return n * PER_MESSAGE / took_s


if __name__ == "__main__":
    port, topic, vehicles, rate, seconds = sys.argv[1:]
    print(f"{publish(int(port), topic, int(vehicles), float(rate), float(seconds)):.0f}", flush=True)
