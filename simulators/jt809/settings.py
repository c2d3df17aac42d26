"""What two platforms have to agree on before they talk."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.codec.jt809 import Cipher, Version


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """One side of a link. ``port`` is that of the main link (0 = any free one, for an upper platform).

    ``sub_link`` False: an upper platform opens none, a lower one announces a port where nobody listens. ``encrypt``
    needs ``cipher``; what arrives is decrypted with it in any case. ``heartbeat_s`` 0: no heartbeats of its own.
    """

    version: Version = Version.V2019
    access_code: int = 620_724
    user_id: int = 1001
    password: str = "sim-pass"
    platform_id: str = "62072400001"
    host: str = "127.0.0.1"
    port: int = 0
    sub_link: bool = True
    down_host: str = "127.0.0.1"
    down_port: int = 0
    cipher: Cipher | None = None
    encrypt: bool = False
    version_flag: bytes = b"\x01\x02\x0f"
    heartbeat_s: float = 60.0
    timeout_s: float = 10.0

    def __repr__(self) -> str:
        return f"PlatformSettings({self.version}, {self.access_code}, {self.host}:{self.port})"
