"""Sequence numbers, what is kept of sent frames, and gaps in received ones."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.sources.jt809.downtime import Downtime
from monitor.sources.jt809.remembered import Remembered
from monitor.sources.jt809.sequence import ReceivedNumbers, SentFrames, SequenceNumbers

LAST = 0xFFFF_FFFF


def test_2011_counts_all_messages_together() -> None:
    numbers = SequenceNumbers(one_counter=True)
    numbers.used(0x1202, 3, 1_000)
    numbers.used(0x1402, 1, 2_000)
    assert numbers.next(0x1202) == numbers.next(0x9301) == 4


def test_2019_counts_each_sub_type_from_0() -> None:
    numbers = SequenceNumbers(one_counter=False)
    numbers.used(0x1202, 3, 1_000)
    numbers.used(0x1402, 1, 2_000)
    assert (numbers.next(0x1202), numbers.next(0x1402), numbers.next(0x1301)) == (3, 1, 0)
    assert numbers.last() == ((0x1202, 2, 1_000), (0x1402, 0, 2_000))


def test_numbers_wrap() -> None:
    numbers = SequenceNumbers(one_counter=False)
    numbers.used(1, LAST, 0)
    assert numbers.next(1) == LAST
    numbers.used(1, 1, 5)
    assert numbers.next(1) == 0
    assert numbers.last() == ((1, LAST, 5),)


def kept() -> SentFrames:
    sent = SentFrames(10_000)
    sent.keep(0x1202, LAST, 3, 100, b"\x5ba\x5d\x5bb\x5d\x5bc\x5d")  # numbers LAST, 0, 1
    sent.keep(0x1402, 0, 1, 100, b"\x5bx\x5d")
    sent.keep(0x1202, 2, 1, 200, b"\x5bd\x5d")
    return sent


@pytest.mark.parametrize(
    ("first", "last", "letters"),
    [
        pytest.param(LAST, 2, b"abcd", id="all, over the wrap"),
        pytest.param(0, 1, b"bc", id="a part of what went out together"),
        pytest.param(2, 2, b"d", id="one"),
        pytest.param(7, 9, b"", id="never sent"),
    ],
)
def test_frames_are_found_by_number(first: int, last: int, letters: bytes) -> None:
    data = b"".join(kept().numbered(0x1202, first, last))
    assert data.replace(b"\x5b", b"").replace(b"\x5d", b"") == letters


def test_frames_are_found_by_time() -> None:
    assert b"".join(kept().since(0x1202, 150)) == b"\x5bd\x5d"
    assert b"".join(kept().since(0x1202, 100)).count(b"\x5d") == 4


def test_the_oldest_frames_are_forgotten_first() -> None:
    sent = SentFrames(20)
    for number in range(10):
        sent.keep(1, number, 1, number, b"\x5b012345\x5d")
    assert b"".join(sent.since(1, 0)) == b"\x5b012345\x5d" * 2
    assert b"".join(sent.numbered(1, 0, 7)) == b""


@pytest.mark.parametrize(
    ("batches", "gaps"),
    [
        pytest.param([[0, 1, 2], [3, 4]], [], id="in a row"),
        pytest.param([[0, 1, 4]], [(2, 3)], id="a gap within"),
        pytest.param([[0, 1], [5]], [(2, 4)], id="a gap between"),
        pytest.param([[LAST - 1, LAST, 0, 1]], [], id="over the wrap"),
        pytest.param([[LAST - 2, 1]], [(LAST - 1, 0)], id="a gap over the wrap"),
        pytest.param([[7, 10], [8, 9], [11, 9, 12]], [(8, 9)], id="what is sent again is no leap forward"),
    ],
)
def test_gaps_are_found(batches: list[list[int]], gaps: list[tuple[int, int]]) -> None:
    received = ReceivedNumbers()
    assert [gap for batch in batches for gap in received.see(0x1202, np.array(batch, np.int64))] == gaps


def test_after_a_log_in_a_peer_may_start_again_at_0() -> None:
    received = ReceivedNumbers()
    received.see(0x1202, np.array([500]))
    received.start()
    assert received.see(0x1202, np.array([0, 1, 3])) == [(2, 2)]


def test_what_is_remembered_is_bounded() -> None:
    remembered: Remembered[int, str] = Remembered(2)
    for key in (1, 2, 1, 3):
        remembered.keep(key, str(key))
    assert [remembered.get(key, "-") for key in (1, 2, 3)] == ["1", "-", "3"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(0, 100_000, (2, 13), id="both"),
        pytest.param(12_000, 100_000, (1, 11), id="the first reaches in"),
        pytest.param(0, 52_000, (2, 5), id="the second lasts"),
        pytest.param(20_000, 40_000, (0, 0), id="none"),
    ],
)
def test_breaks_of_the_link_are_summed_up(start: int, end: int, expected: tuple[int, int]) -> None:
    downtime = Downtime()
    downtime.down(10_000)
    downtime.down(11_000)
    downtime.up(13_000)
    downtime.down(50_000)
    downtime.up(60_000)
    assert downtime.between(start, end) == expected


def test_a_break_that_lasts_counts_up_to_the_end_asked_for() -> None:
    downtime = Downtime()
    downtime.down(10_000)
    assert downtime.between(0, 30_000) == (1, 20)
