"""Words of offices: the text of their files, and what they write for yes, for classes and for limits."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path

from monitor.errors import ConfigError, ReportFileError
from monitor.model.road import RoadClass

CLASS_WORDS: Mapping[str, RoadClass] = {
    **{road_class.word: road_class for road_class in RoadClass},
    "高速": RoadClass.EXPRESSWAY,
    "高速公路": RoadClass.EXPRESSWAY,
    "一级": RoadClass.FIRST,
    "一级公路": RoadClass.FIRST,
    "二级": RoadClass.SECOND,
    "二级公路": RoadClass.SECOND,
    "三级": RoadClass.THIRD,
    "三级公路": RoadClass.THIRD,
    "四级": RoadClass.FOURTH,
    "四级公路": RoadClass.FOURTH,
    "等外": RoadClass.FOURTH,
    "等外公路": RoadClass.FOURTH,
    "城市快速路": RoadClass.URBAN_EXPRESS,
    "快速路": RoadClass.URBAN_EXPRESS,
    "城市道路": RoadClass.URBAN,
    "主干路": RoadClass.URBAN,
    "次干路": RoadClass.URBAN,
    "支路": RoadClass.URBAN,
}
"""Technical classes as JTG B01 and CJJ 37 name them; a bureau's codes go into the mapping."""

YES = frozenset(["yes", "true", "1", "y", "t", "是", "有", "单向", "正向", "forward"])
NO = frozenset(["", *["no", "false", "0", "n", "f", "否", "无", "双向", "both", "none"]])
BACK = frozenset(["-1", "reverse", "反向", "逆向", "backward"])

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(?:km/h|公里/小时|公里/时|千米/小时|m|米)?", re.IGNORECASE)


def number(stated: str) -> float | None:
    """A number with or without its unit; None for other text."""
    found = _NUMBER.fullmatch(stated.strip())
    return float(found[1]) if found else None


def check_encoding(encoding: str) -> None:
    """Raises ConfigError for the name of no text encoding."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        problem = ("encoding", f"{encoding!r} is no encoding; for example gb18030")
        raise ConfigError(path="--encoding", problems=(problem,)) from None


def read_text(path: Path, encoding: str = "") -> str:
    """Text of a file: in ``encoding``, else UTF-8 or, where it is not that, GB18030. Raises ReportFileError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReportFileError(path=str(path), reason=f"cannot be read: {error.strerror or error}") from error
    for name in (encoding,) if encoding else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    reason = f"is no text in {encoding or 'UTF-8 or GB18030'}"
    raise ReportFileError(path=str(path), reason=reason, advice="State its encoding with --encoding.")
