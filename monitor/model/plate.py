"""Number plates: one spelling, and the colour codes of the protocols.

JT/T 808-2011 and -2013 and JT/T 809-2011 use JT/T 415-2006 (1 blue, 2 yellow, 3 black, 4 white, 9 other, 0 no plate);
the editions of 2019 use JT/T 697.7-2014, which adds 5 green and 90 to 94 (farm and new-energy vehicles).
"""

from __future__ import annotations

import unicodedata
from typing import Final

from monitor.model.fleet import PlateColor

_DROPPED = str.maketrans("", "", " \t\u3000·•‧∙・.-_\x00")

COLOR_OF_CODE: Final[dict[int, PlateColor]] = {
    1: PlateColor.BLUE,
    2: PlateColor.YELLOW,
    3: PlateColor.BLACK,
    4: PlateColor.WHITE,
    5: PlateColor.GREEN,
    91: PlateColor.YELLOW,
    92: PlateColor.GREEN,
    93: PlateColor.YELLOW_GREEN,
    94: PlateColor.GREEN,
}
"""Every other code is ``other``."""

CODE_OF_COLOR: Final[dict[PlateColor, int]] = {
    PlateColor.BLUE: 1,
    PlateColor.YELLOW: 2,
    PlateColor.BLACK: 3,
    PlateColor.WHITE: 4,
    PlateColor.GREEN: 94,
    PlateColor.YELLOW_GREEN: 93,
    PlateColor.OTHER: 9,
}


def color_of_code(code: int) -> PlateColor:
    """The colour of a JT/T code."""
    return COLOR_OF_CODE.get(code, PlateColor.OTHER)


def folded_plate(text: str) -> str:
    """One spelling of a plate: half width, capitals, without blanks, dots and dashes."""
    return unicodedata.normalize("NFKC", text).upper().translate(_DROPPED)
