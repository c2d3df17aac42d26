"""Words of alarms and their evidence for a person, in Chinese and English."""

from __future__ import annotations

from monitor.cli.language import Language
from monitor.codec.jt808.alarm_bits import alarm_meanings
from monitor.codec.jt808.header import Version

Words = tuple[str, str]

WORDS: dict[str, Words] = {
    # grades, certainty, states, transitions
    "notice": ("提示", "notice"),
    "general": ("一般", "general"),
    "major": ("较重", "major"),
    "serious": ("严重", "serious"),
    "certain": ("确定", "certain"),
    "suspected": ("疑似", "suspected"),
    "active": ("持续中", "active"),
    "cleared": ("已解除", "cleared"),
    "withdrawn": ("已撤回", "withdrawn"),
    "merged": ("已合并", "merged"),
    "raised": ("触发", "raised"),
    "updated": ("变更", "updated"),
    "inhibited": ("抑制", "inhibited"),
    # vehicle classes
    "tour_coach": ("旅游客车", "tour coach"),
    "charter_coach": ("包车", "charter coach"),
    "line_coach": ("班线客车", "line coach"),
    "hazmat": ("危货车", "hazmat"),
    "heavy_truck": ("重型货车", "heavy truck"),
    "trailer": ("挂车", "trailer"),
    "other": ("其他", "other"),
    # kinds
    "day": ("日间", "day"),
    "night": ("夜间", "night"),
    "day_24h": ("24 小时", "24 h"),
    "week": ("一周", "week"),
    "month": ("月", "month"),
    "parked": ("停放", "parked"),
    "lost": ("失联", "lost"),
    # where a limit comes from
    "section": ("路段限速", "road section"),
    "fence": ("围栏", "fence"),
    "class_cap": ("车型限值", "class cap"),
    "enterprise": ("企业限值", "enterprise"),
    "vehicle": ("车辆限值", "vehicle"),
    "permit": ("通行证", "permit"),
    # road classes
    "expressway": ("高速公路", "expressway"),
    "first": ("一级公路", "first class road"),
    "second": ("二级公路", "second class road"),
    "third": ("三级公路", "third class road"),
    "fourth": ("四级公路", "fourth class road"),
    "urban_express": ("城市快速路", "urban expressway"),
    "urban": ("城市道路", "urban road"),
    # why it ended
    "condition_over": ("情况已结束", "the condition was over"),
    "data_ended": ("数据中断", "the data ended"),
    "contact_returned": ("恢复联系", "contact returned"),
    "window_over": ("时段结束", "the time window was over"),
    "vehicle_retired": ("车辆退出营运", "the vehicle was retired"),
    # stretches of a run
    "drive": ("行驶", "driving"),
    "stop": ("停车", "standing"),
    "unknown": ("不明", "unknown"),
    # what is wrong with reports, and what became of them
    "time": ("时间无效", "time not usable"),
    "longitude": ("经度超范围", "longitude out of range"),
    "latitude": ("纬度超范围", "latitude out of range"),
    "speed": ("速度超范围", "speed out of range"),
    "altitude": ("高程超范围", "altitude out of range"),
    "direction": ("方向超范围", "heading out of range"),
    "no_fix": ("未定位", "no fix"),
    "status": ("状态字无效", "status not usable"),
    "length": ("报文长度不符", "wrong length"),
    "late": ("迟到", "late"),
    "backfill": ("盲区补报", "backfill"),
    "accepted": ("采用", "accepted"),
    "untimed": ("时间不可用", "time not usable"),
    "conflict": ("同一时间内容不同", "same time, other content"),
    "out_of_order": ("乱序", "out of order"),
    "no_position": ("无有效定位", "no usable position"),
    "drift": ("漂移点，未采用", "drift point, not used"),
    "confirmed": ("新位置确认", "new place confirmed"),
    # units
    "h": ("小时", "h"),
    "min": ("分钟", "min"),
    "days": ("天", "days"),
    "drift points": ("个漂移点", "drift points"),
}
"""Word of the record to Chinese and English; a word that is not here stands for itself."""


def word(tongue: Language, text: str | None) -> str:
    """A word of the record for a person."""
    if not text:
        return ""
    zh, en = WORDS.get(text, (text, text.replace("_", " ")))
    return zh if tongue is Language.ZH else en


def kind_word(tongue: Language, rule: str, kind: str | None) -> str:
    """A rule's kind; those of terminals' own alarms as the standard calls them."""
    if rule != "device_alarm" or not kind or tongue is Language.EN:
        return word(tongue, kind)
    for version in (Version.V2013, Version.V2019):
        for bit, meaning in alarm_meanings(version).items():
            if bit.value == kind:
                return meaning.title
    return kind


def length(tongue: Language, seconds: float) -> str:
    """A length of time as people say it."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if seconds < 60:
        return f"{seconds:g} 秒" if tongue is Language.ZH else f"{seconds:g} s"
    zh = [f"{n} {unit}" for n, unit in ((hours, "小时"), (minutes, "分"), (rest, "秒")) if n]
    en = [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if n]
    return " ".join(zh if tongue is Language.ZH else en)
