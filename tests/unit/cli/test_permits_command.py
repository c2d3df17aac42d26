"""``monitor permits review`` and ``docs/permits.md``: the example is read, and what it shows is what is said."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from monitor.cli.permits import permits_group
from monitor.model.beijing import day_number
from monitor.model.day import VEHICLE_DAY
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from monitor.model.permit import parse_permits
from monitor.store.committed_step import VehicleDayRows
from monitor.store.database import open_database
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade
from monitor.store.vehicle_day_store import upsert_vehicle_days

PAGE = (Path(__file__).parents[3] / "docs" / "permits.md").read_text("utf-8")
EXAMPLE = PAGE.split("```json\n")[1].split("```")[0]
REVIEW = PAGE.split("--lang en\n")[1].split("```")[0]
RECORDS = PAGE.split("```json\n")[2].split("```")[0]

TRUCK = Vehicle("T117", "甘G30117", PlateColor.YELLOW, VehicleClass.HEAVY_TRUCK, "E1", gross_mass_kg=49_000)
COACHES = [Vehicle(f"C{n}", f"甘G2000{n}", PlateColor.YELLOW, VehicleClass.CHARTER_COACH, "E2") for n in (3, 4)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose state folder has a registry, and what was driven on 2 May; the example are its permits."""
    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    upgrade(url)
    database = open_database(url)
    import_registry(database, RegistryFile((TRUCK, *COACHES), (), 1), date(2026, 1, 1))
    days = np.zeros(2, VEHICLE_DAY)
    days["row"] = (0, 1)
    days["day"], days["mileage_m"] = day_number(date(2026, 5, 2)), (95_000, 61_300)
    with database.write() as connection:
        upsert_vehicle_days(database, connection, [VehicleDayRows(("T117", "C4"), days)])
    database.close()
    (tmp_path / "permits.geojson").write_text(EXAMPLE, "utf-8")
    path = tmp_path / "monitor.toml"
    path.write_text(
        f'state_folder = "{tmp_path.as_posix()}"\npermits_file = "{(tmp_path / "permits.geojson").as_posix()}"\n',
        "utf-8",
    )
    return path


def review(config: Path, *more: str) -> tuple[int, str]:
    words = ["review", "2026-05-01", "2026-05-31", "--config", str(config), *more]
    result = CliRunner().invoke(permits_group, words, env={"COLUMNS": "110"})
    return result.exit_code, result.output


def test_the_example_is_read() -> None:
    truck, coach = parse_permits(EXAMPLE.encode(), "docs").permits
    assert (truck.limit_kmh, truck.hours_from_s, truck.hours_to_s) == (50, 21_600, 70_200)
    assert truck.route is not None
    assert coach.route is None


def test_the_review_says_what_the_page_shows(config: Path) -> None:
    assert review(config, "--lang", "en") == (0, REVIEW)


def test_in_chinese_the_findings_have_the_names_of_the_office(config: Path) -> None:
    _, said = review(config, "--lang", "zh")
    assert re.findall("大车小证|有证无行程|有行程无证", said) == ["大车小证", "有证无行程", "有行程无证"]


def test_findings_are_written_as_the_page_shows_them(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "findings.jsonl"
    assert review(config, "--out", str(out))[0] == 0
    findings = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    shown = json.loads(RECORDS)
    assert shown == {"total": len(findings), "findings": findings}


def test_every_finding_is_in_the_page() -> None:
    from monitor.supervision.permit_review import FindingKind

    assert all(f"| `{kind}` |" in PAGE for kind in FindingKind)


def test_days_in_the_wrong_order_are_refused(config: Path) -> None:
    result = CliRunner().invoke(permits_group, ["review", "2026-05-02", "2026-05-01", "--config", str(config)])
    assert result.exit_code == 2


def test_without_permits_nothing_is_found(config: Path) -> None:
    config.write_text(config.read_text("utf-8").splitlines()[0], "utf-8")
    assert review(config, "--lang", "en") == (0, "nothing found\n")
