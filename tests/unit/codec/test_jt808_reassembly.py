"""Sub-packaged messages."""

from __future__ import annotations

from monitor.codec.jt808.reassembly import Abandoned, Reassembler

A, B = b"terminal-a", b"terminal-b"


def add(
    to: Reassembler, index: int, *, total: int = 3, serial: int = 10, phone: bytes = A, now_ms: int = 0
) -> bytes | None:
    """Packet ``index`` of a message whose first packet has ``serial``."""
    return to.add(
        phone=phone,
        msg_id=0x0704,
        serial=(serial + index - 1) & 0xFFFF,
        total=total,
        index=index,
        body=bytes([index]),
        now_ms=now_ms,
    )


def test_packets_join_in_index_order_whatever_order_they_come_in() -> None:
    sets = Reassembler()
    assert [add(sets, index) for index in (3, 1, 2)] == [None, None, b"\1\2\3"]
    assert len(sets) == 0


def test_a_packet_sent_twice_changes_nothing() -> None:
    sets = Reassembler()
    assert [add(sets, index) for index in (1, 1, 2, 2, 3)] == [None, None, None, None, b"\1\2\3"]


def test_messages_that_overlap_do_not_mix() -> None:
    sets = Reassembler()
    for index in (1, 2):
        assert add(sets, index, serial=10) is None
        assert add(sets, index, serial=20) is None
        assert add(sets, index, phone=B) is None
    assert add(sets, 3, serial=20) == b"\1\2\3"
    assert len(sets) == 2


def test_serials_wrap() -> None:
    sets = Reassembler()
    assert [add(sets, index, serial=0xFFFE) for index in (1, 2, 3)] == [None, None, b"\1\2\3"]


def test_an_incomplete_set_expires_and_tells_what_is_missing() -> None:
    sets = Reassembler(expiry_ms=1_000)
    add(sets, 2, now_ms=0)
    assert sets.abandoned(999) == ()
    assert sets.abandoned(1_000) == (Abandoned(A, 0x0704, 10, 3, (1, 3)),)
    assert sets.abandoned(1_000) == ()


def test_another_total_under_the_same_serial_begins_anew() -> None:
    sets = Reassembler()
    add(sets, 1, total=3)
    assert [add(sets, index, total=2) for index in (1, 2)] == [None, b"\1\2"]
    assert [gone.total for gone in sets.abandoned(0)] == [3]


def test_too_many_packets_and_too_many_bytes_are_refused_not_kept() -> None:
    sets = Reassembler(max_parts=5, max_bytes=2)
    assert add(sets, 1, total=6) is None
    assert len(sets) == 0
    for serial in (100, 200, 300):
        add(sets, 1, serial=serial)
    assert len(sets) == 2
    assert [gone.first_serial for gone in sets.abandoned(0)] == [10, 100]
