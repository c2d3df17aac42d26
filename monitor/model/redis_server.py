"""How to reach a Redis server: settings that the Redis source and the Redis sink share.

One server, with or without replicas behind it; a Redis Cluster is not spoken to, because the keys of one part may lie
in several of its slots.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from monitor.model.broker import TlsSettings
from monitor.model.password import kept_password


class ClientOptions(TypedDict):
    """Arguments of ``redis.asyncio.Redis`` that say where the server is and who we are there."""

    host: str
    port: int
    db: int
    username: str | None
    password: str | None
    socket_timeout: None
    socket_connect_timeout: float
    protocol: int
    ssl: bool
    ssl_ca_certs: str | None
    ssl_certfile: str | None
    ssl_keyfile: str | None
    ssl_check_hostname: bool


class RedisServerSettings(BaseModel):
    """Address of a Redis server (6.2 or later) and who we are there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="name or address of the server")
    port: int = Field(default=6379, ge=1, le=65_535)
    database: int = Field(default=0, ge=0, description="number of the logical database")
    tls: TlsSettings | None = Field(default=None, description="as for MQTT: `ca_file`, `cert_file`, `key_file`")
    username: str | None = Field(default=None, description="of an ACL user; without one the default user")
    password: SecretStr | None = None
    password_env: str | None = Field(default=None, description="name of the environment variable that holds it")
    password_file: Path | None = Field(default=None, description="file that holds it")
    timeout_s: float = Field(default=10.0, gt=0, description="for connecting and for each answer")
    backoff_first_s: float = Field(default=0.5, gt=0, description="wait after the first failure; it doubles")
    backoff_most_s: float = Field(default=30.0, gt=0, description="longest wait between two attempts")

    @model_validator(mode="after")
    def _one_password(self) -> RedisServerSettings:
        given = [value for value in (self.password, self.password_env, self.password_file) if value is not None]
        if len(given) > 1:
            raise ValueError("give one of password, password_env and password_file")
        if self.username is not None and not given:
            raise ValueError("a username needs a password")
        return self

    def secret(self) -> str | None:
        """The password, wherever it is kept. Raises ``ConfigError`` where that place has none."""
        return kept_password(self.address, self.password, self.password_env, self.password_file)

    @property
    def address(self) -> str:
        """For log lines; holds no secret."""
        return f"{'rediss' if self.tls else 'redis'}://{self.host}:{self.port}/{self.database}"

    def client_options(self) -> ClientOptions:
        """Raises ``ConfigError`` as ``secret`` does, and for a certificate that cannot be used."""
        tls = self.tls or TlsSettings()
        if self.tls is not None:
            self.tls.context()
        return {
            "host": self.host,
            "port": self.port,
            "db": self.database,
            "username": self.username,
            "password": self.secret(),
            # Users bound their waits themselves: what the library does with it in Python 3.11 loses cancellations.
            "socket_timeout": None,
            "socket_connect_timeout": self.timeout_s,
            # RESP2: every server speaks it, and answers have one shape.
            "protocol": 2,
            "ssl": self.tls is not None,
            "ssl_ca_certs": _path(tls.ca_file),
            "ssl_certfile": _path(tls.cert_file),
            "ssl_keyfile": _path(tls.key_file),
            "ssl_check_hostname": tls.check_hostname,
        }


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)
