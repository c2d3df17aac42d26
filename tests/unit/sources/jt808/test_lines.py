"""What is known of connections and terminals, as columns."""

from __future__ import annotations

import numpy as np

from monitor.sources.jt808.drivers import Drivers
from monitor.sources.jt808.lines import NO_DRIVER, Lines


def lines_of(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


def test_a_line_is_as_new_whoever_had_it_before() -> None:
    lines = Lines(10, 1_000, 2)
    line = lines.open(5.0, connection=True)
    lines.rows["taking"][line] = True
    lines.rows["phone"][line] = 7
    lines.close(line)
    assert not lines.rows["taking"].any()
    assert lines.open(6.0, connection=False) == line
    row = lines.rows[line]
    assert (row["opened_s"], row["serial"], row["driver"], row["connection"]) == (6.0, 0, NO_DRIVER, False)
    assert not row["phone"].any()


def test_lines_grow_and_keep_what_they_hold() -> None:
    lines = Lines(10, 1_000, 2)
    opened = [lines.open(float(number), connection=True) for number in range(3_000)]
    assert len(set(opened)) == 3_000
    assert lines.rows["opened_s"][opened].tolist() == list(range(3_000))


def test_a_burst_is_free_and_what_is_beyond_it_waits() -> None:
    lines = Lines(frames_per_s=10, bytes_per_s=1_000, burst_s=2)
    line = lines_of(lines.open(0.0, connection=True))
    assert lines.meter(line, lines_of(20), lines_of(0), 0.0).tolist() == [0.0]
    assert lines.meter(line, lines_of(5), lines_of(0), 0.0).tolist() == [0.5]
    assert lines.meter(line, lines_of(0), lines_of(0), 0.5).tolist() == [0.0]
    assert lines.meter(line, lines_of(0), lines_of(5_000), 100.0).tolist() == [3.0]
    assert lines.meter(line, lines_of(20), lines_of(2_000), 1_000.0).tolist() == [0.0]


def test_a_card_holds_from_the_time_it_went_in() -> None:
    lines, drivers = Lines(10, 1_000, 2), Drivers()
    line = lines.open(0.0, connection=True)
    row = lines.rows[line]
    row["driver"], row["driver_before"], row["card_ms"] = drivers.number("B"), drivers.number("A"), 1_000
    fixes = lines_of(999, 1_000, 0)
    indices, names = drivers.of_batch(lines.drivers_at(np.full(3, line, np.int64), fixes))
    assert [names[index] for index in indices] == ["A", "B", "B"]


def test_only_drivers_of_the_batch_are_named() -> None:
    drivers = Drivers()
    numbers = [drivers.number(name) for name in ("A", "B", "", "C", "A")]
    assert numbers == [0, 1, NO_DRIVER, 2, 0]
    indices, names = drivers.of_batch(np.array([2, NO_DRIVER, 0], np.int32))
    assert (indices.tolist(), names) == ([1, NO_DRIVER, 0], ("A", "C"))
    indices, names = drivers.of_batch(np.array([NO_DRIVER], np.int32))
    assert (indices.tolist(), names) == ([NO_DRIVER], ())
