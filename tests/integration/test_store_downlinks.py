"""Orders to terminals in the tables: no change of state is lost, none is made twice."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from monitor.model.downlink import Downlink, DownlinkKind, DownlinkState
from monitor.model.fleet import Vehicle
from monitor.store.database import Database
from monitor.store.downlink_store import DownlinkFilter, DownlinkStore, downlink_by_id, find_downlinks
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry

pytestmark = pytest.mark.integration

PHONE, OTHER = "13912345678", "13912345679"


def _order(name: str, queued_ms: int = 1_000, phone: str = PHONE, **changed: object) -> Downlink:
    order = Downlink(
        name, phone, "V1", DownlinkKind.TEXT, '{"text":"停车"}', DownlinkState.QUEUED, "local", queued_ms, 60_000
    )
    return replace(order, **changed)  # type: ignore[arg-type]


@pytest.fixture
def store(database: Database) -> DownlinkStore:
    return DownlinkStore(database)


def test_an_order_is_kept_as_it_is_and_the_oldest_is_next(store: DownlinkStore) -> None:
    late, early = _order("late", 2_000), _order("early", 1_000, alarm_id="A", kind=DownlinkKind.POSITION)
    assert store.insert(late, most_open=9) == late
    assert store.insert(early, most_open=9) == early
    assert store.get("early") == early
    assert store.get("none") is None
    assert store.next_queued(PHONE) == early
    assert store.next_queued(OTHER) is None
    assert store.waiting_phones() == (PHONE,)


def test_an_id_that_is_known_gives_the_order_that_is_there(store: DownlinkStore) -> None:
    first = _order("same")
    store.insert(first, most_open=1)
    assert store.insert(_order("same", 5_000, OTHER), most_open=1) == first
    assert store.waiting_phones() == (PHONE,)


def test_a_terminal_has_so_many_open_orders_and_no_more(store: DownlinkStore) -> None:
    first = _order("1")
    store.insert(first, most_open=1)
    assert store.insert(_order("2"), most_open=1) is None
    assert store.insert(_order("3", phone=OTHER), most_open=1) is not None
    store.move(first, DownlinkState.CANCELLED)
    assert store.insert(_order("2"), most_open=1) is not None


def test_of_two_who_saw_the_same_state_only_one_changes_it(store: DownlinkStore, database: Database) -> None:
    order = _order("1")
    store.insert(order, most_open=9)
    changed: list[Downlink] = []
    barrier = threading.Barrier(8)

    def run(state: DownlinkState) -> None:
        barrier.wait()
        moved = DownlinkStore(database).move(order, state, sent_ms=7)
        if moved is not None:
            changed.append(moved)

    threads = [
        threading.Thread(target=run, args=(state,)) for state in (DownlinkState.SENT, DownlinkState.CANCELLED) * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(changed) == 1
    assert store.get("1") == changed[0]


def test_times_and_answer_stay_but_what_is_queued_again_was_not_sent(store: DownlinkStore) -> None:
    order = _order("1")
    store.insert(order, most_open=9)
    sent = store.move(order, DownlinkState.SENT, sent_ms=5)
    assert sent is not None
    again = store.move(sent, DownlinkState.QUEUED)
    assert again == order
    assert again is not None
    sent = store.move(again, DownlinkState.SENT, sent_ms=6)
    assert sent is not None
    done = store.move(sent, DownlinkState.CONFIRMED, answered_ms=8, answer='{"result":"done"}')
    assert done is not None
    assert (done.sent_ms, done.answered_ms, done.answer) == (6, 8, '{"result":"done"}')
    assert store.get("1") == done


def test_only_what_waits_expires(store: DownlinkStore) -> None:
    for name, expires_ms in (("past", 100), ("sent", 100), ("now", 200), ("later", 201)):
        store.insert(_order(name, expires_ms=expires_ms), most_open=9)
    store.move(_order("sent", expires_ms=100), DownlinkState.SENT, sent_ms=1)
    assert store.expire(200) == 2
    assert store.expire(200) == 0
    states = {name: found.state for name in ("past", "sent", "now", "later") if (found := store.get(name))}
    assert states == {
        "past": DownlinkState.EXPIRED,
        "sent": DownlinkState.SENT,
        "now": DownlinkState.EXPIRED,
        "later": DownlinkState.QUEUED,
    }
    assert [order.downlink_id for order in store.in_state(DownlinkState.SENT)] == ["sent"]


def test_old_orders_are_forgotten_unless_they_are_open(store: DownlinkStore) -> None:
    for name, queued_ms in (("open", 1), ("closed", 1), ("young", 100)):
        store.insert(_order(name, queued_ms), most_open=9)
        if name != "open":
            store.move(_order(name, queued_ms), DownlinkState.CANCELLED)
    assert store.delete_before(100) == 1
    assert [name for name in ("open", "closed", "young") if store.get(name)] == ["open", "young"]


def test_orders_are_found_by_terminal_vehicle_state_kind_alarm_and_time(
    store: DownlinkStore, database: Database
) -> None:
    store.insert(_order("1", 1_000, vehicle_id="V1", alarm_id="A"), most_open=9)
    store.insert(_order("2", 2_000, OTHER, vehicle_id="V2", kind=DownlinkKind.POSITION), most_open=9)
    store.move(_order("1"), DownlinkState.CANCELLED)

    def found(wanted: DownlinkFilter) -> list[str]:
        page = find_downlinks(database, wanted)
        assert page.total == len(page.downlinks)
        return [order.downlink_id for order in page.downlinks]

    assert found(DownlinkFilter()) == ["2", "1"]
    assert found(DownlinkFilter(phone=PHONE)) == ["1"]
    assert found(DownlinkFilter(vehicle_id="V2")) == ["2"]
    assert found(DownlinkFilter(states=(DownlinkState.CANCELLED, DownlinkState.SENT))) == ["1"]
    assert found(DownlinkFilter(kinds=(DownlinkKind.POSITION,))) == ["2"]
    assert found(DownlinkFilter(alarm_id="A")) == ["1"]
    assert found(DownlinkFilter(from_ms=1_001)) == ["2"]
    assert found(DownlinkFilter(to_ms=2_000)) == ["1"]
    assert store.reminded_ms(0) == (("V1", 1_000),)
    assert store.reminded_ms(1_001) == ()


def test_orders_to_strangers_can_be_left_out(store: DownlinkStore, database: Database) -> None:
    store.insert(_order("known"), most_open=9)
    store.insert(_order("stranger", phone="4f07788ef87d"), most_open=9)
    assert find_downlinks(database, DownlinkFilter(registered_only=True)).total == 2
    import_registry(database, RegistryFile((Vehicle("V1", terminal_phone=PHONE),), (), 1), date(2026, 1, 1))
    assert [one.downlink_id for one in find_downlinks(database, DownlinkFilter(registered_only=True)).downlinks] == [
        "known"
    ]
    assert downlink_by_id(database, "stranger", registered_only=True) is None
    assert downlink_by_id(database, "stranger") is not None


def test_the_next_order_is_found_by_the_index_of_open_ones(store: DownlinkStore, database: Database) -> None:
    question = (
        "SELECT * FROM downlinks "
        "WHERE state IN ('queued', 'sent') AND phone = '1' AND state = 'queued' ORDER BY queued_ms LIMIT 1"
    )
    with database.read() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # the table is empty
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        plan = " ".join(str(row) for row in connection.execute(text(f"{explain} {question}")))
    assert "ix_downlinks_open" in plan
