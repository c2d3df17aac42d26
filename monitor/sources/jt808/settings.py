"""Settings of the JT/T 808 server. Numbers without a source are guesses that held at the measured rates."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from monitor.quality.crs import Crs
from monitor.sources.intake import Codec, Feed


class Policy(StrEnum):
    """What becomes of terminals that the registry does not know."""

    ACCEPT_UNREGISTERED = "accept_unregistered"
    REJECT = "reject"


class Authentication(StrEnum):
    """Whether a terminal has to present its code (0x0102) before anything else of it is taken.

    ``optional`` is for devices that begin with heartbeats or positions; a wrong code is refused all the same, and a
    terminal that has presented its code is never displaced by one that has not.
    """

    REQUIRED = "required"
    OPTIONAL = "optional"


class Jt808Settings(BaseModel):
    """One listening port for terminals. Times on the wire are GMT+8 by the standard; that is no setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$", description="unique among the sources")
    host: str = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0 for every one")
    port: int = Field(default=6808, ge=0, le=65_535, description="0 takes a free one")
    platform: str = Field(default="", description="source of the reports; the name of the source where empty")
    crs: Crs = Field(default=Crs.WGS84, description="what the terminals' coordinates are in")
    policy: Policy = Field(default=Policy.ACCEPT_UNREGISTERED, description="terminals that the registry does not know")
    authentication: Authentication = Field(
        default=Authentication.REQUIRED, description="without a code the answer is result 1, and nothing is taken"
    )
    heartbeat_s: int = Field(
        default=60, ge=1, le=3_600, description="what terminals are assumed to keep; silent for three of them is dead"
    )
    first_frame_s: float = Field(
        default=30.0, gt=0, le=3_600, description="a connection without one sound frame by then is closed"
    )
    max_connections: int = Field(default=16_000, ge=1, le=1_000_000)
    connections_per_address: int = Field(
        default=0, ge=0, description="0 = no limit of its own: carriers put thousands of terminals behind one address"
    )
    accepts_per_s: int = Field(
        default=2_000, ge=1, description="further ones wait in the backlog of the system: what slows a reconnect storm"
    )
    backlog: int = Field(default=4_096, ge=1, le=65_535, description="connections that wait in the system's queue")
    frames_per_s: int = Field(
        default=500, ge=1, description="of one connection; above it, it is read more slowly and loses nothing"
    )
    bytes_per_s: int = Field(default=256 * 1024, ge=4_096, description="of one connection, as for frames")
    burst_s: float = Field(
        default=20.0,
        gt=0,
        le=600,
        description="how many seconds' worth may come at once (stored positions)",
    )
    phones_per_connection: int = Field(
        default=2_000, ge=1, description="gateways carry several terminals on one connection; each authenticates"
    )
    junk_frames: int = Field(
        default=50, ge=1, description="a peer is dropped after so many bad frames without a sound one between them"
    )
    write_buffer_bytes: int = Field(
        default=64 * 1024, ge=1_024, description="a peer that leaves so much unread is dropped"
    )
    linger_ms: float = Field(
        default=20.0, ge=0, le=1_000, description="how long frames wait for others under load; none when there are few"
    )
    batch_bytes: int = Field(default=384 * 1024, ge=1_024, description="frames wait no longer when so many bytes do")
    waiting_bytes: int = Field(
        default=32 * 1024 * 1024, ge=65_536, description="received and not yet safe: above it nothing more is read"
    )
    packets_s: float = Field(
        default=30.0, gt=0, le=600, description="missing packets of a message are asked for (0x8003) after so long"
    )
    packets_asked: int = Field(default=2, ge=0, le=10, description="how often, before the answer is result 1")
    answer_timeout_s: float = Field(
        default=10.0, gt=0, le=600, description="for the answer to an order, at first; doubled, then tripled and so on"
    )
    retries: int = Field(default=2, ge=0, le=10, description="how often an order without an answer is sent again")
    orders_per_terminal: int = Field(default=16, ge=1, le=1_000, description="orders that may wait for their answers")
    kept_s: int = Field(
        default=300, ge=1, le=3_600, description="how often what was last heard of each terminal is kept"
    )

    @property
    def idle_s(self) -> float:
        """Three heartbeats (practice)."""
        return 3.0 * self.heartbeat_s

    @property
    def address(self) -> str:
        """For log lines."""
        return f"jt808://{self.host}:{self.port}"

    def feed(self) -> Feed:
        return Feed(self.name, self.platform or self.name, Codec.JT808, self.crs)
