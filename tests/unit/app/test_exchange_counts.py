"""Links and inquiries in the indicator rows of platforms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from monitor.app.exchange_counts import ExchangeCounts, exchange_counts, with_exchange
from monitor.model.beijing import MINUTE_MS, day_number, day_start_ms
from monitor.model.exchange import Channel, Direction, Inquiry, InquiryAnswer, LinkEvent
from monitor.model.indicator import Indicator, Period, Scope
from monitor.store.inquiry_store import add_inquiry, enter_inquiry_answer
from monitor.store.link_store import announce_outage
from monitor.supervision.connectivity import Outage, OutageCause
from monitor.supervision.rates import rates
from tests.unit.app.exchange_kit import Kit, exchange_kit

MARCH_2 = date(2026, 3, 2)
DAY = day_number(MARCH_2)
START_MS = int(day_start_ms(DAY))


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with exchange_kit(tmp_path) as made:
        yield made


def _event(minute: int, up: bool) -> LinkEvent:
    return LinkEvent("gaotai", Channel.MAIN, up, START_MS + minute * MINUTE_MS)


async def _two_days(kit: Kit) -> None:
    """Up at midnight, down 100-160 (announced to 130) on the first day and 10 minutes on the second; two questions."""
    events = [_event(minute, up) for minute, up in ((0, True), (100, False), (160, True), (1500, False), (1510, True))]
    await kit.desk.take("gaotai", events)
    outage = Outage(
        "gaotai", START_MS + 90 * MINUTE_MS, START_MS + 130 * MINUTE_MS, OutageCause.CARRIER, "", "", START_MS
    )
    announce_outage(kit.database, outage)
    with kit.database.write() as connection:
        for number in range(2):
            inquiry = Inquiry(number, "在吗？", START_MS + number * MINUTE_MS)
            inquiry_id, _ = add_inquiry(
                connection,
                inquiry,
                direction=Direction.SENT,
                link="gaotai",
                platform="gaotai",
                deadline_ms=START_MS + 30 * MINUTE_MS,
            )
        enter_inquiry_answer(connection, inquiry_id, InquiryAnswer("在", START_MS + 2 * MINUTE_MS), "")


async def test_days_of_a_platform_are_counted(kit: Kit) -> None:
    await _two_days(kit)
    found = exchange_counts(kit.database, DAY, DAY + 1, START_MS + 2 * 1440 * MINUTE_MS)
    assert found == {
        ("gaotai", DAY): ExchangeCounts(1440, 30, 2, 1),
        ("gaotai", DAY + 1): ExchangeCounts(1440, 10, 0, 0),
    }


async def test_the_state_before_the_first_day_counts(kit: Kit) -> None:
    await kit.desk.take("gaotai", [_event(-3000, True), _event(-2000, False)])
    found = exchange_counts(kit.database, DAY, DAY, START_MS + 1440 * MINUTE_MS)
    assert found == {("gaotai", DAY): ExchangeCounts(1440, 1440)}


async def test_rows_of_platforms_get_their_counts_and_months_are_sums(kit: Kit) -> None:
    await _two_days(kit)
    counts = exchange_counts(kit.database, DAY, DAY + 1, START_MS + 2 * 1440 * MINUTE_MS)
    day = Indicator(Scope.PLATFORM, "gaotai", Period.DAY, MARCH_2, vehicles_registered=4)
    other = Indicator(Scope.ENTERPRISE, "gaotai", Period.DAY, MARCH_2)
    rows = with_exchange((day, other), counts)
    assert rows[0] == replace(day, link_minutes=1440, link_down_minutes=30, inquiries_n=2, inquiries_answered_n=1)
    assert rows[1] == other
    by_period = {(row.period, row.date): row for row in rows[2:]}
    month = by_period[Period.MONTH, date(2026, 3, 1)]
    assert (month.link_minutes, month.link_down_minutes, month.inquiries_n) == (2880, 40, 2)
    assert (rates(month).inquiry_response_rate, rates(month).connectivity_rate) == (0.5, 2840 / 2880)
    assert set(by_period) == {(Period.DAY, date(2026, 3, 3)), (Period.MONTH, date(2026, 3, 1))}
