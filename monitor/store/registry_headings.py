"""Headings and words of registry files: what offices write, and the column or value that it means.

Keys are compared after ``folded``: full width to half width, lower case, without spaces, underscores and stars.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from monitor.model.fleet import PlateColor, VehicleClass

_DROPPED = str.maketrans("", "", " \t\r\n\u3000_-*·:")
_UNITS = ("(km/h)", "(公里/小时)", "(km)", "(公里)", "(kg)", "(千克)")

HEADINGS: dict[str, tuple[str, ...]] = {
    "vehicle_id": ("车辆编号", "车辆id", "车辆编码", "车辆标识", "内部编号", "车辆内部编号", "自编号"),
    "plate": (
        "车牌", "车牌号", "车牌号码", "号牌", "号牌号码", "车辆号牌", "牌照号", "牌照号码", "车号", "plate_no",
    ),
    "plate_color": ("车牌颜色", "号牌颜色", "牌照颜色", "车牌颜色代码", "车辆颜色代码", "plate_colour"),
    "vehicle_class": (
        "车辆类型", "车辆类别", "类别", "类型", "营运类型", "运营类型", "行业类型", "运输类型", "运输行业",
    ),
    "enterprise_id": (
        "企业编号", "企业id", "企业代码", "企业编码", "业户编号", "业户id", "业户代码", "公司编号",
        "统一社会信用代码",
    ),
    "enterprise_name": (
        "企业名称", "企业", "业户名称", "业户", "公司名称", "公司", "单位名称", "所属企业", "所属公司", "所属单位",
        "道路运输企业", "运输企业",
    ),
    "region": ("地区", "区域", "辖区", "区县", "所属地区", "所属区域", "所属辖区", "行政区划", "所在地"),
    "terminal_phone": (
        "终端手机号", "终端手机号码", "终端电话", "终端电话号码", "终端号", "终端号码", "终端卡号", "终端sim卡号",
        "终端sim卡", "sim卡号", "sim卡", "sim号", "sim", "手机号", "手机号码", "通信号码", "通讯号码", "phone",
    ),
    "max_speed_kmh": ("最高限速", "限速", "限速值", "车辆限速", "最高车速", "最高速度"),
    "suspended_from": (
        "停运开始日期", "停运起始日期", "停运开始", "停运起", "停运日期", "停运开始时间",
        "报停开始日期", "报停起始日期",
        "报停日期", "报停开始", "报停起", "报停开始时间",
    ),
    "suspended_to": (
        "停运结束日期", "停运截止日期", "停运结束", "停运止", "停运结束时间",
        "报停结束日期", "报停截止日期", "报停结束",
        "报停止", "报停结束时间",
    ),
    "vin": ("车架号", "车架号码", "车辆识别代号", "车辆识别代码", "vin码", "vin号"),
    "licence_no": ("道路运输证号", "道路运输证", "运输证号", "营运证号", "经营许可证号", "license_no"),
    "in_service_from": ("投运日期", "投入运营日期", "投入使用日期", "启用日期", "入网日期", "营运开始日期"),
    "retired_on": ("退出日期", "退运日期", "注销日期", "报废日期", "退市日期"),
    "crew": ("驾驶员人数", "驾驶员数", "配备驾驶员数", "配备驾驶员人数", "驾驶人数", "司机人数"),
    "line_km": ("线路里程", "线路长度", "班线里程", "班线长度"),
    "curfew_exempt": ("凌晨禁行豁免", "凌晨豁免", "禁行豁免", "2至5时豁免", "25点豁免"),
    "relay_from": ("接驳开始日期", "接驳起始日期", "接驳开始", "接驳起", "接驳许可开始日期"),
    "relay_to": ("接驳结束日期", "接驳截止日期", "接驳结束", "接驳止", "接驳许可结束日期"),
    "gross_mass_kg": ("总质量",),
    "platform": ("接入平台", "平台", "平台名称", "所属平台", "上报平台"),
}  # fmt: skip
"""Column of the registry to the headings that mean it, besides its own name."""

CLASS_WORDS: dict[VehicleClass, tuple[str, ...]] = {
    VehicleClass.TOUR_COACH: ("旅游客车", "旅游客运", "旅游车", "旅游大巴", "旅游", "旅游包车", "旅游客运车辆"),
    VehicleClass.CHARTER_COACH: (
        "包车", "包车客车", "包车客运", "客运包车", "省际包车", "市际包车", "县际包车", "县内包车",
    ),
    VehicleClass.LINE_COACH: (
        "班线客车", "班线", "班车", "班线客运", "班车客运", "客运班车", "客运班线", "班线车", "长途客车",
        "三类以上班线客车", "一类班线客车", "二类班线客车", "三类班线客车", "四类班线客车", "省际班车", "市际班车",
    ),
    VehicleClass.HAZMAT: (
        "危货车", "危货", "危货车辆", "危货运输车", "危运车", "危险品", "危险品车", "危险品车辆", "危险品运输",
        "危险品运输车", "危险品运输车辆", "危险货物", "危险货物运输", "危险货物运输车", "危险货物运输车辆",
        "道路危险货物运输", "危化品车", "危化品运输车", "危化品运输车辆",
    ),
    VehicleClass.HEAVY_TRUCK: (
        "重型货车", "重货", "重卡", "重型卡车", "重型载货汽车", "重型载货车", "重型普通货车", "重型自卸货车",
        "重型厢式货车", "重型仓栅式货车", "牵引车", "半挂牵引车", "重型半挂牵引车", "12吨以上货车",
        "12吨及以上货车", "12t以上货车",
    ),
    VehicleClass.TRAILER: ("挂车", "半挂车", "全挂车", "半挂", "重型半挂车", "重型普通半挂车", "普通半挂车"),
    VehicleClass.OTHER: ("其他", "其它", "其他车辆", "其它车辆"),
}  # fmt: skip

COLOR_WORDS: dict[PlateColor, tuple[str, ...]] = {
    # Codes: JT/T 415-2006 (1, 2, 3, 4, 9; 0 = no plate) and JT/T 697.7-2014 (5, 90-94).
    PlateColor.BLUE: ("蓝", "蓝色", "蓝牌", "1"),
    PlateColor.YELLOW: ("黄", "黄色", "黄牌", "农黄", "农黄色", "2", "91"),
    PlateColor.BLACK: ("黑", "黑色", "黑牌", "3"),
    PlateColor.WHITE: ("白", "白色", "白牌", "4"),
    PlateColor.GREEN: ("绿", "绿色", "绿牌", "农绿", "农绿色", "渐变绿", "渐变绿色", "5", "92", "94"),
    PlateColor.YELLOW_GREEN: ("黄绿", "黄绿色", "黄绿双拼", "黄绿双拼色", "黄绿牌", "93"),
    PlateColor.OTHER: ("其他", "其它", "农蓝", "农蓝色", "无", "0", "9", "90"),
}

TRUE_WORDS = frozenset({"1", "是", "true", "yes", "y", "t", "√", "有", "豁免"})
FALSE_WORDS = frozenset({"0", "否", "false", "no", "n", "f", "×", "x", "无", "不豁免"})
EMPTY_WORDS = frozenset({"", "/", "\\", "—", "——", "–", "无", "n/a", "na", "null", "none", "nan", "空"})
"""What stands for "nothing" in a cell, compared after ``folded`` (which also empties "-" and "--")."""


def folded(text: str) -> str:
    """The form in which words are compared."""
    return unicodedata.normalize("NFKC", text).lower().translate(_DROPPED)


_COLUMN_OF = {folded(heading): column for column, headings in HEADINGS.items() for heading in (column, *headings)}
_CLASS_OF = {folded(word): item for item, words in CLASS_WORDS.items() for word in (item.value, *words)}
_COLOR_OF = {folded(word): item for item, words in COLOR_WORDS.items() for word in (item.value, *words)}


def column_of(heading: str) -> str | None:
    """The registry column that a heading means; None if it means none."""
    key = folded(heading)
    for unit in _UNITS:
        key = key.removesuffix(unit)
    return _COLUMN_OF.get(key)


def recognised(headings: Iterable[str]) -> int:
    """How many headings mean a registry column."""
    return sum(column_of(heading) is not None for heading in headings)


@lru_cache(maxsize=4096)
def class_of(text: str) -> VehicleClass | None:
    """Vehicle class of an English or Chinese word; None if it means none."""
    return _CLASS_OF.get(folded(text))


@lru_cache(maxsize=4096)
def color_of(text: str) -> PlateColor | None:
    """Plate colour of a word or of a JT/T code; None if it means none."""
    return _COLOR_OF.get(folded(text))
