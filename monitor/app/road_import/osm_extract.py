"""An OpenStreetMap extract (.osm, .osm.gz, .osm.bz2, .osm.pbf) as road lines and kilometre posts.

The XML forms need nothing besides the standard library and are read twice: first the ways, then the points that they
name. The binary form needs the package ``osmium``, which is not installed by default; it passes over objects that are
no roads without counting them.
"""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

import numpy as np

from monitor.app.road_import.kilometre_posts import KilometrePost, post_km
from monitor.app.road_import.line import Refusal, RoadLine, Tally
from monitor.app.road_import.osm_tags import facts_of
from monitor.errors import ReportFileError


@dataclass(frozen=True, slots=True)
class OsmWay:
    """A way with tags of a road."""

    way_id: int
    nodes: tuple[int, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OsmExtract:
    """Ways that may be roads, the degrees of their points (some may be missing), and the posts among the points."""

    ways: tuple[OsmWay, ...]
    places: Mapping[int, tuple[float, float]]
    posts: tuple[KilometrePost, ...]
    other_ways: int


def read_osm(path: Path, tally: Tally) -> tuple[list[RoadLine], list[KilometrePost]]:
    """Lines and posts of an extract. Raises ReportFileError for a file that cannot be read."""
    extract = _read_pbf(path, tally) if path.name.endswith(".pbf") else _read_xml(path, tally)
    tally.lines_total += len(extract.ways) + extract.other_ways
    if extract.other_ways:
        tally.left_out["no highway"] += extract.other_ways
    lines = [line for way in extract.ways for line in _lines(way, extract.places, tally)]
    return lines, list(extract.posts)


def _lines(way: OsmWay, places: Mapping[int, tuple[float, float]], tally: Tally) -> Iterator[RoadLine]:
    """The way's lines: one for each direction where limits differ, cut where the extract lacks a point."""
    line_id = f"w{way.way_id}"
    for number, (facts, back) in enumerate(facts_of(line_id, way.tags, tally), 1):
        name = line_id if number == 1 else f"{line_id}b"
        runs = _known_runs(way.nodes, places)
        if not runs:
            tally.refuse(name, Refusal.NODES_MISSING)
        elif number == 1 and sum(map(len, runs)) < len(_steps(way.nodes)):
            tally.doubt(name, "nodes", "the extract was cut through this way; what lies inside is kept")
        for piece, nodes in enumerate(runs, 1):
            xy = np.array([places[node] for node in nodes])
            if not np.any(xy != xy[0]):
                tally.refuse(name, Refusal.TOO_SHORT)
                continue
            line = RoadLine(name if piece == 1 else f"{name}-{piece}", nodes, xy, facts)
            yield _against(line) if back else line


def _against(line: RoadLine) -> RoadLine:
    """The line drawn from its other end; its facts are already those of that direction."""
    turned = line.reversed()
    return RoadLine(turned.line_id, turned.nodes, turned.xy, line.facts)


def _steps(nodes: tuple[int, ...]) -> tuple[int, ...]:
    """Nodes without immediate repetition."""
    return tuple(node for i, node in enumerate(nodes) if i == 0 or node != nodes[i - 1])


def _known_runs(nodes: tuple[int, ...], places: Mapping[int, tuple[float, float]]) -> list[tuple[int, ...]]:
    """Runs of at least two points that the extract has."""
    runs: list[tuple[int, ...]] = []
    run: list[int] = []
    for node in _steps(nodes):
        if node in places:
            run.append(node)
            continue
        runs.append(tuple(run))
        run = []
    runs.append(tuple(run))
    return [found for found in runs if len(found) > 1]


def _read_xml(path: Path, tally: Tally) -> OsmExtract:
    ways: list[OsmWay] = []
    other = 0
    for element in _elements(path, "way"):
        tags = _tags(element)
        if "highway" not in tags and tags.get("route") != "ferry":
            other += 1
            continue
        nodes = tuple(int(found.get("ref", "0")) for found in element.iter("nd"))
        ways.append(OsmWay(int(element.get("id", "0")), nodes, tags))
    wanted = {node for way in ways for node in way.nodes}
    places: dict[int, tuple[float, float]] = {}
    posts: list[KilometrePost] = []
    for element in _elements(path, "node"):
        node = int(element.get("id", "0"))
        is_post = len(element) > 0 and _tags(element).get("highway") == "milestone"
        if node not in wanted and not is_post:
            continue
        at = float(element.get("lon", "nan")), float(element.get("lat", "nan"))
        if not (abs(at[0]) <= 180.0 and abs(at[1]) <= 90.0):
            continue
        if node in wanted:
            places[node] = at
        if is_post:
            posts += _post(node, at, _tags(element), tally)
    return OsmExtract(tuple(ways), places, tuple(posts), other)


def _elements(path: Path, name: str) -> Iterator[ElementTree.Element]:
    """Elements of one name, each forgotten after use."""
    try:
        with _opened(path) as file:
            root: ElementTree.Element | None = None
            for event, element in ElementTree.iterparse(file, events=("start", "end")):
                if root is None:
                    root = element
                    if root.tag != "osm":
                        reason = f"is no OpenStreetMap extract: its root is <{root.tag}>, not <osm>"
                        raise ReportFileError(path=str(path), reason=reason)
                if event == "end" and element.tag in ("way", "node", "relation"):
                    if element.tag == name:
                        yield element
                    root.clear()
    except ElementTree.ParseError as error:
        raise ReportFileError(path=str(path), reason=f"is no XML: {error}") from error
    except (OSError, EOFError) as error:
        raise ReportFileError(path=str(path), reason=f"cannot be read: {error}") from error


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile | bz2.BZ2File:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix == ".bz2":
        return bz2.open(path, "rb")
    return path.open("rb")


def _tags(element: ElementTree.Element) -> dict[str, str]:
    return {found.get("k", ""): found.get("v", "") for found in element.iter("tag")}


def _post(node: int, at: tuple[float, float], tags: Mapping[str, str], tally: Tally) -> list[KilometrePost]:
    """The post of a ``highway=milestone``: ``distance`` (or ``pk``) and the number of its road."""
    stated = tags.get("distance") or tags.get("pk", "")
    km = post_km(stated)
    road_no = tags.get("ref", "").split(";")[0].strip().upper()
    if km is None or not road_no:
        tally.doubt(f"n{node}", "milestone", f"ref={tags.get('ref', '')} distance={stated}")
        return []
    return [KilometrePost(road_no, km, *at)]


def _read_pbf(path: Path, tally: Tally) -> OsmExtract:
    try:
        import osmium
    except ImportError as error:
        advice = "Install the package osmium, or convert the extract to .osm first."
        raise ReportFileError(path=str(path), reason="a .pbf needs the package osmium", advice=advice) from error
    ways: list[OsmWay] = []
    places: dict[int, tuple[float, float]] = {}
    posts: list[KilometrePost] = []
    kinds = osmium.osm.NODE | osmium.osm.WAY
    try:
        roads = osmium.filter.KeyFilter("highway", "route")
        for found in osmium.FileProcessor(str(path), kinds).with_locations().with_filter(roads):
            tags = {tag.k: tag.v for tag in found.tags}
            if isinstance(found, osmium.osm.Node):
                if tags.get("highway") == "milestone" and found.location.valid():
                    posts += _post(found.id, (found.location.lon, found.location.lat), tags, tally)
            elif isinstance(found, osmium.osm.Way) and ("highway" in tags or tags.get("route") == "ferry"):
                ways.append(OsmWay(found.id, tuple(node.ref for node in found.nodes), tags))
                places.update((node.ref, (node.lon, node.lat)) for node in found.nodes if node.location.valid())
    except RuntimeError as error:
        raise ReportFileError(path=str(path), reason=f"is no OpenStreetMap extract: {error}") from error
    return OsmExtract(tuple(ways), places, tuple(posts), 0)
