"""Tables of messages in ``docs/protocols.md``: ``python -m tests.unit.protocol_document`` writes them.

Which messages there are is asked of the codecs; what the daemon does with each stands here. A test says when a message
has no entry here, and when the tables are out of date. Everything else in the document is written by hand and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.codec.jt808.messages import MESSAGES
from monitor.codec.jt809.registry import KINDS

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocols.md"
ALL = "all"


@dataclass(frozen=True, slots=True)
class Entry808:
    """A message of JT/T 808; ids from 0x8000 on go down to the terminal."""

    msg_id: int
    name: str
    editions: str
    use: str

    @property
    def taken_apart(self) -> bool:
        """Whether the codec reads and writes its fields."""
        return self.msg_id in MESSAGES


@dataclass(frozen=True, slots=True)
class Entry809:
    """A message of JT/T 809 by the name of its class. ``received`` and ``sent``: what the daemon does in the role that
    receives it, and when it sends it in the other."""

    kind: str
    name: str
    direction: str
    editions: str
    received: str
    sent: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Messages that nothing here takes apart; ``first`` to ``last``, where several only those that a text names."""

    ids: tuple[tuple[int, int], ...]
    name: str
    why: str

    def holds(self, msg_id: int) -> bool:
        return any(first <= msg_id <= last for first, last in self.ids)


_TERMINAL_ONLY = "codec only; the daemon does not send it"
_KEPT_NOT = "answered 0; nothing is kept of it"
_ORDER = "order"

JT808: tuple[Entry808, ...] = (
    Entry808(
        0x0001, "终端通用应答 terminal reply", ALL, "matched with the order that it answers; never answered itself"
    ),
    Entry808(0x0002, "终端心跳 heartbeat", ALL, "answered at once"),
    Entry808(0x0003, "终端注销 unregister", ALL, "voids the code; taken from an authenticated terminal only"),
    Entry808(0x0004, "查询服务器时间 time query", "2019", "answered 0x8004 in UTC, as the text says"),
    Entry808(0x0005, "终端补传分包请求 retransmit request", "2019", "packets of an order under way are sent again"),
    Entry808(0x0100, "终端注册 register", ALL, "answered 0x8100, see sessions"),
    Entry808(0x0102, "终端鉴权 authenticate", ALL, "answered 0 or 1, see sessions"),
    Entry808(0x0104, "查询终端参数应答 parameters reply", ALL, "answer of 0x8104 and 0x8106, kept with the order"),
    Entry808(0x0107, "查询终端属性应答 attributes reply", "2013, 2019", _KEPT_NOT),
    Entry808(0x0108, "终端升级结果 upgrade result", "2013, 2019", _KEPT_NOT),
    Entry808(0x0200, "位置信息汇报 location", ALL, "report; answered when it is in the journal"),
    Entry808(0x0201, "位置信息查询应答 position reply", ALL, "report, and answer of 0x8201"),
    Entry808(0x0500, "车辆控制应答 vehicle control reply", ALL, "the position in it is a report"),
    Entry808(0x0608, "查询区域或线路应答 areas reply", "2019", _KEPT_NOT),
    Entry808(0x0700, "行驶记录数据上传 recorder data", ALL, _KEPT_NOT),
    Entry808(
        0x0701, "电子运单上报 waybill", ALL, "kept; cargo and load of hazmat alarms; answered when in the journal"
    ),
    Entry808(0x0702, "驾驶员身份信息 driver card", ALL, "driver of the reports that follow; answered when it is kept"),
    Entry808(
        0x0704,
        "定位数据批量上传 location batch",
        "2013, 2019",
        "reports, type 1 as backfill; answered when in the journal",
    ),
    Entry808(0x0705, "CAN 总线数据 CAN data", "2013, 2019", _KEPT_NOT),
    Entry808(0x0800, "多媒体事件 media event", ALL, "answered 3: nothing here keeps it"),
    Entry808(0x0801, "多媒体数据 media data", ALL, "answered 3, so that the terminal keeps its picture; no 0x8800"),
    Entry808(0x0900, "数据上行透传 transparent data", ALL, _KEPT_NOT),
    Entry808(0x0901, "数据压缩上报 compressed data", ALL, _KEPT_NOT),
    Entry808(0x0A00, "终端 RSA 公钥 terminal key", ALL, _KEPT_NOT),
    Entry808(0x8001, "平台通用应答 platform reply", ALL, "sent to everything without an answer of its own"),
    Entry808(0x8003, "补传分包请求 retransmit request", "2013, 2019", "sent for packets that are missing"),
    Entry808(0x8004, "查询服务器时间应答 time reply", "2019", "sent"),
    Entry808(0x8100, "终端注册应答 register reply", ALL, "sent"),
    Entry808(0x8103, "设置终端参数 set parameters", ALL, f"{_ORDER} `parameters`"),
    Entry808(0x8104, "查询终端参数 query parameters", ALL, f"{_ORDER} `query_parameters` without `ids`"),
    Entry808(0x8105, "终端控制 terminal control", ALL, _TERMINAL_ONLY),
    Entry808(0x8106, "查询指定终端参数 query some parameters", "2013, 2019", f"{_ORDER} `query_parameters` with `ids`"),
    Entry808(0x8107, "查询终端属性 query attributes", "2013, 2019", _TERMINAL_ONLY),
    Entry808(0x8201, "位置信息查询 position query", ALL, f"{_ORDER} `position`"),
    Entry808(0x8202, "临时位置跟踪控制 track", ALL, _TERMINAL_ONLY),
    Entry808(0x8203, "人工确认报警 confirm alarm", "2013, 2019", _TERMINAL_ONLY),
    Entry808(0x8204, "链路检测 link check", "2019", _TERMINAL_ONLY),
    Entry808(0x8300, "文本信息下发 text", ALL, f"{_ORDER} `text`, and reminders"),
    Entry808(0x8500, "车辆控制 vehicle control", ALL, _TERMINAL_ONLY),
    Entry808(0x8600, "设置圆形区域 set circles", ALL, _TERMINAL_ONLY),
    Entry808(0x8601, "删除圆形区域 delete circles", ALL, _TERMINAL_ONLY),
    Entry808(0x8602, "设置矩形区域 set rectangles", ALL, _TERMINAL_ONLY),
    Entry808(0x8603, "删除矩形区域 delete rectangles", ALL, _TERMINAL_ONLY),
    Entry808(0x8604, "设置多边形区域 set polygon", ALL, _TERMINAL_ONLY),
    Entry808(0x8605, "删除多边形区域 delete polygons", ALL, _TERMINAL_ONLY),
    Entry808(0x8606, "设置路线 set route", ALL, _TERMINAL_ONLY),
    Entry808(0x8607, "删除路线 delete routes", ALL, _TERMINAL_ONLY),
    Entry808(0x8608, "查询区域或线路 query areas", "2019", _TERMINAL_ONLY),
    Entry808(0x8702, "上报驾驶员身份信息请求 query driver card", "2013, 2019", _TERMINAL_ONLY),
    Entry808(0x8800, "多媒体数据上传应答 media reply", ALL, _TERMINAL_ONLY),
    Entry808(0x8900, "数据下行透传 transparent data", ALL, _TERMINAL_ONLY),
    Entry808(0x8A00, "平台 RSA 公钥 platform key", ALL, _TERMINAL_ONLY),
)
"""Messages of the codec."""

_UP_RAW = "answered 3"
_DOWN_RAW = "not sent"

_VENDORS = (0x0109, 0x0210, 0x0310, 0x0506, 0x1007, 0x1300, 0x2070, 0x4401, 0x6006, 0x8888)
"""Ids of vendors that the wire reference names."""

UNSUPPORTED_808: tuple[Unsupported, ...] = (
    Unsupported(
        ((0x0301, 0x0303), (0x8301, 0x8304)),
        "事件 提问 信息点播 events, questions, information menus (removed in 2019)",
        f"no use for alarms; {_UP_RAW}, {_DOWN_RAW}",
    ),
    Unsupported(
        ((0x0802, 0x0802), (0x0805, 0x0805), (0x8801, 0x8805)),
        "存储多媒体检索 摄像头立即拍摄 录音 stored media, shots, recordings",
        f"media are not kept; {_UP_RAW}, {_DOWN_RAW}",
    ),
    Unsupported(
        ((0x8700, 0x8701),),
        "行驶记录数据采集、参数下传 recorder commands",
        "blocks of GB/T 19056 are not evaluated; not sent",
    ),
    Unsupported(((0x8108, 0x8108),), "下发终端升级包 upgrade package", "this is no manager of terminals; not sent"),
    Unsupported(((0x8400, 0x8401),), "电话回拨 电话本 call back, telephone book", "not sent"),
    Unsupported(
        ((0x1003, 0x1206),), "JT/T 1078 视频 video", f"another standard; {_UP_RAW}. Items 0x14 to 0x18 are decoded"
    ),
    Unsupported(
        ((0x1210, 0x1212), (0x9208, 0x9208), (0x9212, 0x9212)),
        "主动安全附件 active-safety attachments (苏标 粤标)",
        f"they go to a file server; {_UP_RAW}, not asked for. Items 0x64 to 0x67 are decoded",
    ),
    Unsupported(
        (*((one, one) for one in _VENDORS), (0xE000, 0xFFFF)),
        "厂家自定义 vendors' own",
        f"they mean something by model only; {_UP_RAW}",
    ),
)
"""Ids that the standard, its neighbours or vendors have and the codec does not take apart."""

UP, DOWN = "up", "down"
_IGNORED = "counted as ignored"
_STATIC = "sent for vehicles whose positions come and that nobody registered, once a day each; answered as lower"
_LIBRARY = "codec and link can; nothing in the daemon asks for it"

JT809: tuple[Entry809, ...] = (
    Entry809("UpConnectRequest", "主链路登录请求 log-in", UP, ALL, "judged, answered 0x1002", "when we connect"),
    Entry809("UpConnectReply", "主链路登录应答 log-in reply", DOWN, ALL, "link up, or refusal counted", "answer"),
    Entry809("UpDisconnectRequest", "主链路注销请求 log-out", UP, ALL, "checked, answered 0x1004", "when we stop"),
    Entry809("UpDisconnectReply", "主链路注销应答 log-out reply", DOWN, ALL, "closes the link", "answer"),
    Entry809("UpLinkTest", "主链路连接保持 main link test", UP, ALL, "answered 0x1006", "after 1 min of silence"),
    Entry809("UpLinkTestReply", "主链路连接保持应答 main link test reply", DOWN, ALL, "keeps it alive", "answer"),
    Entry809(
        "UpDisconnectInform", "主链路断开通知 main link broken", UP, ALL, "logged", "on the sub link, when main breaks"
    ),
    Entry809("UpCloseLinkInform", "下级主动关闭通知 lower closes", UP, ALL, "logged", "when we stop"),
    Entry809(
        "UpManageReply",
        "链路与传输情况应答 traffic report",
        UP,
        "2019",
        _IGNORED,
        "answer of 0x9102: breaks of the main link since our start; nothing counts as lost",
    ),
    Entry809(
        "UpManageSequences", "序列号通知 last numbers", UP, "2019", _IGNORED, "after the log-in; counters start at 0"
    ),
    Entry809(
        "UpRegister",
        "上传车辆注册信息 vehicle announced",
        UP,
        ALL,
        "into the registry or a conflict; 2019 answered 0x9201, result 1",
        "by `[[exchange.forward]]`, once per connection",
    ),
    Entry809("UpRealLocation", "实时上传定位 live position", UP, ALL, "report", "by `[[exchange.forward]]`"),
    Entry809(
        "UpHistoryLocation",
        "定位自动补报 positions made up",
        UP,
        ALL,
        "reports, as backfill",
        "by `[[exchange.forward]]`: received longer ago than `live_s`",
    ),
    Entry809(
        "UpReturnStartupReply", "启动交换应答 exchange begun", UP, ALL, _IGNORED, "answer; nothing follows from it"
    ),
    Entry809("UpReturnEndReply", "结束交换应答 exchange ended", UP, ALL, _IGNORED, "answer; nothing follows from it"),
    Entry809("UpApplyStartup", "申请交换指定车辆 exchange wanted", UP, ALL, "answered 0x9207, result 1 (no data)", "–"),
    Entry809("UpApplyEnd", "取消交换指定车辆 exchange cancelled", UP, ALL, "answered 0x9208, result 1", "–"),
    Entry809(
        "UpApplyHistory", "补发定位请求 positions wanted again", UP, ALL, "answered 0x9209, result 2 (no data)", "–"
    ),
    Entry809(
        "UpDriverInfoReply", "驾驶员身份应答 driver", UP, ALL, "kept by plate", "answer: the driver kept by plate"
    ),
    Entry809(
        "UpWaybillReply", "电子运单应答 waybill", UP, ALL, "journal and `/waybills`", "answer: the latest waybill"
    ),
    Entry809("UpDriverInfo", "主动上报驾驶员 driver, unasked", UP, ALL, "kept by plate", _LIBRARY),
    Entry809("UpWaybill", "主动上报电子运单 waybill, unasked", UP, ALL, "journal and `/waybills`", _LIBRARY),
    Entry809("UpRouteInfo", "主动上报路线 route, unasked", UP, "2019", _IGNORED, "–"),
    Entry809(
        "UpPostQueryReply", "平台查岗应答 inquiry answer", UP, ALL, "joined to the inquiry", "when a person answers"
    ),
    Entry809("UpPlatformInfoReply", "平台间报文应答 text receipt", UP, ALL, "joined to the text", "when it is stored"),
    Entry809(
        "UpRetransmitRequest",
        "消息补传请求 messages wanted again",
        UP,
        "2019",
        "sent again from memory",
        "with `request_missing`",
    ),
    Entry809("UpUrgeTodoReply", "报警督办应答 order answer", UP, ALL, "joined to the order", "when a person answers"),
    Entry809(
        "UpWarnInfo",
        "上报报警信息 alarm",
        UP,
        ALL,
        "`/platform-alarms`",
        "by `[[sinks.jt809]]`, each edition of an alarm",
    ),
    Entry809(
        "UpWarnHandled",
        "主动上报报警处理结果 alarm result",
        UP,
        "2011 with supplement",
        "joined to the alarm",
        "by `[[sinks.jt809]]`, for an alarm that is withdrawn",
    ),
    Entry809("UpWarnTips", "上报报警预警 pre-warning", UP, "2019", "`/platform-alarms`", "–"),
    Entry809("UpUrgeTodoReplyInfo", "上报督办应答 order answer passed up", UP, "2019", _IGNORED, "–"),
    Entry809(
        "UpWarnResult",
        "主动上报报警处理结果 alarm result",
        UP,
        "2019",
        "joined to the alarm",
        "by `[[sinks.jt809]]`, for an alarm that is withdrawn",
    ),
    Entry809("UpUrgeTodoInfo", "上报督办请求 order passed up", UP, "2019", _IGNORED, "–"),
    Entry809("UpMonitorVehicleReply", "单向监听应答 listening", UP, ALL, _IGNORED, "answer: 1, failed"),
    Entry809("UpTakePhotoReply", "拍照应答 photo", UP, ALL, _IGNORED, "answer: 0, unsupported"),
    Entry809("UpTextReply", "车辆报文应答 text to vehicle", UP, ALL, _IGNORED, "answer: 1, failed"),
    Entry809("UpTakeTravelReply", "行驶记录应答 driving record", UP, ALL, _IGNORED, "answer: an empty record"),
    Entry809("UpEmergencyReply", "应急接入应答 emergency access", UP, ALL, _IGNORED, "answer: 2, other"),
    Entry809(
        "UpVehicleAddedReply",
        "补报车辆静态信息应答 static data",
        UP,
        ALL,
        "into the registry or a conflict",
        "answer: what the registry says",
    ),
    Entry809("UpVehicleRoute", "补报行驶路线 route", UP, "2019", _IGNORED, "–"),
    Entry809("DownConnectRequest", "从链路连接请求 sub link", DOWN, ALL, "judged, answered 0x9002", "when main is up"),
    Entry809("DownConnectReply", "从链路连接应答 sub link reply", UP, ALL, "sub link up, or closed", "answer"),
    Entry809(
        "DownDisconnectRequest", "从链路注销请求 sub log-out", DOWN, ALL, "checked, answered 0x9004", "when we stop"
    ),
    Entry809("DownDisconnectReply", "从链路注销应答 sub log-out reply", UP, ALL, "closes the sub link", "answer"),
    Entry809("DownLinkTest", "从链路连接保持 sub link test", DOWN, ALL, "answered 0x9006", "after 1 min of silence"),
    Entry809("DownLinkTestReply", "从链路连接保持应答 sub link test reply", UP, ALL, "keeps it alive", "answer"),
    Entry809(
        "DownDisconnectInform", "从链路断开通知 sub link broken", DOWN, ALL, "logged", "when there is no sub link"
    ),
    Entry809("DownCloseLinkInform", "上级主动关闭通知 upper closes", DOWN, ALL, "logged", "when we stop"),
    Entry809(
        "DownTotalReceived",
        "定位信息数量通知 number of positions",
        "2011 down, 2019 up",
        ALL,
        _IGNORED,
        "every `count_notice_s`: received (2011), sent (2019)",
    ),
    Entry809("DownManageRequest", "链路与传输情况请求 traffic report wanted", DOWN, "2019", "answered 0x1102", "–"),
    Entry809("DownManageSequences", "序列号通知 last numbers", DOWN, "2019", _IGNORED, "after the log-in"),
    Entry809("DownRegisterReply", "车辆注册应答 vehicle taken", DOWN, "2019", _IGNORED, "answer: 1, done"),
    Entry809("DownCarLocation", "交换定位信息 position exchanged", DOWN, ALL, "report", "–"),
    Entry809("DownHistoryLocation", "交换补发 positions exchanged later", DOWN, ALL, "reports, as backfill", "–"),
    Entry809("DownCarInfo", "交换静态信息 static data exchanged", DOWN, ALL, "into the registry or a conflict", "–"),
    Entry809("DownReturnStartup", "启动交换请求 begin exchange", DOWN, ALL, "answered 0x1205", "–"),
    Entry809("DownReturnEnd", "结束交换请求 end exchange", DOWN, ALL, "answered 0x1206", "–"),
    Entry809("DownApplyStartupReply", "申请交换应答 exchange wanted, reply", DOWN, ALL, _IGNORED, "answer: 1, no data"),
    Entry809(
        "DownApplyEndReply", "取消交换应答 exchange cancelled, reply", DOWN, ALL, _IGNORED, "answer: 1, never applied"
    ),
    Entry809("DownApplyHistoryReply", "补发应答 positions wanted, reply", DOWN, ALL, _IGNORED, "answer: 2, no data"),
    Entry809("DownDriverInfoRequest", "驾驶员身份请求 driver wanted", DOWN, ALL, "answered 0x120A", _LIBRARY),
    Entry809("DownWaybillRequest", "电子运单请求 waybill wanted", DOWN, ALL, "answered 0x120B", _LIBRARY),
    Entry809("DownRouteRequest", "路线请求 route wanted", DOWN, "2019", f"{_IGNORED}; routes are not kept", "–"),
    Entry809("DownRouteReply", "路线应答 route, reply", DOWN, "2019", _IGNORED, "–"),
    Entry809(
        "DownPostQuery",
        "平台查岗请求 inquiry",
        DOWN,
        ALL,
        "stored with its deadline; a person answers",
        "`POST /inquiries`",
    ),
    Entry809(
        "DownPlatformInfo", "下发平台间报文 text", DOWN, ALL, "stored, then answered 0x1302", "`POST /platform-texts`"
    ),
    Entry809(
        "DownRetransmitRequest",
        "消息补传请求 messages wanted again",
        DOWN,
        "2019",
        "sent again from memory",
        "with `request_missing`",
    ),
    Entry809(
        "DownUrgeTodo",
        "报警督办请求 supervision order",
        DOWN,
        ALL,
        "stored, joined to our alarm; a person answers",
        "`POST /supervision-orders`",
    ),
    Entry809(
        "DownWarnTips",
        "报警预警 pre-warning",
        DOWN,
        ALL,
        "`/platform-alarms`",
        "2019: before an order about an alarm that the lower platform did not report",
    ),
    Entry809("DownWarnExchange", "实时交换报警 alarm exchanged", DOWN, ALL, "`/platform-alarms`", "–"),
    Entry809("DownMonitorVehicle", "单向监听请求 listen in", DOWN, ALL, "answered 0x1501, failed", "–"),
    Entry809("DownTakePhoto", "拍照请求 take a photo", DOWN, ALL, "answered 0x1502, unsupported", "–"),
    Entry809("DownText", "车辆报文请求 text to a vehicle", DOWN, ALL, "answered 0x1503, failed", "–"),
    Entry809("DownTakeTravel", "行驶记录请求 driving record wanted", DOWN, ALL, "answered 0x1504, empty", "–"),
    Entry809("DownEmergency", "应急接入请求 emergency access", DOWN, ALL, "answered 0x1505, other", "–"),
    Entry809("DownVehicleAdded", "补报静态信息请求 static data wanted", DOWN, ALL, "answered 0x1601", _STATIC),
)
"""Messages of the codec, by class."""

UNSUPPORTED_809: tuple[Unsupported, ...] = (
    Unsupported(
        ((0x1700, 0x17FF), (0x9700, 0x97FF), (0x1800, 0x18FF), (0x9800, 0x98FF)),
        "JT/T 1078 视频 video: authorization and streams",
        "another standard; counted as ignored, logged once per connection, not answered",
    ),
)


def kinds_by_name() -> dict[str, tuple[int, int]]:
    """Message id and sub type of every class of the 809 codec."""
    return {kind.__name__: key for key, kinds in KINDS.items() for kind in kinds}


def written() -> str:
    """The document with its tables as they have to be."""
    text = DOCUMENT.read_text("utf-8")
    for heading, rows in (
        ("Messages of JT/T 808", _table_808()),
        ("JT/T 808: not supported, and why", _unsupported(UNSUPPORTED_808)),
        ("Messages of JT/T 809", _table_809()),
        ("JT/T 809: not supported, and why", _unsupported(UNSUPPORTED_809)),
    ):
        table = "\n".join(rows) + "\n"
        pattern = re.compile(rf"(^##+ {re.escape(heading)}\n(?:(?!^##|^\|).*\n)*)((?:^\|.*\n)+)?", re.MULTILINE)
        found = pattern.search(text)
        if found is None:
            raise LookupError(f"{DOCUMENT.name} has no heading {heading!r}")
        text = text[: found.start()] + found[1].rstrip("\n") + "\n\n" + table + _gap(text, found.end())
    return text


def _gap(text: str, end: int) -> str:
    rest = text[end:].lstrip("\n")
    return f"\n{rest}" if rest else ""


def _table_808() -> Iterable[str]:
    yield "| id | name | direction | decoded, encoded | editions | what the daemon does |"
    yield "|---|---|---|---|---|---|"
    for entry in JT808:
        direction = DOWN if entry.msg_id & 0x8000 else UP
        both = "yes, yes" if entry.taken_apart else "no, no"
        yield f"| `0x{entry.msg_id:04X}` | {entry.name} | {direction} | {both} | {entry.editions} | {entry.use} |"


def _table_809() -> Iterable[str]:
    yield "| id, sub type | name | direction | decoded, encoded | editions | received | sent |"
    yield "|---|---|---|---|---|---|---|"
    ids = kinds_by_name()
    for entry in sorted(JT809, key=lambda one: ids.get(one.kind, (0, 0))):
        msg_id, sub_type = ids.get(entry.kind, (0, 0))
        number = f"`0x{msg_id:04X}` `0x{sub_type:04X}`" if sub_type else f"`0x{msg_id:04X}`"
        both = "yes, yes" if entry.kind in ids else "no, no"
        yield (
            f"| {number} | {entry.name} | {entry.direction} | {both} | {entry.editions} "
            f"| {entry.received} | {entry.sent} |"
        )


def _unsupported(entries: Sequence[Unsupported]) -> Iterable[str]:
    yield "| ids | name | why, and what happens |"
    yield "|---|---|---|"
    for entry in entries:
        ids = " ".join(
            f"`0x{first:04X}`" if first == last else f"`0x{first:04X}`–`0x{last:04X}`" for first, last in entry.ids
        )
        yield f"| {ids} | {entry.name} | {entry.why} |"


if __name__ == "__main__":
    DOCUMENT.write_text(written(), "utf-8")
