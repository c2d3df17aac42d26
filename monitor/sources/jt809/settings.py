"""Settings of JT/T 809 links: one block per link, whatever our role on it.

Passwords are given directly, by the name of an environment variable or by a file; none of them, and no key of the
encryption, is ever shown.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from monitor.codec.jt809.header import Version
from monitor.errors import ConfigError
from monitor.model.exchange import LinkRole
from monitor.model.password import kept_password
from monitor.quality.crs import Crs
from monitor.sources.intake import Feed, SourceClock

_U32 = 0xFFFF_FFFF
PASSWORD_BYTES = 8
"""Of the log-in request, both editions (0x1001)."""


class CipherSettings(BaseModel):
    """Parameters of the body encryption, agreed with the peer out of band (chapter 4.4 of 2011, 4.5 of 2019)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    m1: SecretStr = Field(description="M1, a whole number below 2^32")
    ia1: SecretStr = Field(description="IA1, likewise")
    ic1: SecretStr = Field(description="IC1, likewise")

    @field_validator("m1", "ia1", "ic1", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value

    @field_validator("m1", "ia1", "ic1")
    @classmethod
    def _is_u32(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not (text.isdecimal() and text.isascii() and int(text) <= _U32):
            raise ValueError("a whole number below 2^32 is wanted")
        return value

    def numbers(self) -> tuple[int, int, int]:
        """M1, IA1, IC1."""
        return tuple(int(part.get_secret_value()) for part in (self.m1, self.ia1, self.ic1))  # type: ignore[return-value]


class Jt809LinkSettings(BaseModel):
    """One link. Times without a clause beside them are guesses that held in tests."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$", description="unique among links and sources")
    role: LinkRole = Field(description="what we are: upper (the lower logs in to us) or lower (we log in)")
    version: Version = Field(default=Version.V2019, description="edition spoken on this link: 2011 or 2019")
    access_code: int = Field(ge=0, le=_U32, description="接入码, given by the upper platform, the same both ways")
    user_id: int = Field(ge=0, le=_U32, description="user name of the log-in")
    password: SecretStr | None = Field(default=None, description="of the log-in, at most 8 bytes")
    password_env: str | None = Field(default=None, description="name of the environment variable that holds it")
    password_file: Path | None = Field(default=None, description="file that holds it")
    cipher: CipherSettings | None = Field(default=None, description="to read encrypted bodies, and to write them")
    encrypt: bool = Field(default=False, description="whether what we send is encrypted; needs cipher")
    supplement: bool = Field(
        default=False, description="2011 only: write the forms of the 2013 supplement (both are always read)"
    )

    host: str = Field(
        default="127.0.0.1", description="upper: address to listen on; lower: address of the upper's main link"
    )
    port: int = Field(default=0, ge=0, le=65_535, description="of the main link; upper: 0 = any free one (for tests)")
    sub_link: bool = Field(
        default=True, description="whether a sub link is opened (upper) or listened for (lower); else main alone"
    )
    down_link_host: str = Field(
        default="127.0.0.1", max_length=32, description="lower: address announced for the sub link"
    )
    down_link_port: int = Field(default=0, ge=0, le=65_535, description="lower: its port; 0 = any free one (for tests)")
    down_link_bind: str = Field(default="", description="lower: address to listen on if not the one announced")
    allowed_addresses: tuple[str, ...] = Field(
        default=(),
        description="IP addresses or networks the peer may connect from; upper: empty = any; lower: empty = the "
        "address that its main link reaches the upper at",
    )

    platform_id: str = Field(default="", max_length=11, description="upper: of the lower platform; lower: our own")
    platform: str = Field(default="", description="name of the sender in reports; the name of the link where empty")
    crs: Crs = Field(default=Crs.WGS84, description="coordinates of what is received")
    clock: SourceClock = Field(default=SourceClock.ARRIVAL, description="what counts as the receive time")
    version_flag: tuple[int, int, int] = Field(default=(1, 2, 15), description="protocol version in the header")

    heartbeat_s: float = Field(default=60.0, gt=0, description="idle time before a heartbeat (law: 1 min)")
    dead_s: float = Field(default=180.0, gt=0, description="silence after which a channel is closed (law: 3 min)")
    login_s: float = Field(default=10.0, gt=0, description="for connecting, and for a log-in or log-out to be answered")
    write_s: float = Field(default=30.0, gt=0, description="a peer that reads nothing for this long is disconnected")
    backoff_first_s: float = Field(default=1.0, gt=0, description="first wait before connecting again; doubles")
    backoff_most_s: float = Field(default=60.0, gt=0, description="longest wait before connecting again")
    count_notice_s: float = Field(
        default=600.0, ge=0, description="how often the number of positions is told (0x9101); 0 = never"
    )
    goodbye_s: float = Field(default=2.0, ge=0, description="for a proper log-out when we stop")

    batch_bytes: int = Field(default=256 * 1024, ge=4096, description="an intake ends when this much has been received")
    linger_ms: float = Field(default=20.0, ge=0, le=1_000, description="how long an intake waits to fill")
    desk_queue: int = Field(default=4_096, ge=1, description="messages waiting for the desk; then reading stops")
    write_buffer_bytes: int = Field(
        default=1024 * 1024, ge=4096, description="unsent bytes above which senders wait (back-pressure)"
    )
    resend_bytes: int = Field(
        default=8 * 1024 * 1024, ge=0, description="sent frames kept for retransmit requests (2019)"
    )
    request_missing: bool = Field(
        default=False, description="2019: ask for messages whose numbers were jumped over (not every peer counts right)"
    )
    garbage_frames: int = Field(
        default=1_000, ge=1, description="bad frames in a row, none good between, after which a peer is dropped"
    )

    @field_validator("version", mode="before")
    @classmethod
    def _is_a_year(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    @field_validator("allowed_addresses")
    @classmethod
    def _are_networks(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            ipaddress.ip_network(address, strict=False)
        return addresses

    @field_validator("version_flag")
    @classmethod
    def _are_bytes(cls, parts: tuple[int, int, int]) -> tuple[int, int, int]:
        if not all(0 <= part <= 255 for part in parts):
            raise ValueError("three numbers of 0 to 255 are wanted")
        return parts

    @model_validator(mode="after")
    def _fits(self) -> Jt809LinkSettings:
        given = [value for value in (self.password, self.password_env, self.password_file) if value is not None]
        if len(given) > 1:
            raise ValueError("give one of password, password_env and password_file")
        if self.encrypt and self.cipher is None:
            raise ValueError("encrypt needs cipher")
        if self.role is LinkRole.LOWER and self.port == 0:
            raise ValueError("a lower link needs the port of the upper's main link")
        if self.dead_s <= self.heartbeat_s:
            raise ValueError("dead_s has to be longer than heartbeat_s")
        return self

    def secret(self) -> str:
        """The password, empty if none is set. Raises ``ConfigError`` where its place has none or it is too long."""
        value = kept_password(self.address, self.password, self.password_env, self.password_file) or ""
        if len(value.encode("gb18030")) > PASSWORD_BYTES:
            reason = f"longer than the {PASSWORD_BYTES} bytes that a log-in can carry"
            raise ConfigError(path=self.address, problems=(("password", reason),))
        return value

    @property
    def address(self) -> str:
        """For log lines; holds no secret."""
        return f"jt809://{self.host}:{self.port}"

    @property
    def feed(self) -> Feed:
        return Feed(self.name, self.platform or self.name, crs=self.crs, clock=self.clock)

    def allows(self, address: str) -> bool:
        """Whether ``allowed_addresses`` holds this IP address; always where the list is empty."""
        if not self.allowed_addresses:
            return True
        try:
            peer = ipaddress.ip_address(address.split("%", 1)[0])
        except ValueError:
            return False
        mapped = getattr(peer, "ipv4_mapped", None)
        peer = mapped or peer
        return any(peer in ipaddress.ip_network(network, strict=False) for network in self.allowed_addresses)
