"""Where a simulated fleet or platform is to connect, from a URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from monitor.codec.jt809 import Cipher, Version
from monitor.errors import ConfigError
from simulators.jt809.settings import PlatformSettings

JT808_PORT = 6808
JT809_PORT = 6809
PASSWORD_VARIABLE = "VDM_JT809_PASSWORD"
CIPHER_VARIABLE = "VDM_JT809_CIPHER"
"""``M1,IA1,IC1``; what is sent is encrypted where it is set."""

_QUERY = ("access_code", "version", "down_host", "down_port", "platform_id", "sub_link")


@dataclass(frozen=True, slots=True)
class TerminalTarget:
    """A JT/T 808 server."""

    host: str
    port: int


def link_target_of(url: str, environment: Mapping[str, str] = os.environ) -> TerminalTarget | PlatformSettings:
    """``jt808://host[:port]`` or ``jt809://user[:password]@host[:port]?access_code=…&version=2019``.

    Further of jt809: ``down_host``, ``down_port`` (of the sub link), ``sub_link=0``, ``platform_id``. The password may
    come from ``VDM_JT809_PASSWORD``, the encryption from ``VDM_JT809_CIPHER``. Raises ConfigError.
    """
    problems: list[tuple[str, str]] = []
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(path="--to", problems=(("url", str(error)),)) from error
    if parts.scheme not in ("jt808", "jt809") or not parts.hostname:
        reason = "is no jt808://host[:port] or jt809://user@host[:port]?access_code=… address"
        raise ConfigError(path="--to", problems=(("url", reason),))
    if parts.scheme == "jt808":
        return TerminalTarget(parts.hostname, port or JT808_PORT)
    query = dict(parse_qsl(parts.query))
    problems += [(name, f"is none of {', '.join(_QUERY)}") for name in query if name not in _QUERY]
    numbers: dict[str, int] = {}
    wanted = {"access_code": query.get("access_code"), "user": unquote(parts.username or "")}
    for name, text in {**wanted, "down_port": query.get("down_port", "0")}.items():
        if text is None or not text.isdecimal() or int(text) > 0xFFFF_FFFF:
            problems.append((name, "is no whole number" if text else "is missing"))
        else:
            numbers[name] = int(text)
    edition = query.get("version", "2019")
    if edition not in [str(int(version)) for version in Version]:
        problems.append(("version", f"{edition!r} is neither 2011 nor 2019"))
    cipher = _cipher(environment.get(CIPHER_VARIABLE, ""), problems)
    if problems:
        raise ConfigError(path="--to", problems=tuple(problems))
    return PlatformSettings(
        version=Version(int(edition)),
        access_code=numbers["access_code"],
        user_id=numbers["user"],
        password=unquote(parts.password) if parts.password else environment.get(PASSWORD_VARIABLE, ""),
        platform_id=query.get("platform_id", "62072400001"),
        host=parts.hostname,
        port=port or JT809_PORT,
        sub_link=query.get("sub_link", "1") not in ("0", "no", "false"),
        down_host=query.get("down_host", "127.0.0.1"),
        down_port=numbers["down_port"],
        cipher=cipher,
        encrypt=cipher is not None,
    )


def _cipher(text: str, problems: list[tuple[str, str]]) -> Cipher | None:
    if not text:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isdecimal() and int(part) <= 0xFFFF_FFFF for part in parts):
        problems.append((CIPHER_VARIABLE, "three whole numbers below 2^32 with commas between them are wanted"))
        return None
    m1, ia1, ic1 = (int(part) for part in parts)
    return Cipher(m1, ia1, ic1)
