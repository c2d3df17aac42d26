"""``monitor roads import``: sections from an OpenStreetMap extract, a bureau's shapefile or GeoJSON.

Nothing is invented (a limit that the source does not state stays unknown) and nothing is left out in silence: what
gave no section is counted by reason and listed. The result is a road file that ``parse_roads`` accepts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from monitor.app.road_import.fields import FieldMapping, load_field_mapping
from monitor.app.road_import.kilometre_posts import KilometrePost, read_posts, with_posts
from monitor.app.road_import.line import RoadLine, Tally
from monitor.app.road_import.network import build_network
from monitor.app.road_import.section_file import section_file
from monitor.app.road_import.words import check_encoding
from monitor.errors import ConfigError
from monitor.model.geojson import crs_name
from monitor.model.road import RoadClass, RoadSet

ENDINGS = (".osm", ".osm.gz", ".osm.bz2", ".pbf", ".shp", ".geojson", ".json")


@dataclass(frozen=True, slots=True)
class RoadImport:
    """Sections (``roads.payload`` is the file), and what of the source was not used."""

    roads: RoadSet
    tally: Tally
    posts: int
    lines: int  # lines of the source that became sections, before they were cut and joined


def import_roads(
    source: Path,
    *,
    encoding: str = "",
    posts: Path | None = None,
    posts_crs: str = "wgs84",
    fields: Path | None = None,
    classes: Collection[RoadClass] = (),
) -> RoadImport:
    """Sections of a source. ``classes``: only these, all when empty.

    Raises ConfigError and ReportFileError where the source, its mapping or its posts cannot be read at all.
    """
    if encoding:
        check_encoding(encoding)
    mapping = load_field_mapping(fields) if fields is not None else None
    tally = Tally()
    lines, known_posts = _read(source, mapping, encoding, tally)
    if posts is not None:
        known_posts += read_posts(posts, tally, encoding=encoding, crs=crs_name(posts_crs))
    wanted = [line for line in lines if not classes or line.facts.road_class in classes]
    if len(wanted) < len(lines):
        tally.left_out["class not asked for"] += len(lines) - len(wanted)
    network = build_network(wanted, tally)
    if known_posts:
        network = with_posts(network, known_posts, tally)
    return RoadImport(section_file(network, tally), tally, len(known_posts), len(wanted))


def _read(
    source: Path, mapping: FieldMapping | None, encoding: str, tally: Tally
) -> tuple[list[RoadLine], list[KilometrePost]]:
    name = source.name.lower()
    if name.endswith((".osm", ".osm.gz", ".osm.bz2", ".pbf")):
        from monitor.app.road_import.osm_extract import read_osm

        if mapping is not None:
            problem = ("fields", "an OpenStreetMap extract has tags, not columns: leave --fields out")
            raise ConfigError(path=str(source), problems=(problem,))
        return read_osm(source, tally)
    from monitor.app.road_import.vector_file import read_geojson, read_shapefile

    if name.endswith(".shp"):
        return read_shapefile(source, mapping, tally, encoding=encoding), []
    if name.endswith((".geojson", ".json")):
        return read_geojson(source, mapping, tally, encoding=encoding), []
    problem = ("source", f"its ending names no form; known are {', '.join(ENDINGS)}")
    raise ConfigError(path=str(source), problems=(problem,))
