"""An alarm's evidence as a page for a person: what, why, the run, the reports, and how sure all of it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from monitor.cli.explain_frames import frame_lines
from monitor.cli.explain_reports import report_table
from monitor.cli.explain_words import kind_word, length, word
from monitor.cli.language import Language, said
from monitor.engine.rule import Rule
from monitor.model.beijing import parse_iso
from monitor.model.evidence import AlarmEvidence, Around, Evidence, RunStretch, Value
from monitor.rules import load_rules

_CLOCK = slice(11, 16)  # HH:MM of an ISO time


def print_explanation(console: Console, found: AlarmEvidence, tongue: Language, *, raw: bool = False) -> None:
    """Print the page; with ``raw`` all bytes of its frames."""
    Page(console, found, tongue, raw).print()


class Page:
    """One alarm and its evidence."""

    def __init__(self, console: Console, found: AlarmEvidence, tongue: Language, raw: bool) -> None:
        self._console = console
        self._raw = raw
        self._alarm = found.alarm
        self._pieces = found.evidence
        self._tongue = tongue
        rules = {rule.name: rule for rule in load_rules()}
        self._rule: Rule | None = rules.get(self._text("rule"))

    def print(self) -> None:
        """All of it; what is not known has no line."""
        self._head()
        self._why()
        if not self._pieces:
            self._line(said(self._tongue, "依据", "evidence"), said(self._tongue, "未保存", "none was kept"))
        self._run()
        for piece in self._shown():
            self._reports(piece)
        self._doubts()
        self._settings()
        self._log()

    def _head(self) -> None:
        tongue, rule = self._tongue, self._rule
        title = said(tongue, rule.title_zh, rule.title_en) if rule else self._text("rule")
        kind = kind_word(tongue, self._text("rule"), self._text("kind"))
        parts = [f"{title} {kind}".strip(), *(word(tongue, self._text(name)) for name in ("grade", "certainty"))]
        if self._flag("suspected_serious"):
            parts.append(said(tongue, "涉嫌严重超速", "suspected serious"))
        self._console.print(" · ".join([*parts, word(tongue, self._text("state"))]), style="bold")
        self._line(said(tongue, "编号", "alarm"), self._text("alarm_id"))
        who = [self._text("plate"), self._text("vehicle_id"), word(tongue, self._text("vehicle_class"))]
        self._line(said(tongue, "车辆", "vehicle"), " ".join(dict.fromkeys(part for part in who if part)))
        self._line(said(tongue, "企业", "enterprise"), self._text("enterprise_id"))
        self._line(said(tongue, "驾驶员", "driver"), self._text("driver_id"))
        self._line(said(tongue, "时间", "when"), self._when())
        for which, zh, en in (("start", "起点", "from"), ("end", "终点", "to")):
            self._line(said(tongue, zh, en), self._place(which))

    def _when(self) -> str:
        onset, end = self._text("onset"), self._text("end")
        if not end:
            return said(self._tongue, f"{_day_and_time(onset)} 起", f"since {_day_and_time(onset)}")
        lasted = length(self._tongue, (parse_iso(end) - parse_iso(onset)) / 1000)
        reason = word(self._tongue, self._text("end_reason"))
        when = f"{_day_and_time(onset)} – {_day_and_time(end)}"
        return said(self._tongue, f"{when}，共 {lasted}（{reason}）", f"{when}, {lasted} ({reason})")

    def _place(self, which: str) -> str:
        lon, lat = self._number(f"{which}_lon"), self._number(f"{which}_lat")
        where = f"{lon:.6f}, {lat:.6f}" if lon is not None and lat is not None else ""
        named = self._text(f"{which}_place")
        return f"{named}（{where}）" if named and where else named or where

    def _why(self) -> None:
        tongue = self._tongue
        unit = word(tongue, self._rule.unit.replace("–", "")) if self._rule else ""
        peak, limit = self._number("peak"), self._number("limit")
        parts: list[str] = []
        if peak is not None:
            parts.append(said(tongue, f"最大 {_figure(peak)} {unit}", f"peak {_figure(peak)} {unit}").strip())
        if limit is not None:
            parts.append(said(tongue, f"限值 {_figure(limit)} {unit}", f"limit {_figure(limit)} {unit}").strip())
        if peak is not None and limit is not None and peak > limit:
            share = f" ({(peak - limit) / limit:.0%})" if limit else ""
            parts.append(said(tongue, "超出", "over by") + f" {_figure(peak - limit)} {unit}".rstrip() + share)
        reports = self._number("n_reports")
        if reports:
            parts.append(said(tongue, f"{reports:.0f} 条报告", f"{reports:.0f} reports"))
        distance = self._number("distance_m")
        if distance:
            parts.append(f"{distance / 1000:.2f} km")
        self._line(said(tongue, "依据", "why"), said(tongue, "，", ", ").join(parts))
        self._line(said(tongue, "限值来源", "limit from"), self._limit())
        self._line(said(tongue, "被抑制", "inhibited by"), self._text("inhibited_by"))

    def _limit(self) -> str:
        limit = next((piece.limit for piece in reversed(self._pieces) if piece.limit is not None), None)
        tongue = self._tongue
        if limit is None:
            return word(tongue, self._text("limit_source"))
        parts = [word(tongue, limit.source)]
        if limit.section_id:
            named = " ".join(part for part in (limit.section_name, f"[{limit.section_id}]") if part)
            parts.append(said(tongue, f"路段 {named} {word(tongue, limit.road_class)}", f"on {named}").strip())
        if limit.posted_kmh is not None:
            parts.append(said(tongue, f"标志 {limit.posted_kmh:g} km/h", f"posted {limit.posted_kmh:g} km/h"))
        surveyed = " ".join(part for part in (limit.surveyed_by, limit.surveyed_on) if part)
        if surveyed:
            parts.append(said(tongue, f"测于 {surveyed}", f"surveyed {surveyed}"))
        if limit.fence_id:
            named = f"{limit.fence_name} [{limit.fence_id}]".strip()
            parts.append(said(tongue, f"围栏 {named}", f"fence {named}"))
        if limit.permit_id:
            parts.append(said(tongue, f"通行证 {limit.permit_id}", f"permit {limit.permit_id}"))
        return said(tongue, "，", ", ").join(part for part in parts if part)

    def _run(self) -> None:
        piece = next((piece for piece in reversed(self._pieces) if piece.run), None)
        if piece is None:
            return
        self._title(said(self._tongue, "运行过程", "The run"))
        if piece.run_cut:
            self._console.print(said(self._tongue, "  （更早的部分从略）", "  (earlier parts are left out)"))
        day = ""
        for stretch in piece.run:
            self._console.print("  " + self._stretch(stretch, "" if stretch.begin[:10] == day else stretch.begin[5:10]))
            day = stretch.begin[:10]

    def _stretch(self, stretch: RunStretch, day: str) -> str:
        tongue = self._tongue
        until = said(tongue, "至今", "now") if stretch.open else stretch.end[_CLOCK]
        parts = [
            f"{day:5} {stretch.begin[_CLOCK]}–{until}",
            word(tongue, stretch.kind),
            said(tongue, f"{stretch.minutes:g} 分钟", f"{stretch.minutes:g} min"),
        ]
        if stretch.distance_km >= 0.1:
            parts.append(f"{stretch.distance_km:.1f} km")
        if stretch.short_stops:
            stops, minutes = stretch.short_stops, f"{stretch.short_stop_minutes or 0:g}"
            parts.append(
                said(
                    tongue, f"其中短停 {stops} 次共 {minutes} 分钟", f"with {stops} short stops of {minutes} min in all"
                )
            )
        return "  ".join([*parts, stretch.driver]).rstrip()

    def _shown(self) -> Iterator[Evidence]:
        """The pieces whose reports are worth a table: the first around the begin, the last around the end."""
        for around, pieces in ((Around.BEGIN, self._pieces), (Around.END, self._pieces[::-1])):
            piece = next((one for one in pieces if one.around is around and one.reports), None)
            if piece is not None:
                yield piece

    def _reports(self, piece: Evidence) -> None:
        tongue = self._tongue
        begin = piece.around is Around.BEGIN
        marked = piece.clocks.onset if begin else piece.clocks.end
        about = said(tongue, "开始前后的报告", "Reports around the begin")
        self._title(about if begin else said(tongue, "结束前后的报告", "Reports around the end"))
        self._console.print(report_table(piece.reports, marked, tongue))
        if piece.frames or piece.frames_gone:
            self._title(said(tongue, "原始报文", "As received"))
        for line in frame_lines(piece, tongue, self._raw):
            self._console.print(line)

    def _doubts(self) -> None:
        """How far times may be off, and what is wrong with the reports."""
        tongue = self._tongue
        begin = _last_number(self._pieces, "begin_s")
        end = _last_number(self._pieces, "end_s")
        interval = _last_number(self._pieces, "interval_s")
        told: list[str] = []
        if begin is not None:
            text = length(tongue, begin)
            told.append(said(tongue, f"开始 ±{text}（与前一条报告的间隔）", f"begin ±{text} (since the report before)"))
        if end is not None:
            text = length(tongue, end)
            told.append(said(tongue, f"结束 ±{text}（与后一条报告的间隔）", f"end ±{text} (until the report after)"))
        if interval is not None:
            text = length(tongue, interval)
            told.append(said(tongue, f"上报间隔 {text}", f"the vehicle reports every {text}"))
        quality = {name: n for piece in self._shown() for name, n in piece.quality.items()}
        if told or quality or self._flag("late"):
            self._title(said(tongue, "可信程度", "How sure"))
        if told:
            self._console.print("  " + said(tongue, "，", ", ").join(told))
        if quality:
            parts = [f"{word(tongue, name)} {n}" for name, n in quality.items()]
            self._console.print("  " + said(tongue, "报告质量：", "of the reports: ") + ", ".join(parts))
        if self._flag("late"):
            self._console.print("  " + said(tongue, "报告迟到", "the reports came late"))
        if self._flag("provisional"):
            note = said(tongue, "实时结果，结算后可能修订", "a live answer, which settlement may still revise")
            self._console.print(f"  {note}")

    def _settings(self) -> None:
        found = next((piece.rule for piece in reversed(self._pieces) if piece.rule is not None), None)
        if found is None:
            return
        tongue = self._tongue
        self._title(said(tongue, "规则与参数", "Rule and settings"))
        version = said(tongue, "版本", "version")
        self._console.print(f"  {found.name}  {version} {found.version}  monitor {found.program}")
        defaults = self._rule.settings().model_dump(mode="json") if self._rule is not None else {}
        for name in found.changed:
            was = defaults.get(name)
            standard = "" if was is None else said(tongue, f"（默认 {was}）", f" (default {was})")
            self._console.print(f"  rules.{found.name}.{name} = {found.settings.get(name, '…')}{standard}")
        if not found.changed:
            self._console.print("  " + said(tongue, "均为默认值", "all as by default"))

    def _log(self) -> None:
        """Every change, by the engine's clock."""
        if not self._pieces:
            return
        tongue = self._tongue
        self._title(said(tongue, "经过", "What happened"))
        for piece in self._pieces:
            words = [word(tongue, text) for text in (piece.transition.value, piece.grade, piece.certainty)]
            self._console.print(f"  {piece.sequence}  {_day_and_time(piece.clocks.found)}  {' '.join(words)}")

    def _title(self, text: str) -> None:
        self._console.print()
        self._console.print(text, style="bold")

    def _line(self, name: str, text: str) -> None:
        if text:
            self._console.print(f"{name}  {text}")

    def _text(self, name: str) -> str:
        value = self._alarm.get(name)
        return "" if value is None else str(value)

    def _number(self, name: str) -> float | None:
        value: Value = self._alarm.get(name)
        return float(value) if isinstance(value, int | float) else None

    def _flag(self, name: str) -> bool:
        return self._alarm.get(name) is True


def _figure(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _last_number(pieces: Sequence[Evidence], name: str) -> float | None:
    """The last number stated; a later piece knows more."""
    for piece in reversed(pieces):
        value = None if piece.uncertainty is None else getattr(piece.uncertainty, name)
        if value is not None:
            return float(value)
    return None


def _day_and_time(text: str) -> str:
    """``2026-03-02 22:10:05`` of an ISO time."""
    return text[:19].replace("T", " ")
