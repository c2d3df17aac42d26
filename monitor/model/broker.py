"""How to reach an MQTT broker: settings that the MQTT source and the MQTT sink share.

Passwords are given directly, by the name of an environment variable or by a file; none of them is ever shown.
"""

from __future__ import annotations

import ssl
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from monitor.errors import ConfigError
from monitor.model.password import kept_password


class MqttProtocol(StrEnum):
    """MQTT 5 where the broker speaks it; 3.1.1 has no session expiry and no receive maximum."""

    V5 = "5"
    V311 = "3.1.1"


class TlsSettings(BaseModel):
    """Files in PEM. Without ``ca_file`` the system's authorities are trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    check_hostname: bool = True

    def context(self) -> ssl.SSLContext:
        """Raises ``ConfigError`` where a file cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            context.check_hostname = self.check_hostname
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            named = ", ".join(str(path) for path in (self.ca_file, self.cert_file, self.key_file) if path)
            raise ConfigError(path=named, problems=(("tls", f"cannot be used: {error}"),)) from error
        return context


class BrokerSettings(BaseModel):
    """Address of a broker and who we are there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65_535)
    protocol: MqttProtocol = MqttProtocol.V5
    tls: TlsSettings | None = None
    username: str | None = None
    password: SecretStr | None = None
    password_env: str | None = Field(default=None, description="name of the environment variable that holds it")
    password_file: Path | None = None
    keepalive_s: int = Field(default=30, ge=1, le=65_535)
    timeout_s: float = Field(default=10.0, gt=0, description="for connecting and for each answer of the broker")
    backoff_first_s: float = Field(default=0.5, gt=0)
    backoff_most_s: float = Field(default=30.0, gt=0)

    @model_validator(mode="after")
    def _one_password(self) -> BrokerSettings:
        given = [value for value in (self.password, self.password_env, self.password_file) if value is not None]
        if len(given) > 1:
            raise ValueError("give one of password, password_env and password_file")
        if given and self.username is None:
            raise ValueError("a password needs a username")
        return self

    def secret(self) -> str | None:
        """The password, wherever it is kept. Raises ``ConfigError`` where that place has none."""
        return kept_password(self.address, self.password, self.password_env, self.password_file)

    @property
    def address(self) -> str:
        """For log lines; holds no secret."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"
