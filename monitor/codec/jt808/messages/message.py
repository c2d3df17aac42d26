"""What all messages have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Self

import msgspec

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer

Editions = Mapping[Version, tuple[Version, ...]]
"""For the version that is known, the layouts to try in turn."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message body as named fields; ``tail`` is what a sender put behind the last field, empty in a proper one.

    A message class states its ``msg_id`` and reads and writes its own fields. One whose layout differs between
    editions that a header cannot tell apart names the other ``editions`` to be tried when a body does not fit exactly.
    """

    EDITIONS: ClassVar[Editions] = {}

    tail: bytes = b""

    @property
    def msg_id(self) -> int:
        """Message id 消息ID."""
        return 0

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        """The message from the cursor on, in the layout of ``version``; a body without fields unless overridden."""
        return cls()

    def write(self, out: Writer, version: Version) -> None:
        """Append the body in the layout of ``version``, without ``tail``."""


OLDER_EITHER_WAY: Final[Editions] = {
    Version.V2011: (Version.V2011, Version.V2013),
    Version.V2013: (Version.V2013, Version.V2011),
    Version.V2019: (Version.V2019, Version.V2013),
}
"""``EDITIONS`` of messages that 2011, 2013 and 2019 lay out differently."""


class RawMessage(Message, frozen=True):
    """A message that is not taken apart."""

    msg_id: int
    raw: bytes = b""

    def write(self, out: Writer, version: Version) -> None:
        out.raw(self.raw)
