"""A bureau's shapefile, or GeoJSON, as road lines.

Lines touch where their points are the same to 0.1 m: these files have no names for points. A line crossing another
without a common point passes over or under it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import shapefile  # type: ignore[import-untyped]  # annotated, but not marked as such
from numpy.typing import NDArray
from shapely.errors import ShapelyError
from shapely.geometry import LineString

from monitor.app.road_import.fields import OWN_NAMES, FieldMapping, LineFacts, facts_of_row
from monitor.app.road_import.line import Refusal, RoadLine, Tally
from monitor.app.road_import.osm_tags import facts_of
from monitor.app.road_import.words import read_text
from monitor.errors import ConfigError, ReportFileError
from monitor.model.geojson import crs_name, to_wgs84
from monitor.model.road import POST_SHARE, POST_SLACK_M

SAME_POINT_DEG = 1e-6
"""Points closer than this are one: the unit of JT/T 808 and of most digitising."""

Row = Mapping[str, object]
Parts = Sequence[Sequence[Sequence[float]]]


class _Points:
    """Numbers of points by place."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], int] = {}

    def nodes(self, xy: NDArray[np.float64]) -> tuple[int, ...]:
        cells = np.round(xy / SAME_POINT_DEG).astype(np.int64).tolist()
        return tuple(self._known.setdefault((x, y), len(self._known)) for x, y in cells)


def read_shapefile(path: Path, mapping: FieldMapping | None, tally: Tally, *, encoding: str = "") -> list[RoadLine]:
    """Lines of a shapefile. Raises ReportFileError and ConfigError (no crs, no column)."""
    crs = _crs_of(path, mapping)
    stated = encoding or (mapping.encoding if mapping is not None else "") or _code_page(path)
    raw = _records(path)
    rows: list[tuple[Row, Parts | None]] = []
    for name in (stated,) if stated else ("utf-8", "gb18030"):
        try:
            rows = [(_decoded(row, name), parts) for row, parts in raw]
            break
        except (UnicodeDecodeError, LookupError) as error:
            failed = error
    else:
        advice = "State its encoding with --encoding."
        raise ReportFileError(path=str(path), reason=f"its attributes cannot be read: {failed}", advice=advice)
    columns = list(rows[0][0]) if rows else []
    return _lines(str(path), rows, _checked(path, mapping, columns), crs, tally)


def read_geojson(path: Path, mapping: FieldMapping | None, tally: Tally, *, encoding: str = "") -> list[RoadLine]:
    """Lines of GeoJSON: with OpenStreetMap's tags, columns of a mapping, or those of a road file."""
    try:
        document = json.loads(read_text(path, encoding or (mapping.encoding if mapping else "")))
    except ValueError as error:
        raise ReportFileError(path=str(path), reason=f"is no JSON: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise ReportFileError(path=str(path), reason="is no GeoJSON FeatureCollection")
    crs = crs_name(mapping.crs if mapping is not None and mapping.crs else document.get("crs")) or "wgs84"
    rows = [_feature(feature) for feature in features]
    columns = [name for row, _ in rows for name in row]
    if mapping is None and "highway" in columns:
        return _tagged(rows, crs, tally)
    return _lines(str(path), rows, _checked(path, mapping, columns), crs, tally)


def _feature(feature: object) -> tuple[Row, Parts | None]:
    """Properties and the parts of its line; None where it is none."""
    if not isinstance(feature, dict):
        return {}, None
    properties, geometry = feature.get("properties"), feature.get("geometry")
    row = dict(properties) if isinstance(properties, dict) else {}
    if "id" in feature:
        row.setdefault("section_id", feature["id"])
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in ("LineString", "MultiLineString"):
        return row, None
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list):
        return row, None
    return row, [coordinates] if kind == "LineString" else coordinates


def _records(path: Path) -> list[tuple[Row, Parts | None]]:
    """Rows with texts as raw bytes in the guise of Latin-1, which loses none of them, and the parts of their lines."""
    rows: list[tuple[Row, Parts | None]] = []
    try:
        with shapefile.Reader(str(path), encoding="latin-1") as reader:
            names = [str(found.name) for found in reader.fields if found.name != "DeletionFlag"]
            for found in reader.iterShapeRecords():
                shape, values = found.shape, dict(zip(names, found.record, strict=False))
                if shape.shapeType not in (shapefile.POLYLINE, shapefile.POLYLINEZ, shapefile.POLYLINEM):
                    rows.append((values, None))
                    continue
                ends = [*shape.parts, len(shape.points)]
                rows.append((values, [shape.points[a:b] for a, b in pairwise(ends)]))
    except (shapefile.ShapefileException, OSError, struct.error) as error:
        raise ReportFileError(path=str(path), reason=f"is no shapefile that can be read: {error}") from error
    return rows


def _decoded(row: Row, encoding: str) -> Row:
    return {
        name.encode("latin-1").decode(encoding): value.encode("latin-1").decode(encoding)
        if isinstance(value, str)
        else value
        for name, value in row.items()
    }


def _crs_of(path: Path, mapping: FieldMapping | None) -> str:
    """What the mapping says, else the .prj beside the file; never a guess, which may be 600 m wrong."""
    if mapping is not None and mapping.crs:
        return crs_name(mapping.crs)
    for beside in (path.with_suffix(".prj"), path.with_suffix(".PRJ")):
        if beside.is_file():
            return read_text(beside).strip()
    advice = 'has no .prj beside it: state crs = "EPSG:4490" (or gcj02, EPSG:4524...) in the mapping of --fields'
    raise ConfigError(path=str(path), problems=(("crs", advice),))


def _code_page(path: Path) -> str:
    beside = path.with_suffix(".cpg")
    stated = beside.read_text("ascii", "replace").strip() if beside.is_file() else ""
    return f"cp{stated}" if stated.isdecimal() else stated


def _checked(path: Path, mapping: FieldMapping | None, columns: Sequence[str]) -> FieldMapping:
    """The mapping, if the file has its columns; without one, that of our own names."""
    known = set(columns)
    shown = ", ".join(sorted(known))
    if mapping is None:
        if columns and not known & {column for name, column in OWN_NAMES.fields.items() if name != "id"}:
            problem = f"none of its columns is known ({shown}): say with --fields which is which"
            raise ConfigError(path=str(path), problems=(("fields", problem),))
        return OWN_NAMES
    missing = [
        (f"fields.{name}", f"{path.name} has no column {column}; it has {shown}")
        for name, column in mapping.fields.items()
        if columns and column not in known
    ]
    if missing:
        raise ConfigError(path=str(path), problems=tuple(missing))
    return mapping


def _lines(
    path: str, rows: Sequence[tuple[Row, Parts | None]], mapping: FieldMapping, crs: str, tally: Tally
) -> list[RoadLine]:
    points = _Points()
    lines: list[RoadLine] = []
    for number, (row, parts) in enumerate(rows, 1):
        tally.lines_total += 1
        read = facts_of_row(row, f"r{number}", mapping, tally)
        if read is None:
            continue
        drawn = _drawn(read.line_id, parts, crs, tally)
        for piece, xy in enumerate(drawn, 1):
            line_id = read.line_id if piece == 1 else f"{read.line_id}-{piece}"
            lines.append(_line(line_id, xy, read, points, tally, whole=len(drawn) == 1))
    return lines


def _line(
    line_id: str, xy: NDArray[np.float64], read: LineFacts, points: _Points, tally: Tally, *, whole: bool
) -> RoadLine:
    """One part; posts at the ends are those of a line of one part only, and as far apart as it is long."""
    line = RoadLine(line_id, points.nodes(xy), xy, read.facts)
    if whole and read.km_from is not None and read.km_to is not None:
        posted_m, length_m = abs(read.km_to - read.km_from) * 1000.0, line.length_m
        if abs(posted_m - length_m) <= POST_SHARE * length_m + POST_SLACK_M:
            line = replace(line, km_from=read.km_from, km_to=read.km_to)
        else:
            tally.doubt(line_id, "posts", f"{read.km_from:g} to {read.km_to:g} km on {length_m:.0f} m")
    return line.reversed() if read.backwards else line


def _tagged(rows: Sequence[tuple[Row, Parts | None]], crs: str, tally: Tally) -> list[RoadLine]:
    """Lines whose columns are OpenStreetMap's tags."""
    points = _Points()
    lines: list[RoadLine] = []
    for number, (row, parts) in enumerate(rows, 1):
        tally.lines_total += 1
        tags = {name: str(value) for name, value in row.items() if value not in (None, "")}
        line_id = f"w{tags['osmid']}" if tags.get("osmid", "").isdecimal() else tags.get("section_id", f"r{number}")
        ways = facts_of(line_id, tags, tally)
        drawn = _drawn(line_id, parts, crs, tally) if ways else []
        for way, (facts, back) in enumerate(ways):
            for xy in drawn:
                shown = xy[::-1] if back else xy
                lines.append(RoadLine(f"{line_id}b" if way else line_id, points.nodes(shown), shown, facts))
    return lines


def _drawn(line_id: str, parts: Parts | None, crs: str, tally: Tally) -> list[NDArray[np.float64]]:
    """The parts as degrees, without points that repeat the one before."""
    if parts is None:
        tally.refuse(line_id, Refusal.NOT_A_LINE)
        return []
    drawn: list[NDArray[np.float64]] = []
    for part in parts:
        try:
            line = to_wgs84(LineString(np.asarray([point[:2] for point in part], np.float64)), crs)
            xy = np.asarray(line.coords, np.float64)
            if not np.isfinite(xy).all():
                raise ValueError("a coordinate is no number")
        except (ValueError, TypeError, IndexError, ShapelyError) as error:
            reason = Refusal.TOO_SHORT if len(part) < 2 else Refusal.COORDINATES
            tally.refuse(line_id, reason, str(error))
            continue
        cells = np.round(xy / SAME_POINT_DEG)
        kept = xy[np.concatenate(([True], np.any(np.diff(cells, axis=0) != 0, axis=1)))]
        if len(kept) < 2:
            tally.refuse(line_id, Refusal.TOO_SHORT)
            continue
        drawn.append(kept)
    return drawn
