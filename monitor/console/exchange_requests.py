"""What people write through the REST API to other platforms (JT/T 809). The bounds of texts are those of the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from monitor.console.exchange_words import LevelWord, ResultWord
from monitor.supervision.connectivity import OutageCause

ObjectType = Annotated[int, Field(ge=0, le=9, description="查岗对象类型: 1 the connected platform, 2 one operator, …")]
ObjectId = Annotated[str, Field(max_length=20, description="default: the platform's own id")]


class _New(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewInquiry(_New):
    """Ask a lower platform 查岗."""

    link: str = Field(min_length=1, max_length=64)
    question: str = Field(min_length=1, max_length=500)
    minutes: int = Field(default=10, ge=1, le=255, description="for the answer")
    object_type: ObjectType = 1
    object_id: ObjectId = ""


class NewInquiryAnswer(_New):
    """Answer an inquiry asked of us."""

    answer: str = Field(min_length=1, max_length=500)
    responder: str = Field(default="", max_length=8)
    responder_tel: str = Field(default="", max_length=20)


class NewText(_New):
    """Send a text to a lower platform."""

    link: str = Field(min_length=1, max_length=64)
    text: str = Field(min_length=1, max_length=500)
    object_type: ObjectType = 1
    object_id: ObjectId = ""


class NewOrder(_New):
    """Order the platform of a vehicle to handle an alarm 督办."""

    alarm_id: str = Field(min_length=36, max_length=36)
    deadline: str = Field(description="ISO 8601, in the future")
    supervisor: str = Field(min_length=1, max_length=8)
    level: LevelWord = LevelWord.NORMAL
    tel: str = Field(default="", max_length=20)
    email: str = Field(default="", max_length=32)
    link: str = Field(default="", max_length=64, description="only where the vehicle does not tell it")


class NewOrderAnswer(_New):
    """Answer an order given to us; ``in_progress`` and ``later`` leave it open."""

    result: ResultWord
    content: str = Field(default="", max_length=500, description="kept here; the wire has no room for it")


class NewOutage(_New):
    """Announce an outage. What ``upper`` and ``carrier`` cause is not counted as down time."""

    since: str = Field(alias="from", description="ISO 8601")
    until: str = Field(alias="to", description="ISO 8601")
    cause: OutageCause
    reason: str = Field(default="", max_length=500)
