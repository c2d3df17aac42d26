"""The reckoning in its own process says what it says in this one, and trouble comes back as a sentence."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from monitor.app.reckoning import OpenDays, reckon
from monitor.app.reckoning_process import ReckoningProcess
from monitor.errors import OperationError, StoreError
from monitor.model.beijing import day_number, day_start_ms
from monitor.model.day import VEHICLE_DAY
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.indicator import Scope
from monitor.store.database import open_database
from monitor.store.indicator_store import find_indicators
from monitor.store.schema import upgrade
from monitor.supervision.entry_rules import EntryRule

pytestmark = pytest.mark.integration

DAY = day_number(date(2026, 3, 2))
RULES: tuple[EntryRule, ...] = ()


def open_days(n: int = 3) -> OpenDays:
    vehicles = tuple(
        Vehicle(f"V{i}", vehicle_class=VehicleClass.HAZMAT, enterprise_id="E1", plate=f"甘G{i:05}") for i in range(n)
    )
    rows = np.zeros(n, VEHICLE_DAY)
    rows["row"] = np.arange(n)
    rows["day"] = DAY
    rows["reports_total"] = 100
    return OpenDays(day_start_ms(DAY) + 36_000_000, tuple(f"V{i}" for i in range(n)), rows, Registry(vehicles, 1))


async def test_the_process_says_what_this_process_says(store_url: str) -> None:
    url = store_url
    days = open_days()
    process = ReckoningProcess(url, RULES, "en")
    try:
        first = await process.reckon(days)
        again = await process.reckon(days)  # the registry is not sent a second time
    finally:
        await process.close()
    database = open_database(url)
    try:
        here = reckon(database, days, RULES, "en")
        written = find_indicators(database, scope=Scope.VEHICLE, limit=100).indicators
    finally:
        database.close()
    assert first.reckoning == again.reckoning == here.reckoning
    assert first.ratios == here.ratios
    assert first.vehicle_rows == ()
    assert {row.key for row in written} == {"V0", "V1", "V2"}


async def test_a_store_without_tables_is_a_sentence_and_the_process_goes_on(empty_store_url: str) -> None:
    url = empty_store_url
    process = ReckoningProcess(url, RULES, "en")
    try:
        with pytest.raises(StoreError):
            await process.reckon(open_days())
        upgrade(url)
        assert (await process.reckon(open_days())).reckoning.summaries
    finally:
        await process.close()


async def test_a_process_that_died_is_replaced(store_url: str) -> None:
    url = store_url
    process = ReckoningProcess(url, RULES, "en")
    try:
        await process.reckon(open_days())
        assert process._process is not None
        process._process.kill()
        await process._process.wait()
        with pytest.raises(OperationError):
            await process.reckon(open_days())
        assert (await process.reckon(open_days())).reckoning.summaries
    finally:
        await process.close()
