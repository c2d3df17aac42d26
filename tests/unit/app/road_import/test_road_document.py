"""``docs/roads.md``: its examples are accepted, and it names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.app.road_import.fields import FIELDS, load_field_mapping
from monitor.app.road_import.line import Refusal
from monitor.model.fence_kind import FenceKind
from monitor.model.place import PlaceKind
from monitor.model.road import RoadClass, parse_roads

DOCUMENT = (Path(__file__).parents[4] / "docs" / "roads.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_section_of_the_example_is_accepted() -> None:
    (section,) = parse_roads(block("json").encode(), "docs").sections
    assert section.road_no == "G30"
    assert section.surveyed_on is not None


def test_the_mapping_of_the_example_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(block("toml"), "utf-8")
    assert load_field_mapping(path).fields["limit_kmh"] == "限速"


@pytest.mark.parametrize("word", [*FIELDS, *Refusal, *FenceKind, *PlaceKind, *(one.word for one in RoadClass)])
def test_every_word_is_explained(word: str) -> None:
    assert re.search(rf"\b{word}\b", DOCUMENT)
