"""Authentication codes 鉴权码: bound to the phone, checked without being kept.

A code is an HMAC over the phone and the terminal's generation; an unregistration counts the generation up, and the old
code is void. The same terminal gets the same code again, so a lost answer does no harm, and codes outlive a restart.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import logging
import os
import secrets
import stat
import tempfile
from pathlib import Path

from monitor.errors import ConfigError

log = logging.getLogger(__name__)

_SECRET_BYTES = 32
_CODE_BYTES = 10
"""80 bits, 16 letters: beyond guessing over a network, short enough for every terminal seen."""


class AuthCodes:
    """Codes by one secret."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def code(self, phone: str, generation: int) -> str:
        """16 letters and digits; ``phone`` as in ``Terminal``."""
        digest = hmac.digest(self._secret, f"{phone}\n{generation}".encode(), hashlib.sha256)
        return base64.b32encode(digest[:_CODE_BYTES]).decode("ascii")

    def right(self, phone: str, generation: int, presented: str) -> bool:
        """Whether ``presented`` is the code of this phone; takes the same time for every wrong one."""
        return hmac.compare_digest(self.code(phone, generation).encode(), presented.strip().encode("utf-8", "replace"))


def load_secret(path: Path) -> bytes:
    """The secret in a file of hex digits, made where there is none (readable by the owner alone).

    Raises ``ConfigError`` where it can be neither read nor made.
    """
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            log.warning("%s can be read by others; make it readable by its owner alone", path)
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigError(path=str(path), problems=(("key_file", f"cannot be used: {error}"),)) from error
    if len(secret) < _SECRET_BYTES:
        reason = f"holds {len(secret)} bytes, {_SECRET_BYTES} are needed; without it every terminal registers anew"
        raise ConfigError(path=str(path), problems=(("key_file", reason),))
    return secret


def _make(path: Path) -> None:
    """Whole or not at all; of two processes that make it at once, one wins and both read the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
