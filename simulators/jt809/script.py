"""What a platform says and does other than the usual."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.model.exchange import HandlingResult


@dataclass(slots=True)
class UpperScript:
    """What it does other than the usual. ``login_result``: what a log-in gets, whatever it says."""

    login_result: int | None = None
    verify_code: int = 0x5EC2E7
    brings_verify_code: int | None = None  # on the sub link, in place of the one it gave
    no_login_answer: bool = False
    cut_after_login: bool = False


@dataclass(slots=True)
class LowerScript:
    """What it says and does other than the usual. ``password`` and the like: instead of the right ones in a log-in.

    ``handling`` are the results that a supervision request gets, one answer each, the first at once and the others
    ``handling_s`` apart.
    """

    user_id: int | None = None
    password: str | None = None
    access_code: int | None = None
    refuse_sub_link: bool = False
    inquiry_answer: str = "在岗"
    responder: str = "值班员"
    responder_tel: str = "09360000000"
    handling: tuple[HandlingResult, ...] = (HandlingResult.IN_PROGRESS, HandlingResult.DONE)
    handling_s: float = 0.2
    waybill: str = "货物:=汽油;重量:=20t"
    driver: str = "SIM-D00001A"
    static_fields: dict[str, str] = field(default_factory=lambda: {"TRANS_TYPE": "030", "OWERS_NAME": "虚构运输公司"})
