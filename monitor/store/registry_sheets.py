"""Registry files as rows of cells: CSV in the encodings and separators that offices use, and .xlsx."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.datetime import WINDOWS_EPOCH
from openpyxl.utils.exceptions import InvalidFileException

from monitor.errors import ReportFileError
from monitor.store.registry_headings import recognised

Cell = str | int | float | bool | datetime | date | time | timedelta | None

MAX_BYTES = 512 * 1024 * 1024
"""Guard against a file that unpacks without end; a million vehicles are about 200 MB. A guess."""
HEADING_ROWS = 12
"""How far down the headings may stand; offices put a title above them. A guess."""

_TEXT_ENDINGS = (".csv", ".tsv", ".txt")
_SEPARATORS = (",", ";", "\t", "|", "，", "；")
REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row: its number as the spreadsheet shows it, its cells, and ``broken`` if it could not be split."""

    number: int
    cells: tuple[Cell, ...]
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """All rows of a file that are not empty. ``epoch`` is day 0 of Excel serial dates in it."""

    rows: tuple[SheetRow, ...]
    epoch: datetime


def read_sheet(path: Path) -> Sheet:
    """The rows of a registry file (.csv .tsv .txt, each also .gz, and .xlsx).

    Raises ReportFileError where the file as a whole cannot be read.
    """
    if path.is_dir():
        raise ReportFileError(path=str(path), reason="is a directory", advice="Name the registry file in it.")
    name = path.name.lower()
    inner = name.removesuffix(".gz")
    if name.endswith(".xlsx"):
        _check_bytes(path)
        return _workbook(path)
    if name.endswith(".xls"):
        raise ReportFileError(
            path=str(path), reason="is an old Excel file (.xls)", advice="Save it as .xlsx or as CSV UTF-8."
        )
    if not inner.endswith(_TEXT_ENDINGS):
        raise ReportFileError(
            path=str(path), reason="has an ending that no registry has", advice="Use .csv, .csv.gz, .tsv or .xlsx."
        )
    return Sheet(tuple(_text_rows(_decoded(path, _bytes_of(path, zipped=name != inner)))), WINDOWS_EPOCH)


def _check_bytes(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ReportFileError(path=str(path), reason=f"cannot be opened ({error.strerror})") from error
    if size == 0:
        raise ReportFileError(path=str(path), reason="is empty", advice="A registry has headings and rows.")
    if size > MAX_BYTES:
        raise ReportFileError(path=str(path), reason=f"is larger than {MAX_BYTES >> 20} MiB", advice="Split it.")


def _bytes_of(path: Path, zipped: bool) -> bytes:
    _check_bytes(path)
    try:
        with gzip.open(path) if zipped else path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except EOFError as error:
        raise ReportFileError(
            path=str(path), reason="is cut off in the middle of its compression", advice="Copy it again."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ReportFileError(path=str(path), reason=f"is no intact gzip file ({error})") from error
    except OSError as error:
        raise ReportFileError(path=str(path), reason=f"cannot be opened ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise ReportFileError(path=str(path), reason=f"unpacks to more than {MAX_BYTES >> 20} MiB", advice="Split it.")
    if not data.strip():
        raise ReportFileError(path=str(path), reason="is empty", advice="A registry has headings and rows.")
    return data


def _decoded(path: Path, data: bytes) -> str:
    """Text in the encoding that fits the most lines; bytes that fit none become U+FFFD and fail their row."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    if data.startswith(b"PK\x03\x04"):
        raise ReportFileError(path=str(path), reason="is an Excel file named as text", advice="Rename it to .xlsx.")
    if b"\x00" in data:
        raise ReportFileError(path=str(path), reason="is not text", advice="Save it as CSV UTF-8 or .xlsx.")
    best, fewest = "", -1
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            text = data.decode(encoding, "replace")
            damaged = sum(REPLACEMENT in line for line in text.split("\n"))
            if fewest < 0 or damaged < fewest:
                best, fewest = text, damaged
    if fewest * 2 > best.count("\n") + 1:
        raise ReportFileError(
            path=str(path), reason="is neither UTF-8 nor GB18030 text", advice="Save it as CSV UTF-8."
        )
    return best


def _text_rows(text: str) -> Iterator[SheetRow]:
    head = "\n".join(text.splitlines()[:HEADING_ROWS])
    separator = max(_SEPARATORS, key=lambda one: max((recognised(row) for row in _head(head, one)), default=0))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield SheetRow(number, (), f"cannot be split into cells ({error}); is a quotation mark missing?")
            continue
        if any(cell.strip() for cell in cells):
            yield SheetRow(number, tuple(cells))


def _head(text: str, separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:
        return []


def _workbook(path: Path) -> Sheet:
    """The first worksheet in which a heading row is found, else the first one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and validations that openpyxl does not keep; values are whole
            book = load_workbook(path, read_only=True, data_only=True)
            try:
                first: tuple[SheetRow, ...] | None = None
                for worksheet in book.worksheets:
                    worksheet.reset_dimensions()  # some writers state a wrong size, and rows would be lost
                    rows = tuple(
                        SheetRow(number, tuple(_cell(value) for value in cells))
                        for number, cells in enumerate(worksheet.iter_rows(values_only=True), 1)
                        if any(value is not None and str(value).strip() for value in cells)
                    )
                    first = rows if first is None else first
                    if any(recognised(str(cell) for cell in row.cells) >= 2 for row in rows[:HEADING_ROWS]):
                        return Sheet(rows, book.epoch)
                return Sheet(first or (), book.epoch)
            finally:
                book.close()
    except (
        BadZipFile,
        InvalidFileException,
        ParseError,
        KeyError,
        ValueError,
        TypeError,
        EOFError,
        zlib.error,
    ) as error:
        raise ReportFileError(
            path=str(path),
            reason=f"is no intact Excel workbook ({error})",
            advice="Copy it again, or save it without a password as .xlsx.",
        ) from error
    except OSError as error:
        raise ReportFileError(path=str(path), reason=f"cannot be opened ({error})") from error


def _cell(value: object) -> Cell:
    """A cell value as one of the kinds of ``Cell``; whatever else a workbook holds becomes its text."""
    if value is None or isinstance(value, (str, int, float, bool, datetime, date, time, timedelta)):
        return value
    return str(value)
