"""Registry files as offices make them."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from monitor.errors import InputError, RegistryError, ReportFileError
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from monitor.store.registry_files import RegistryFile, RowProblem, read_registry
from monitor.store.registry_headings import CLASS_WORDS, COLOR_WORDS, HEADINGS, class_of, color_of, column_of

ENGLISH = (
    "vehicle_id,plate,plate_color,vehicle_class,enterprise_id,enterprise_name,region,terminal_phone,"
    "max_speed_kmh,suspended_from,suspended_to,crew,curfew_exempt\n"
    "V1,甘G12345,yellow,line_coach,E1,高台客运,高台县,13900000001,100,2026-03-02,2026-03-31,2,1\n"
    "V2,甘G20002,,hazmat,,,,13900000002,,,,,\n"
)
CHINESE = (
    "车辆编号,车牌号码,车牌颜色,车辆类型,企业编号,企业名称,所属地区,终端手机号,"
    "最高限速(km/h),报停开始日期,报停结束日期,驾驶员人数,凌晨禁行豁免\n"
    "V1,甘ｇ·12345,黄色,班线客车,E1,高台客运,高台县,013900000001,100,2026年3月2日,2026/3/31,2,是\n"
    "V2,甘G20002,,危货车,,,,13900000002.0,,,,,\n"
)
EXPECTED = (
    Vehicle(
        "V1",
        plate="甘G12345",
        plate_color=PlateColor.YELLOW,
        vehicle_class=VehicleClass.LINE_COACH,
        enterprise_id="E1",
        enterprise_name="高台客运",
        region="高台县",
        terminal_phone="13900000001",
        max_speed_kmh=100.0,
        suspended_from=date(2026, 3, 2),
        suspended_to=date(2026, 3, 31),
        crew=2,
        curfew_exempt=True,
    ),
    Vehicle("V2", plate="甘G20002", vehicle_class=VehicleClass.HAZMAT, terminal_phone="13900000002"),
)


def _read(folder: Path, data: bytes | str, name: str = "fleet.csv") -> RegistryFile:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_registry(path)


def _one(folder: Path, key: str = "V1", **cells: str) -> RegistryFile:
    heading = ",".join(("vehicle_id", *cells))
    row = ",".join(f'"{text}"' for text in (key, *cells.values()))
    return _read(folder, f"{heading}\n{row}\n")


def _workbook(folder: Path, *rows: tuple[str | float | datetime | None, ...], mac_1904: bool = False) -> RegistryFile:
    book = Workbook()
    if mac_1904:
        book.epoch = CALENDAR_MAC_1904
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(folder / "fleet.xlsx")
    return read_registry(folder / "fleet.xlsx")


@pytest.mark.parametrize("text", [pytest.param(ENGLISH, id="English"), pytest.param(CHINESE, id="Chinese")])
@pytest.mark.parametrize(
    "encoding",
    [
        pytest.param("utf-8", id="UTF-8"),
        pytest.param("utf-8-sig", id="UTF-8 with BOM"),
        pytest.param("gb18030", id="GB18030"),
        pytest.param("utf-16", id="Unicode text of Excel"),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_file_reads_the_same_in_every_dress(
    tmp_path: Path, text: str, encoding: str, separator: str, line_end: str
) -> None:
    data = text.replace(",", separator).replace("\n", line_end).encode(encoding)
    file = _read(tmp_path, data)
    assert (file.vehicles, file.problems, file.rows_total, file.rows) == (EXPECTED, (), 2, (2, 3))


def test_a_compressed_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    assert _read(tmp_path, gzip.compress(CHINESE.encode("gb18030")), "fleet.csv.gz").vehicles == EXPECTED


def test_a_workbook_with_numbers_and_dates_reads_like_text(tmp_path: Path) -> None:
    heading = tuple(CHINESE.splitlines()[0].split(","))
    moment = datetime(2026, 3, 2, 8, 30)  # noqa: DTZ001  a spreadsheet knows no zone
    file = _workbook(
        tmp_path,
        ("高台县车辆登记表",),
        heading,
        ("V1", "甘g12345", 2, "班线客车", "E1", "高台客运", "高台县", 1.3900000001e10, 100, moment, 46112, 2, True),
        (None,) * 13,
        ("V2", "甘G20002", None, "危货车", None, None, None, 13900000002),
    )
    assert file.problems == ()
    assert file.vehicles == EXPECTED
    assert file.rows == (3, 5)
    assert file.rows_total == 2


def test_serial_dates_follow_the_epoch_of_the_workbook(tmp_path: Path) -> None:
    rows = (("vehicle_id", "retired_on"), ("V1", 44621))
    assert _workbook(tmp_path, *rows, mac_1904=True).vehicles[0].retired_on == date(2026, 3, 2)
    assert _workbook(tmp_path, *rows).vehicles[0].retired_on == date(2022, 3, 1)


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        pytest.param("plate", "ｇａｎ１２３", "GAN123", id="full width and lower case"),
        pytest.param("plate", " 甘 G·1234 挂 ", "甘G1234挂", id="blanks and a dot in a plate"),
        pytest.param("plate", "无", "", id="a word for no plate"),
        pytest.param("plate_color", "蓝牌", PlateColor.BLUE, id="a plate colour in Chinese"),
        pytest.param("plate_color", "5", PlateColor.GREEN, id="a plate colour by JT/T 697.7"),
        pytest.param("plate_color", "93.0", PlateColor.YELLOW_GREEN, id="a code stored as a number"),
        pytest.param("plate_color", "9", PlateColor.OTHER, id="another colour by code"),
        pytest.param("vehicle_class", "Tour Coach", VehicleClass.TOUR_COACH, id="a class in English"),
        pytest.param("vehicle_class", "重型半挂牵引车", VehicleClass.HEAVY_TRUCK, id="a tractor"),
        pytest.param("vehicle_class", "重型普通半挂车", VehicleClass.TRAILER, id="a trailer"),
        pytest.param("terminal_phone", "013900000001", "13900000001", id="leading zeros"),
        pytest.param("terminal_phone", "1.3900000001E+10", "13900000001", id="exponent with all digits"),
        pytest.param("terminal_phone", "+86 139-0000-0001", "13900000001", id="as people write it"),
        pytest.param("terminal_phone", "'13900000001", "13900000001", id="apostrophe of a text cell"),
        pytest.param("terminal_phone", "00AB12", "ab12", id="hex digits"),
        pytest.param("max_speed_kmh", "100.5", 100.5, id="a number"),
        pytest.param("gross_mass_kg", "49,000", 49_000.0, id="thousands separator"),
        pytest.param("crew", "", 1, id="crew not stated"),
        pytest.param("crew", "2.0", 2, id="crew stored as a number"),
        pytest.param("curfew_exempt", "否", False, id="no"),
        pytest.param("curfew_exempt", "TRUE", True, id="true"),
        pytest.param("suspended_from", "2026/3/2", date(2026, 3, 2), id="slashes"),
        pytest.param("suspended_from", "20260302", date(2026, 3, 2), id="eight digits"),
        pytest.param("suspended_from", "20260302.0", date(2026, 3, 2), id="eight digits stored as a number"),
        pytest.param("suspended_from", "2026.3.2", date(2026, 3, 2), id="dots"),
        pytest.param("suspended_from", "2026年3月2日", date(2026, 3, 2), id="Chinese date"),
        pytest.param("suspended_from", "46083", date(2026, 3, 2), id="Excel serial"),
        pytest.param("suspended_from", "2026-03-02 08:30:00", date(2026, 3, 2), id="date and time"),
        pytest.param("suspended_to", "9999-12-31", None, id="the end of time is open"),
        pytest.param("enterprise_name", " 高台  客运 ", "高台 客运", id="blanks in a name"),
        pytest.param("licence_no", "—", "", id="a dash for nothing"),
    ],
)
def test_a_cell_is_read_as_meant(tmp_path: Path, column: str, text: str, expected: object) -> None:
    file = _one(tmp_path, **{column: text})
    assert file.problems == ()
    assert getattr(file.vehicles[0], column) == expected


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        pytest.param("vehicle_id", "1.2E+10", "shortened by the spreadsheet", id="key without its digits"),
        pytest.param("vehicle_id", "terminal:139", "begins with 'terminal:'", id="reserved key"),
        pytest.param("terminal_phone", "1.39E+10", "shortened by the spreadsheet", id="phone without its digits"),
        pytest.param("terminal_phone", "123456789012345678.0", "lost digits", id="more digits than a float holds"),
        pytest.param("terminal_phone", "139.5", "no whole number", id="half a phone"),
        pytest.param("terminal_phone", "000000", "all zeros", id="phone of zeros"),
        pytest.param("terminal_phone", "139/138", "no terminal number", id="two phones"),
        pytest.param("plate", "甘G1?", "is no plate", id="sign in a plate"),
        pytest.param("plate_color", "紫色", "no plate colour", id="unknown colour"),
        pytest.param("vehicle_class", "货车", "no vehicle class; known: tour_coach", id="class that says too little"),
        pytest.param("max_speed_kmh", "fast", "is no number", id="word for a number"),
        pytest.param("max_speed_kmh", "0", "not above zero", id="zero limit"),
        pytest.param("max_speed_kmh", "inf", "not above zero", id="infinity"),
        pytest.param("max_speed_kmh", "1000", "more than 200", id="limit of no road"),
        pytest.param("crew", "1.5", "no whole number", id="half a driver"),
        pytest.param("crew", "99", "more than 9", id="crew of a ship"),
        pytest.param("curfew_exempt", "maybe", "neither yes nor no", id="neither"),
        pytest.param("suspended_from", "2026-02-30", "no day of the calendar", id="30 February"),
        pytest.param("suspended_from", "3/2/2026", "is no date", id="ambiguous order"),
        pytest.param("suspended_from", "1026-03-02", "cannot be meant", id="a slip in the year"),
        pytest.param("enterprise_name", "#N/A", "shows an error", id="failed formula"),
        pytest.param("enterprise_name", "a\x07b", "control characters", id="control characters"),
        pytest.param("enterprise_name", "x" * 300, "longer than 200", id="a novel"),
    ],
)
def test_a_cell_that_means_nothing_is_named(tmp_path: Path, column: str, text: str, reason: str) -> None:
    cells = {} if column == "vehicle_id" else {column: text}
    file = _one(tmp_path, key=text if column == "vehicle_id" else "V1", **cells)
    assert file.vehicles == ()
    assert [(problem.row, problem.column) for problem in file.problems] == [(2, column)]
    assert reason in file.problems[0].reason


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param("V1,甘G3,13900000003", RowProblem(3, "vehicle_id", "V1 already stands in row 2"), id="key"),
        pytest.param("V3,甘g1,13900000003", RowProblem(3, "plate", "甘G1 (other) already stands in row 2"), id="plate"),
        pytest.param(
            "V3,甘G3,013900000001",
            RowProblem(3, "terminal_phone", "13900000001 already stands in row 2"),
            id="terminal",
        ),
    ],
)
def test_of_two_rows_with_one_key_the_later_is_refused(tmp_path: Path, row: str, expected: RowProblem) -> None:
    file = _read(tmp_path, f"vehicle_id,plate,terminal_phone\nV1,甘G1,13900000001\n{row}\nV4,甘G4,13900000004\n")
    assert [vehicle.vehicle_id for vehicle in file.vehicles] == ["V1", "V4"]
    assert file.problems == (expected,)
    assert file.rows_total == 3


def test_one_plate_in_two_colours_is_two_plates(tmp_path: Path) -> None:
    file = _read(tmp_path, "vehicle_id,plate,plate_color\nV1,甘G1,yellow\nV2,甘G1,blue\n")
    assert len(file.vehicles) == 2


def test_bad_rows_stop_no_others_and_all_problems_of_a_row_are_named(tmp_path: Path) -> None:
    file = _read(
        tmp_path,
        "vehicle_id,crew,plate,suspended_from,suspended_to\n"
        ",x,甘G1,,\n"
        "\n"
        "V2,1,甘G2,2026-03-02,2026-03-01\n"
        'V3,1,"甘G3"x,,\n'
        "V4,1,甘G4,,,surplus\n"
        "V5,1\n",
    )
    assert [vehicle.vehicle_id for vehicle in file.vehicles] == ["V5"]
    assert [(problem.row, problem.column) for problem in file.problems] == [
        (2, "crew"),
        (2, "vehicle_id"),
        (4, "suspended_to"),
        (5, ""),
        (6, ""),
    ]
    assert (file.rows_total, file.rows) == (5, (7,))
    with pytest.raises(RegistryError, match="row 4, suspended_to: 2026-03-01 is before the beginning 2026-03-02"):
        file.require_whole()


def test_bytes_that_are_no_text_fail_their_row_only(tmp_path: Path) -> None:
    lines = [f"V{number},高台客运{number}".encode() for number in range(6)]
    lines[3] = b"V3,\xe9\xab\xff\xfe"
    file = _read(tmp_path, b"vehicle_id,enterprise_name\n" + b"\n".join(lines))
    assert [vehicle.enterprise_name for vehicle in file.vehicles] == [f"高台客运{n}" for n in (0, 1, 2, 4, 5)]
    assert [(problem.row, problem.column) for problem in file.problems] == [(5, "enterprise_name")]


def test_headings_that_mean_nothing_here_are_told(tmp_path: Path) -> None:
    assert _read(tmp_path, "vehicle_id,备注,*车牌号\nV1,好,甘G1\n").ignored == ("备注",)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        pytest.param("fleet.csv", b"", "is empty", id="empty file"),
        pytest.param("fleet.csv", b" \r\n\r\n", "is empty", id="blank file"),
        pytest.param("fleet.xlsx", b"", "is empty", id="empty workbook file"),
        pytest.param("fleet.csv.gz", gzip.compress(ENGLISH.encode() * 50)[:-20], "cut off", id="gzip cut off"),
        pytest.param("fleet.csv.gz", b"no gzip at all", "no intact gzip", id="not gzip"),
        pytest.param("fleet.xlsx", b"PK\x03\x04 broken", "no intact Excel workbook", id="broken workbook"),
        pytest.param("fleet.csv", b"PK\x03\x04 ...", "is an Excel file named as text", id="workbook named csv"),
        pytest.param("fleet.csv", bytes(range(256)) * 4, "is not text", id="binary"),
        pytest.param("fleet.csv", b"vehicle_id\n" + b"\xff\xff\n" * 9, "neither UTF-8 nor GB18030", id="no encoding"),
        pytest.param("fleet.xls", b"old", "old Excel file", id="old Excel"),
        pytest.param("fleet.pdf", b"%PDF", "an ending that no registry has", id="another ending"),
        pytest.param("fleet.csv", "plate,crew\n甘G1,1\n".encode(), "has no column vehicle_id", id="no key column"),
        pytest.param("fleet.csv", "vehicle_id,plate,车牌\n".encode(), "two headings for plate", id="plate twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    with pytest.raises(ReportFileError, match=sentence) as caught:
        _read(tmp_path, data, name)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_a_directory_a_missing_file_and_a_workbook_cut_off_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ReportFileError, match="is a directory"):
        read_registry(tmp_path)
    with pytest.raises(ReportFileError, match="cannot be opened"):
        read_registry(tmp_path / "missing.csv")
    with pytest.raises(ReportFileError, match="cannot be opened"):
        read_registry(tmp_path / "missing.xlsx")
    _workbook(tmp_path, ("vehicle_id",), *((f"V{number}",) for number in range(500)))
    whole = (tmp_path / "fleet.xlsx").read_bytes()
    for length in (len(whole) // 4, len(whole) // 2, len(whole) - 30):
        with pytest.raises(ReportFileError, match="no intact Excel workbook"):
            _read(tmp_path, whole[:length], "cut.xlsx")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_raise_the_declared_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name in ("any.csv", "any.csv.gz", "any.xlsx"):
        try:
            _read(folder, data, name)
        except InputError:
            continue


@given(st.text(max_size=60))
def test_any_cells_are_read_or_named(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    heading = ",".join(HEADINGS)
    quoted = text.replace('"', '""')
    folder = tmp_path_factory.mktemp("any")
    data = f"{heading}\n" + ",".join(f'"{quoted}"' for _ in HEADINGS) + "\n"
    try:
        file = _read(folder, data.encode("utf-8", "replace"))
    except ReportFileError:
        return
    assert len(file.vehicles) + len({problem.row for problem in file.problems}) == file.rows_total


def test_every_word_means_one_thing() -> None:
    for column, headings in HEADINGS.items():
        assert {column_of(heading) for heading in (column, *headings)} == {column}
    for vehicle_class, words in CLASS_WORDS.items():
        assert {class_of(word) for word in (vehicle_class.value, *words)} == {vehicle_class}
    for color, words in COLOR_WORDS.items():
        assert {color_of(word) for word in (color.value, *words)} == {color}
