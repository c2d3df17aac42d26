"""What all messages have in common."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

import msgspec


class Form(IntEnum):
    """Which of several layouts a message has or is to have.

    ``STANDARD`` is that of the link's edition; for 2011 with the supplement of 2013, where that changes the message.
    An answer repeats the form of its question.
    """

    STANDARD = 0
    PLAIN = 1  # 2011 without the supplement
    VARIANT = 2  # of the official test laboratory or of a widespread program; the message's docstring says which
    OTHER_EDITION = 4  # that of 2011 in a frame of 2019, or the reverse
    OTHER_EDITION_PLAIN = 5
    OTHER_EDITION_VARIANT = 6

    @property
    def of_other_edition(self) -> bool:
        return self >= Form.OTHER_EDITION

    @property
    def there(self) -> Form:
        """The form as the edition itself calls it that the layout is of."""
        return Form(self & 3)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as named fields, for all editions: a field that an edition lacks has its default.

    Times ``*_ms`` are epoch ms (the wire has seconds), 0 = none. ``source_type`` and ``source_sn`` (2019) are sub type
    and header number of the message that is answered. ``tail`` is what stood behind the last field.
    """

    msg_id: ClassVar[int]
    """Business type 业务数据类型."""
    sub_type: ClassVar[int] = 0
    """Sub-business type 子业务类型; 0 where a message has none."""

    form: Form = Form.STANDARD
    tail: bytes = b""


class VehicleMessage(Message, frozen=True, kw_only=True):
    """A message about one vehicle: plate and colour code stand in front of it on the wire.

    Exceptions: 0x14xx and 0x94xx have no plate in front in 2019 (0x1402 and its like name it inside).
    """

    plate: str = ""
    plate_color: int = 0


class RawMessage(Message, frozen=True, kw_only=True):
    """A message that is not taken apart: ``raw`` is the whole body. ``sub_type`` is 0 if none can be told."""

    msg_id: int  # type: ignore[misc]  # known only per message here
    raw: bytes
    sub_type: int = 0  # type: ignore[misc]
