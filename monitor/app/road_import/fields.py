"""The mapping of a bureau's columns to what a section needs (TOML).

    crs = "EPSG:4524"            # what the coordinates are in, where the file does not say; gcj02 too
    encoding = "gb18030"         # of the attribute table
    [fields]                     # ours = theirs
    road_no = "路线编号"
    road_class = "技术等级"
    limit_kmh = "限速"
    [classes]                    # their words and codes for road classes
    "11" = "expressway"
    [constants]                  # what holds for every line of the file
    surveyed_by = "高台县交通运输局"

An unknown key is refused: a typing error that silently left out the limits would silently leave out the alarms.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from monitor.app.road_import.kilometre_posts import post_km
from monitor.app.road_import.line import Refusal, RoadFacts, Tally
from monitor.app.road_import.words import BACK, CLASS_WORDS, NO, YES, number, read_text
from monitor.errors import ConfigError
from monitor.model.road import MAX_CORRIDOR_M, MAX_LIMIT_KMH, RoadClass

FIELDS = (
    "id",
    "name",
    "road_no",
    "road_class",
    "limit_kmh",
    "one_way",
    "lanes",
    "corridor_m",
    "km_from",
    "km_to",
    "towards",
    "towards_back",
    "tunnel",
    "ferry",
    "township",
    "surveyed_by",
    "surveyed_on",
)
_TOP = ("crs", "encoding", "fields", "classes", "constants")


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Our fields to their columns, and what their words mean."""

    fields: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, RoadClass] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    crs: str = ""
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One row of the attribute table, read."""

    line_id: str
    facts: RoadFacts
    backwards: bool  # traffic runs only against the line
    km_from: float | None
    km_to: float | None


OWN_NAMES = FieldMapping(fields={**{name: name for name in FIELDS}, "id": "section_id", "one_way": "direction"})
"""Columns that are called as those of a road file."""


def load_field_mapping(path: Path) -> FieldMapping:
    """Read and check a mapping. Raises ConfigError that names every wrong key."""
    try:
        stated = tomllib.loads(read_text(path, "utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path=str(path), problems=(("file", f"is no TOML: {error}"),)) from error
    problems = [(key, f"is none of {', '.join(_TOP)}") for key in stated if key not in _TOP]
    tables: dict[str, dict[str, str]] = {}
    for name in ("fields", "classes", "constants"):
        table = stated.get(name, {})
        if not isinstance(table, dict):
            problems.append((name, "is no table"))
            table = {}
        tables[name] = {str(key): str(value).strip() for key, value in table.items()}
    for name in ("fields", "constants"):
        problems += [(f"{name}.{key}", f"is none of {', '.join(FIELDS)}") for key in tables[name] if key not in FIELDS]
    problems += [
        (f"classes.{key}", f"{word!r} is no road class; known are {', '.join(CLASS_WORDS)}")
        for key, word in tables["classes"].items()
        if word not in CLASS_WORDS
    ]
    if not tables["fields"] and not problems:
        problems.append(("fields", "names no column"))
    if problems:
        raise ConfigError(path=str(path), problems=tuple(problems))
    return FieldMapping(
        fields=tables["fields"],
        classes={key: CLASS_WORDS[word] for key, word in tables["classes"].items()},
        constants=tables["constants"],
        crs=str(stated.get("crs", "")).strip(),
        encoding=str(stated.get("encoding", "")).strip(),
    )


def facts_of_row(row: Mapping[str, object], fallback_id: str, mapping: FieldMapping, tally: Tally) -> LineFacts | None:
    """What a row says; None where its class is stated and not known, which the tally then says."""
    cells = {name: _text(row.get(mapping.fields[name])) for name in mapping.fields}
    for name, constant in mapping.constants.items():
        if not cells.get(name):
            cells[name] = constant
    line_id = cells.get("id") or fallback_id
    stated = cells.get("road_class", "")
    road_class = mapping.classes.get(stated, CLASS_WORDS.get(stated.lower())) if stated else RoadClass.UNKNOWN
    if road_class is None:
        tally.refuse(line_id, Refusal.CLASS_UNKNOWN, f"{mapping.fields.get('road_class')}={stated}")
        return None
    one_way, backwards = _direction(line_id, cells.get("one_way", ""), tally)
    lanes = _number(line_id, "lanes", cells, tally, 16)
    limit_kmh = _number(line_id, "limit_kmh", cells, tally, int(MAX_LIMIT_KMH))
    km_from, km_to = (_post(line_id, name, cells, tally) for name in ("km_from", "km_to"))
    both = km_from is not None and km_to is not None
    facts = RoadFacts(
        road_class=road_class,
        name=cells.get("name", ""),
        road_no=cells.get("road_no", "").upper(),
        limit_kmh=None if limit_kmh is None else round(limit_kmh),
        one_way=one_way,
        lanes=None if lanes is None else round(lanes),
        corridor_m=_number(line_id, "corridor_m", cells, tally, int(MAX_CORRIDOR_M)),
        tunnel=_flag(line_id, "tunnel", cells, tally),
        ferry=_flag(line_id, "ferry", cells, tally),
        township=cells.get("township", ""),
        towards=cells.get("towards", ""),
        towards_back=cells.get("towards_back", ""),
        surveyed_by=cells.get("surveyed_by", ""),
        surveyed_on=_day(line_id, cells.get("surveyed_on", ""), tally),
    )
    return LineFacts(line_id, facts, backwards, km_from if both else None, km_to if both else None)


def _text(value: object) -> str:
    """A cell as text: whole numbers of a number column without their ".0", empty for none."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().strip("\0")


def _direction(line_id: str, stated: str, tally: Tally) -> tuple[bool, bool]:
    word = stated.lower()
    if word in YES or word in BACK:
        return True, word in BACK
    if word not in NO:
        tally.doubt(line_id, "one_way", stated)
    return False, False


def _number(line_id: str, name: str, cells: Mapping[str, str], tally: Tally, most: int) -> float | None:
    """A number above 0; 0 and empty are how offices write that they do not know."""
    stated = cells.get(name, "")
    if stated in ("", "0"):
        return None
    value = number(stated)
    if value is None or not 0 < value <= most:
        tally.doubt(line_id, name, stated)
        return None
    return value


def _flag(line_id: str, name: str, cells: Mapping[str, str], tally: Tally) -> bool:
    word = cells.get(name, "").lower()
    if word not in YES and word not in NO:
        tally.doubt(line_id, name, word)
    return word in YES


def _post(line_id: str, name: str, cells: Mapping[str, str], tally: Tally) -> float | None:
    stated = cells.get(name, "")
    km = post_km(stated)
    if stated and km is None:
        tally.doubt(line_id, name, stated)
    return km


def _day(line_id: str, stated: str, tally: Tally) -> str:
    """An ISO date, also of 20260531 and 2026/5/31."""
    if not stated:
        return ""
    digits = stated.replace("/", "-").replace(".", "-")
    parts = digits.split("-") if "-" in digits else [digits[:4], digits[4:6], digits[6:]]
    try:
        year, month, day = (int(part) for part in parts)
        return date(year, month, day).isoformat()
    except ValueError:
        tally.doubt(line_id, "surveyed_on", stated)
        return ""
