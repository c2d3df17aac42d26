"""Minutes that links were due and down."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.beijing import DAY_MS, MINUTE_MS, day_number, day_start_ms
from monitor.model.exchange import Channel, LinkEvent
from monitor.supervision.connectivity import LinkDay, Outage, OutageCause, down_spans, link_days

DAY = day_number(date(2026, 3, 2))
START_MS = int(day_start_ms(DAY))


def _event(minute: float, up: bool, channel: Channel = Channel.MAIN, link: str = "city") -> LinkEvent:
    return LinkEvent(link, channel, up, START_MS + int(minute * MINUTE_MS))


def _outage(first: int, last: int, cause: OutageCause = OutageCause.UPPER, announced: int = -60) -> Outage:
    return Outage(
        "city",
        START_MS + first * MINUTE_MS,
        START_MS + last * MINUTE_MS,
        cause,
        "",
        "",
        START_MS + announced * MINUTE_MS,
    )


def _days(events: list[LinkEvent], *outages: Outage, until_min: int = 1440, days: int = 1) -> tuple[LinkDay, ...]:
    clock_ms = START_MS + until_min * MINUTE_MS
    return link_days(events, outages, first_day=DAY, last_day=DAY + days - 1, clock_ms=clock_ms)


UP_AT_MIDNIGHT = _event(0, True)

CASES = [
    pytest.param([UP_AT_MIDNIGHT], (), (1440, 0, 0), id="never down"),
    pytest.param([UP_AT_MIDNIGHT, _event(100, False), _event(160, True)], (), (1440, 60, 0), id="an hour down"),
    pytest.param([UP_AT_MIDNIGHT, _event(1400, False)], (), (1440, 40, 0), id="down at the end"),
    pytest.param([_event(600, False), _event(660, True)], (), (840, 60, 0), id="due from its first event on"),
    pytest.param(
        [UP_AT_MIDNIGHT, _event(10, True, Channel.SUB), _event(100, False), _event(200, True)],
        (),
        (1440, 0, 0),
        id="the sub link carries on",
    ),
    pytest.param(
        [
            UP_AT_MIDNIGHT,
            _event(10, True, Channel.SUB),
            _event(100, False),
            _event(150, False, Channel.SUB),
            _event(170, True, Channel.SUB),
        ],
        (),
        (1440, 20, 0),
        id="down while both are",
    ),
    pytest.param(
        [UP_AT_MIDNIGHT, _event(100, False), _event(200, True)],
        (_outage(90, 160),),
        (1440, 40, 60),
        id="what was announced does not count",
    ),
    pytest.param(
        [UP_AT_MIDNIGHT, _event(100, False), _event(200, True)],
        (_outage(90, 160, announced=130),),
        (1440, 70, 30),
        id="only from the announcement on",
    ),
    pytest.param(
        [UP_AT_MIDNIGHT, _event(100, False), _event(200, True)],
        (_outage(90, 160, OutageCause.OWN),),
        (1440, 100, 0),
        id="an outage of our own counts",
    ),
    pytest.param(
        [UP_AT_MIDNIGHT, _event(100, False), _event(200, True)],
        (_outage(90, 160), _outage(120, 190, OutageCause.CARRIER)),
        (1440, 10, 90),
        id="announced twice is excused once",
    ),
    pytest.param([UP_AT_MIDNIGHT], (_outage(90, 160),), (1440, 0, 0), id="announced, and did not happen"),
]


@pytest.mark.parametrize(("events", "outages", "expected"), CASES)
def test_minutes_of_a_day(events: list[LinkEvent], outages: tuple[Outage, ...], expected: tuple[int, int, int]) -> None:
    (day,) = _days(events, *outages)
    assert (day.minutes, day.down_minutes, day.excused_minutes) == expected


def test_a_day_that_is_not_over_counts_as_far_as_it_goes() -> None:
    (day,) = _days([UP_AT_MIDNIGHT, _event(100, False)], until_min=130)
    assert (day.minutes, day.down_minutes) == (130, 30)


def test_a_link_that_was_never_heard_of_has_no_days() -> None:
    assert _days([]) == ()


def test_an_outage_over_midnight_falls_into_both_days() -> None:
    found = _days([UP_AT_MIDNIGHT, _event(1430, False), _event(1470, True)], until_min=2880, days=2)
    assert [(day.minutes, day.down_minutes) for day in found] == [(1440, 10), (1440, 30)]


def test_links_are_told_apart() -> None:
    found = _days([UP_AT_MIDNIGHT, _event(0, True, link="province"), _event(1380, False, link="province")])
    assert [(day.link, day.down_minutes) for day in found] == [("city", 0), ("province", 60)]


def test_nothing_is_down_before_the_first_event() -> None:
    assert down_spans([], START_MS) == ()


EVENTS = st.lists(
    st.builds(
        _event,
        st.integers(0, 2879).map(float),
        st.booleans(),
        st.sampled_from(Channel),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda event: event.at_ms,
)


@given(EVENTS, st.randoms())
def test_the_order_of_events_does_not_matter_and_parts_add_up(events: list[LinkEvent], chance: object) -> None:
    shuffled = sorted(events, key=lambda event: hash((event.at_ms, str(chance))))
    days = _days(events, until_min=2880, days=2)
    assert _days(shuffled, until_min=2880, days=2) == days
    for day in days:
        assert 0 <= day.down_minutes <= day.minutes <= 1440
    first_ms = min(event.at_ms for event in events)
    assert sum(day.minutes for day in days) == (START_MS + 2 * DAY_MS - first_ms) // MINUTE_MS


@given(EVENTS)
def test_saying_the_same_again_changes_nothing(events: list[LinkEvent]) -> None:
    in_order = sorted(events, key=lambda event: event.at_ms)
    doubled = [one for event in in_order for one in (event, replace(event))]
    assert _days(doubled, until_min=2880, days=2) == _days(in_order, until_min=2880, days=2)
