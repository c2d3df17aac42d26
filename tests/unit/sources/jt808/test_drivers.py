"""Numbers of drivers."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.sources.jt808 import drivers as module
from monitor.sources.jt808.drivers import Drivers
from monitor.sources.jt808.lines import LINE, NO_DRIVER


def test_drivers_whom_no_terminal_names_are_forgotten_and_the_others_stay_who_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_FORGOTTEN_AT", 10)
    drivers, rows = Drivers(), np.zeros(3, LINE)
    rows["driver"] = rows["driver_before"] = NO_DRIVER
    numbers = [drivers.number(f"D{n}") for n in range(40)]
    rows["driver"][:2], rows["driver_before"][2] = numbers[7], numbers[33]
    drivers.forget(rows)
    indices, texts = drivers.of_batch(rows["driver"].astype(np.int32))
    assert ([texts[n] for n in indices[:2]], indices[2]) == (["D7", "D7"], NO_DRIVER)
    indices, texts = drivers.of_batch(rows["driver_before"].astype(np.int32))
    assert (indices.tolist(), texts) == ([NO_DRIVER, NO_DRIVER, 0], ("D33",))
    assert drivers.number("D7") == rows["driver"][0]
    assert drivers.number("D99") == 2


def test_few_drivers_are_all_remembered() -> None:
    drivers, rows = Drivers(), np.zeros(3, LINE)
    assert [drivers.number(f"D{n}") for n in range(40)] == list(range(40))
    drivers.forget(rows)
    assert drivers.number("D39") == 39
