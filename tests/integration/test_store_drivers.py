"""The driver register: files as offices make them, all rows or none, one driver for all of a person's numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import RegistryError, ReportFileError
from monitor.model.driver import Driver, DriverRegister
from monitor.store.database import Database
from monitor.store.driver_files import read_drivers
from monitor.store.driver_store import DriverImport, drivers_changed, find_drivers, import_drivers, load_drivers

pytestmark = pytest.mark.integration

HEAD = "驾驶员编号,姓名,驾驶证号,从业资格证号,卡号,企业编号\n"


def office(tmp_path: Path, rows: str, encoding: str = "gb18030") -> Path:
    path = tmp_path / "驾驶员.csv"
    path.write_bytes((HEAD + rows).encode(encoding))
    return path


def test_a_file_of_an_office_is_read(tmp_path: Path) -> None:
    read = read_drivers(office(tmp_path, "D1,张三,622201198001011234,6201 0001,00AB,E1\n"))
    assert read.drivers == (Driver("D1", "张三", "622201198001011234", "6201 0001", "00AB", "E1"),)


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        (",张三,,,,\n", "row 2, driver_id: is empty"),
        ("D1,张三,A1,,,\nD2,李四,a1,,,\n", "row 3, licence_no: a1 already stands in row 2"),
        ("D1,张三,,,X7,\nX7,李四,,,,\n", "row 3, driver_id: X7 already stands in row 2"),
        ("D1,张三,6.22201E+17,,,\n", "row 2, licence_no"),
    ],
    ids=["no key", "one licence twice", "a key that is another's card", "a number that the spreadsheet shortened"],
)
def test_what_is_wrong_is_named_by_its_row(tmp_path: Path, database: Database, rows: str, word: str) -> None:
    read = read_drivers(office(tmp_path, rows))
    with pytest.raises(RegistryError, match=word):
        import_drivers(database, read, 1)
    assert len(load_drivers(database)) == 0


def test_a_file_without_keys_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("姓名,企业\n张三,E1\n", "utf-8")
    with pytest.raises(ReportFileError, match="driver_id"):
        read_drivers(path)


def test_an_import_tells_what_it_did_and_a_later_one_adds_to_it(tmp_path: Path, database: Database) -> None:
    first = read_drivers(office(tmp_path, "D1,张三,A1,,,E1\nD2,李四,A2,,,E1\n"))
    assert import_drivers(database, first, 1) == DriverImport(2, 0, 0, 0)
    second = read_drivers(office(tmp_path, "D2,李四,A3,,,E2\nD3,王五,A4,,,E2\n"))
    assert import_drivers(database, second, 2) == DriverImport(1, 1, 0, 0)
    assert [driver.driver_id for driver in load_drivers(database).drivers] == ["D1", "D2", "D3"]
    assert drivers_changed(database) == (3, 2)
    assert import_drivers(database, second, 3, complete=True) == DriverImport(0, 0, 2, 1)
    assert drivers_changed(database) == (2, 2)


def test_a_card_of_somebody_who_is_there_already_is_refused(tmp_path: Path, database: Database) -> None:
    import_drivers(database, read_drivers(office(tmp_path, "D1,张三,A1,,C9,E1\n")), 1)
    with pytest.raises(RegistryError, match="C9 would belong to D1 and to D2"):
        import_drivers(database, read_drivers(office(tmp_path, "D2,李四,A2,,C9,E1\n")), 2)


def test_search_by_part_of_a_name_or_number_and_by_enterprise(tmp_path: Path, database: Database) -> None:
    import_drivers(database, read_drivers(office(tmp_path, "D1,张三,A1,,C9,E1\nD2,张五,A2,,C8,E2\n")), 1)

    def search(text: str, enterprise_id: str = "") -> list[str]:
        page = find_drivers(database, text, enterprise_id, limit=10, offset=0)
        return [driver.driver_id for driver in page.drivers]

    assert search("张") == ["D1", "D2"]
    assert search("张", "E2") == ["D2"]
    assert search("C9") == ["D1"]
    assert search("%") == []


def test_every_number_of_a_driver_means_the_driver() -> None:
    register = DriverRegister((Driver("D1", "张三", "622201198001011234", "6201-0001", "00ab"),))
    for stated in ("D1", "622201198001011234", "62010001", "6201 0001", "００AB"):
        assert register.key_of(stated) == "D1"
    assert register.key_of("somebody") == "somebody"
