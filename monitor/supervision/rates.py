"""Rates: each is derived from two counts of an indicator row and never stored alone (rulebook §3.2).

A rate is ``None`` where its denominator is zero: nothing to judge is neither 0 % nor 100 %.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from monitor.model.indicator import Indicator


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares 0–1, apart from the two averages, which are per vehicle online."""

    enrolment_rate: float | None  # 入网率: joined / registered
    online_rate: float | None  # 上线率: online / joined
    completeness_rate: float | None  # 轨迹完整率: complete / all mileage
    conformity_rate: float | None  # 数据合格率: qualified / all reports
    drift_rate: float | None  # 漂移车辆率: drifting / online vehicles
    connectivity_rate: float | None  # 连通率: (all − down) / all link minutes
    inquiry_response_rate: float | None  # 查岗响应率: answered / sent
    handling_rate: float | None  # 处理率: handled / all alarms
    speeding_per_vehicle: float | None  # 平均车辆超速次数
    fatigue_s_per_vehicle: float | None  # 平均疲劳驾驶时长, seconds

    def record(self) -> dict[str, float | None]:
        """Name to value, in the order above."""
        return asdict(self)


def ratio(part: int, whole: int) -> float | None:
    """``part / whole``; None where ``whole`` is zero."""
    return part / whole if whole else None


def rates(row: Indicator) -> Rates:
    """Every rate of one indicator row."""
    return Rates(
        enrolment_rate=ratio(row.vehicles_joined, row.vehicles_registered),
        online_rate=ratio(row.vehicles_online, row.vehicles_joined),
        completeness_rate=ratio(row.mileage_complete_m, row.mileage_m),
        conformity_rate=ratio(row.reports_qualified, row.reports_total),
        drift_rate=ratio(row.vehicles_drift, row.vehicles_online),
        connectivity_rate=ratio(row.link_minutes - row.link_down_minutes, row.link_minutes),
        inquiry_response_rate=ratio(row.inquiries_answered_n, row.inquiries_n),
        handling_rate=ratio(row.alarms_handled_n, row.alarms_n),
        speeding_per_vehicle=ratio(row.speeding_n, row.vehicles_online),
        fatigue_s_per_vehicle=ratio(row.fatigue_s, row.vehicles_online),
    )
