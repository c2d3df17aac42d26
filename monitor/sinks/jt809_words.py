"""An alarm record in the words of another platform: one Chinese sentence, and the numbers of the vehicle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Final, Protocol

import msgspec

from monitor.model.beijing import BEIJING, parse_iso
from monitor.rules import load_rules

LONGEST_BYTES = 1_024
"""INFO_CONTENT of 0x1402 (809-2011 table, 809-2019 likewise)."""

GRADES: Final = {"notice": "提示", "general": "一般", "major": "较重", "serious": "严重"}
KINDS: Final = {
    "day": "日",
    "night": "夜间",
    "month": "月",
    "week": "周",
    "day_24h": "24小时",
    "parked": "停放",
    "lost": "失联",
    "route": "路线",
    "window": "时段",
    "speed": "速度",
}
UNITS: Final = {"h": "小时", "min": "分钟", "days": "天", "drift points": "个漂移点", "–": ""}
LOADS: Final = {"loaded": "重车", "empty": "空车"}


class AlarmWords(msgspec.Struct, frozen=True):
    """The alarm record as far as it is told to another platform; times as in the record."""

    alarm_id: str
    rule: str
    grade: str
    certainty: str
    state: str
    onset: str
    kind: str | None = None
    vehicle_id: str | None = None
    plate: str | None = None
    vehicle_class: str | None = None
    enterprise_id: str | None = None
    end: str | None = None
    duration_s: float | None = None
    peak: float | None = None
    limit: float | None = None
    cargo: str | None = None
    load: str | None = None

    @property
    def onset_ms(self) -> int:
        return parse_iso(self.onset)

    @property
    def end_ms(self) -> int:
        """0 while it lasts."""
        return 0 if self.end is None else parse_iso(self.end)


class PlateOf(Protocol):
    """Which plate and colour (JT/T code) a vehicle has at a moment; None if none is known."""

    def __call__(self, vehicle_id: str, at_ms: int, /) -> tuple[str, int] | None: ...


def words_of(record: Mapping[str, object]) -> AlarmWords:
    """The words of an alarm record."""
    return msgspec.convert(record, AlarmWords)


def alarm_sentence(words: AlarmWords, plate: str) -> str:
    """One sentence of at most ``LONGEST_BYTES`` in GBK."""
    title, unit = _rules().get(words.rule, (words.rule, ""))
    kind = KINDS.get(words.kind or "", words.kind or "")
    what = f"{title}（{kind}，{_grade(words)}）" if kind else f"{title}（{_grade(words)}）"
    parts = [f"{plate or '车辆'} {what}", f"{_clock(words.onset)}起"]
    unit = UNITS.get(unit, unit)
    if words.peak is not None:
        parts.append(f"最高{words.peak:g}{unit}" if unit == "km/h" else f"{words.peak:g}{unit}")
    if words.limit is not None:
        parts.append(f"限值{words.limit:g}{unit}")
    if words.duration_s is not None:
        parts.append(f"持续{_span(words.duration_s)}")
    if words.cargo or words.load:
        parts.append("，".join(filter(None, (LOADS.get(words.load or "", ""), words.cargo and f"货物{words.cargo}"))))
    state = {"cleared": "已解除", "withdrawn": "已撤销", "merged": "已合并"}.get(words.state)
    if state:
        parts.append(state)
    return fitted("，".join(parts))


def fitted(text: str, longest: int = LONGEST_BYTES) -> str:
    """Text cut to a number of GBK bytes between two characters; what GBK cannot write is a question mark."""
    data = text.encode("gb18030", "replace")
    return text if len(data) <= longest else data[:longest].decode("gb18030", "ignore")


@cache
def _rules() -> dict[str, tuple[str, str]]:
    return {rule.name: (rule.title_zh, rule.unit) for rule in load_rules()}


def _grade(words: AlarmWords) -> str:
    grade = GRADES.get(words.grade, words.grade)
    return grade if words.certainty == "certain" else f"{grade}，疑似"


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _span(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours}小时{minutes}分"
    return f"{minutes}分{whole % 60}秒" if minutes else f"{whole}秒"
