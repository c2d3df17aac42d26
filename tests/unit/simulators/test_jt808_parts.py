"""Parts of the simulated terminals, without a socket."""

from __future__ import annotations

import random

import numpy as np
import pytest

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.plain import decode_frame
from monitor.codec.jt808.stream import decode_location_stream
from monitor.errors import CodecError, ConfigError
from monitor.model.flaw import ReportFlag
from monitor.model.fleet import PlateColor, Vehicle
from monitor.model.report import ReportRows, empty_rows, terminal_key
from simulators.jt808 import acts, orders, wire
from simulators.jt808.driver_card import OUT, card_body
from simulators.jt808.identity import TerminalIdentity, identities
from simulators.jt808.misbehaviour import Misbehaviour, MisbehaviourProfile, profile_of
from simulators.jt808.sent_log import SentLog
from simulators.jt808.session import TerminalSession
from simulators.jt808.sockets import source_address
from simulators.jt808.unanswered import Unanswered, wait_s
from simulators.jt808.wheel import Wheel
from simulators.present import Times, moved
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario

EDITIONS = list(Version)


@pytest.fixture(scope="module")
def small() -> Simulation:
    return simulate(Scenario(vehicles=5, days=1, seed=2))


def rows_of(n: int) -> ReportRows:
    rows = empty_rows(n)
    rows["fix_ms"] = rows["recv_ms"] = 1_772_460_000_000 + np.arange(n) * 10_000
    rows["lat_deg"], rows["lon_deg"] = 39.5, 99.8
    rows["speed_dkmh"], rows["status"], rows["alarm_flags"] = 600, 3, 0
    return rows


# -- identities ------------------------------------------------------------------------------------------------------


def test_editions_are_mixed_by_share_and_the_same_seed_gives_the_same() -> None:
    keys = tuple(f"V{n}" for n in range(2_000))
    shares = {Version.V2011: 0.1, Version.V2013: 0.6, Version.V2019: 0.3}
    who = identities(keys, (), shares=shares, seed=5)
    for version, share in shares.items():
        assert sum(one.version is version for one in who) == pytest.approx(2_000 * share, rel=0.2)
    assert who == identities(keys, (), shares=shares, seed=5)
    assert who != identities(keys, (), shares=shares, seed=6)


def test_a_terminal_has_the_phone_and_plate_of_its_vehicle_and_others_have_none_of_a_network() -> None:
    vehicle = Vehicle("V0", plate="测A00001", plate_color=PlateColor.GREEN, terminal_phone="100000000001")
    who = identities(("V0", "V1"), (vehicle,), n=4, shares={Version.V2019: 1})
    assert (who[0].phone, who[0].plate, who[0].color_code) == ("100000000001", "测A00001", 94)
    assert all(one.phone.startswith("1999") for one in who[1:])
    assert len({one.phone for one in who}) == 4


def test_colours_that_an_edition_does_not_know_are_other() -> None:
    assert TerminalIdentity("1", Version.V2013, plate_color=PlateColor.GREEN).color_code == 9


def test_impossible_shares_are_refused() -> None:
    with pytest.raises(ConfigError):
        identities(("V0",), (), shares={Version.V2013: 0.0})


# -- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", EDITIONS)
def test_log_in_frames_have_header_phone_and_serial_of_their_edition(version: Version) -> None:
    identity = TerminalIdentity("013900000001", version)
    for msg_id, body in (
        (wire.REGISTER, wire.register_body(identity)),
        (wire.AUTHENTICATE, wire.authenticate_body(identity, "code")),
    ):
        (one,) = wire.frames(identity, msg_id, body, 7)
        header = decode_frame(one[1:-1]).header
        assert (header.msg_id, header.serial, header.body_length) == (msg_id, 7, len(body))
        assert (header.version is Version.V2019) == (version is Version.V2019)
        assert header.phone.endswith("013900000001")
    sizes = {Version.V2011: 25, Version.V2013: 37, Version.V2019: 76}
    assert len(wire.register_body(identity)) == sizes[version] + len(identity.plate.encode("gb18030"))


@pytest.mark.parametrize("version", EDITIONS)
def test_a_long_message_goes_out_in_packets_with_consecutive_serials(version: Version) -> None:
    identity = TerminalIdentity("013900000001", version)
    body = wire.batch_body(rows_of(100))
    packets = [wire.received(frame[1:-1]) for frame in wire.frames(identity, wire.BACKFILL, body, 0xFFFE)]
    assert b"".join(packet.body for packet in packets) == body
    assert [packet.serial for packet in packets] == [(0xFFFE + n) & 0xFFFF for n in range(len(packets))]
    assert {packet.total for packet in packets} == {len(packets)}


@pytest.mark.parametrize("cut", [1, 7, 19], ids=lambda cut: f"in pieces of {cut}")
def test_the_splitter_does_not_depend_on_how_the_stream_was_split(cut: int) -> None:
    identity = TerminalIdentity("013900000001")
    stream = b"".join(wire.frames(identity, wire.HEARTBEAT, b"\x7e\x7d", n)[0] for n in range(5))
    splitter, found = wire.Splitter(), []
    for at in range(0, len(stream), cut):
        found += splitter.segments(stream[at : at + cut])
    messages = [wire.received(segment) for segment in found]
    assert [message.serial for message in messages] == list(range(5))
    assert all(message.sound and message.body == b"\x7e\x7d" for message in messages)


@pytest.mark.parametrize("segment", [b"", b"\x00", b"\x7d", b"\x80\x01" * 9], ids=["empty", "one", "escape", "short"])
def test_what_is_no_frame_is_not_sound(segment: bytes) -> None:
    assert not wire.received(segment).sound


def test_a_card_of_2011_has_no_status_and_one_that_is_out_no_name() -> None:
    assert card_body(Version.V2013, "", 1_772_460_000_000, status=OUT) == bytes.fromhex("02 260302220000")
    assert card_body(Version.V2011, "SIM-D1", 0)[0] == len("SIM-D1")
    assert len(card_body(Version.V2019, "SIM-D1", 0)) == len(card_body(Version.V2013, "SIM-D1", 0)) + 20


# -- what was sent ---------------------------------------------------------------------------------------------------


def test_the_sent_log_is_in_the_order_first_sent_and_flags_what_was_made_up() -> None:
    log = SentLog(rows_of(6))
    log.note([3, 1], 1_000)
    log.note([1, 2], 2_000, backfill=True)
    batch = log.batch(("013900000001",))
    assert log.numbers() == [3, 1, 2]
    assert batch.keys == (terminal_key("013900000001"),)
    assert batch.rows["recv_ms"].tolist() == [1_000, 1_000, 2_000]
    assert (batch.rows["flags"] & ReportFlag.BACKFILL != 0).tolist() == [False, False, True]
    assert log.batch(("1",), stamped=False).rows["recv_ms"].tolist() == rows_of(6)["recv_ms"][[3, 1, 2]].tolist()


def test_the_sent_log_says_what_a_receiver_decodes(small: Simulation) -> None:
    rows = small.batch.rows[:500]
    log = SentLog(rows)
    log.note(range(len(rows)), 0)
    said = log.batch(tuple(f"1{n:011d}" for n in range(len(small.batch.keys)))).rows
    for number in range(0, 500, 50):
        stream = wire.frames(
            TerminalIdentity("1"), wire.LOCATION, wire.location_bodies(rows[number : number + 1])[0], 0
        )
        heard = decode_location_stream(stream[0]).batch.rows[0]
        for name in ("fix_ms", "lat_deg", "lon_deg", "speed_dkmh", "mileage_m", "status", "flags", "heading_deg"):
            assert said[number][name] == heard[name], name


# -- waiting ---------------------------------------------------------------------------------------------------------


def test_the_wheel_calls_in_order_and_never_early() -> None:
    wheel, called = Wheel(100.0, 0.05), []
    for wait in (0.3, 0.0, 0.1, 0.3):
        wheel.after(wait, lambda wait=wait: called.append((wait, wheel.now_s)))  # type: ignore[misc]
    for step in range(1, 20):
        wheel.advance(100.0 + step * 0.05)
    assert [wait for wait, _ in called] == [0.0, 0.1, 0.3, 0.3]
    assert all(at_s - 100.0 >= wait for wait, at_s in called)
    assert len(wheel) == 0


def test_what_a_call_puts_off_waits_for_a_later_turn() -> None:
    wheel, called = Wheel(0.0, 0.05), []

    def again() -> None:
        called.append(wheel.now_s)
        wheel.after(0.0, again)

    wheel.after(0.0, again)
    wheel.advance(0.06)
    assert len(called) == 1
    wheel.advance(0.11)
    assert len(called) == 2


def test_waits_grow_as_the_standard_says() -> None:
    assert [wait_s(5.0, n) for n in (1, 2, 3, 4)] == [5.0, 10.0, 30.0, 120.0]


@pytest.mark.parametrize("answers", [(0, 1, 2), (2,)], ids=["each packet", "the last one for all"])
def test_packets_are_settled_one_by_one_or_by_the_last(answers: tuple[int, ...]) -> None:
    waiting = Unanswered(10.0, 3)
    sent = waiting.add(0x0704, [b"a", b"b", b"c"], [10, 11, 12], (5, 6), 0.0)
    settled = [waiting.settle(10 + place, 0x0704, 0) for place in answers]
    assert settled == [None] * (len(answers) - 1) + [sent]
    assert len(waiting) == 0


def test_only_packets_that_no_answer_named_go_out_again() -> None:
    waiting = Unanswered(10.0, 3)
    sent = waiting.add(0x0704, [b"a", b"b", b"c"], [10, 11, 12], (5,), 0.0)
    waiting.settle(11, 0x0704, 0)
    assert waiting.due(9.0) == []
    assert waiting.due(10.0) == [sent]
    assert waiting.again(sent, 10.0) == [b"a", b"c"]
    assert sent.due_s == 30.0


def test_an_answer_to_another_message_settles_nothing() -> None:
    waiting = Unanswered(10.0, 3)
    waiting.add(0x0200, [b"a"], [1], (0,), 0.0)
    assert waiting.settle(1, 0x0002, 0) is None
    assert waiting.settle(2, 0x0200, 0) is None
    assert len(waiting.messages()) == 1


# -- misbehaviour ----------------------------------------------------------------------------------------------------


def test_misbehaviour_is_drawn_by_share_and_added_to_by_hand() -> None:
    profile = MisbehaviourProfile({Misbehaviour.GARBAGE: 0.5}, {3: frozenset({Misbehaviour.OVERSIZE})})
    assigned = profile.assigned(1_000, seed=2)
    assert sum(Misbehaviour.GARBAGE in kinds for kinds in assigned) == pytest.approx(500, rel=0.15)
    assert Misbehaviour.OVERSIZE in assigned[3]
    assert assigned == profile.assigned(1_000, seed=2)


def test_a_profile_is_read_from_a_line() -> None:
    assert profile_of("garbage=0.2, half_open").shares == {Misbehaviour.GARBAGE: 0.2, Misbehaviour.HALF_OPEN: 0.1}
    everything = profile_of("garbage=0.2,all=0.01").shares
    assert everything[Misbehaviour.GARBAGE] == 0.2
    assert set(everything) == set(Misbehaviour)


@pytest.mark.parametrize("text", ["rubbish=0.1", "garbage=2", "garbage=x"])
def test_a_profile_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        profile_of(text)


def test_a_frame_with_a_wrong_check_byte_is_wrong_in_nothing_else() -> None:
    (frame,) = wire.frames(TerminalIdentity("013900000001"), wire.HEARTBEAT, b"", 1)
    spoilt = wire.received(acts.bad_check(frame)[1:-1])
    assert not spoilt.sound
    assert (spoilt.msg_id, spoilt.serial) == (wire.HEARTBEAT, 1)


def test_trouble_spoils_no_frame_behind_it() -> None:
    rng = random.Random(1)
    (frame,) = wire.frames(TerminalIdentity("013900000001"), wire.LOCATION, wire.location_bodies(rows_of(1))[0], 1)
    kinds = frozenset({Misbehaviour.GARBAGE, Misbehaviour.BAD_CHECK, Misbehaviour.OVERSIZE})
    stream = b"".join(piece for n in range(9) for piece in acts.report_frames(kinds, n, frame, rng))
    assert len(decode_location_stream(stream).batch) == 9


def test_oversize_is_longer_than_any_frame() -> None:
    with pytest.raises(CodecError):
        decode_frame(acts.oversize(random.Random(1))[1:-1])
    assert len(acts.oversize(random.Random(1))) > acts.LONGEST_SOUND


# -- orders ----------------------------------------------------------------------------------------------------------


class Silent(TerminalSession):
    """Keeps what it would send."""

    said: list[wire.Received]

    def write(self, frames: list[bytes]) -> None:
        self.said += [wire.received(frame[1:-1]) for frame in frames]


def silent(version: Version = Version.V2013) -> Silent:
    terminal = Silent(TerminalIdentity("013900000001", version))
    terminal.said = []
    return terminal


@pytest.mark.parametrize(
    ("order", "result"),
    [
        (orders.LINK_CHECK, orders.DONE),
        (orders.QUERY_POSITION, orders.FAILED),
        (0x8600, orders.DONE),
        (0x8900, orders.UNSUPPORTED),
    ],
    ids=["link check", "position without one", "circle", "transparent"],
)
def test_an_order_without_an_answer_of_its_own_gets_the_general_one(order: int, result: int) -> None:
    terminal = silent()
    orders.answer(terminal, wire.Received(order, 9, b""))
    assert terminal.said[0].body == wire.reply_body(9, order, result)


def test_parameters_of_a_wrong_length_are_a_bad_message_and_change_nothing() -> None:
    terminal = silent()
    before = dict(terminal.parameters)
    orders.answer(terminal, wire.Received(orders.SET_PARAMETERS, 1, bytes.fromhex("01 00000055 02 0050")))
    assert terminal.said[0].body[-1] == orders.BAD_MESSAGE
    assert terminal.parameters == before


def test_a_test_may_say_how_an_order_is_answered() -> None:
    terminal = silent()
    terminal.order_results = {orders.TEXT: orders.FAILED, orders.LINK_CHECK: orders.SILENT}
    orders.answer(terminal, wire.Received(orders.TEXT, 1, b"\x01abc"))
    orders.answer(terminal, wire.Received(orders.LINK_CHECK, 2, b""))
    assert [message.body[-1] for message in terminal.said] == [orders.FAILED]
    assert terminal.texts == []


@pytest.mark.parametrize("order", [orders.QUERY_ATTRIBUTES, orders.QUERY_CARD, orders.QUERY_ALL_PARAMETERS])
@pytest.mark.parametrize("version", EDITIONS)
def test_questions_get_their_own_answer(order: int, version: Version) -> None:
    terminal = silent(version)
    orders.answer(terminal, wire.Received(order, 1, b""))
    answers = {orders.QUERY_ATTRIBUTES: 0x0107, orders.QUERY_CARD: 0x0702, orders.QUERY_ALL_PARAMETERS: 0x0104}
    assert [message.msg_id for message in terminal.said] == [answers[order]]


# -- place and time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "addresses", "expected"),
    [
        ("127.0.0.1", 8, ("127.0.0.4", 0)),
        ("localhost", 8, ("127.0.0.4", 0)),
        ("127.0.0.1", 1, None),
        ("192.0.2.1", 8, None),
        ("server.example", 8, None),
    ],
)
def test_source_addresses_are_chosen_on_loopback_only(
    host: str, addresses: int, expected: tuple[str, int] | None
) -> None:
    assert source_address(host, 3, addresses) == expected


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_a_scenario_moved_to_the_present_ends_when_the_run_does(small: Simulation, speed: float) -> None:
    now_ms = 1_800_000_000_000
    out = moved(small.batch, Times.PRESENT, now_ms, speed)
    span_ms = int(np.ptp(small.batch.rows["recv_ms"]))
    assert out.rows["recv_ms"].max() == pytest.approx(now_ms + span_ms / speed, abs=1_000)
    assert np.array_equal(
        out.rows["recv_ms"] - out.rows["fix_ms"], small.batch.rows["recv_ms"] - small.batch.rows["fix_ms"]
    )
    assert moved(small.batch, Times.SCENARIO, now_ms, speed) is small.batch
