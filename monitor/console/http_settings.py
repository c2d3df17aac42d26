"""Where a web server of ours listens, and who may ask it."""

from __future__ import annotations

import hmac
import ipaddress
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from monitor.errors import ConfigError

MIN_TOKEN = 16
"""Shortest bearer token beyond loopback, characters (a guess)."""


class HttpSettings(BaseModel):
    """An address, and the bearer token that every request must carry where one is set.

    Beyond loopback a token is required. It is given directly, by the name of an environment variable or by a file.
    The administrator's token is for commands and for what only administrators see; it is given in the same ways.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8080, ge=0, le=65_535, description="0 takes any free port")
    token: SecretStr | None = None
    token_env: str | None = Field(default=None, description="name of the environment variable that holds it")
    token_file: Path | None = None
    admin_token: SecretStr | None = Field(
        default=None, description="needed for every command; without one, commands are taken on loopback only"
    )
    admin_token_env: str | None = Field(default=None, description="name of the environment variable that holds it")
    admin_token_file: Path | None = None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _guarded(self) -> HttpSettings:
        given = [value for value in (self.token, self.token_env, self.token_file) if value is not None]
        if len(given) > 1:
            raise ValueError("give one of token, token_env and token_file")
        if not given and not self.loopback:
            raise ValueError(f"{self.host} is beyond loopback: set token, token_env or token_file, or use 127.0.0.1")
        ways = (self.admin_token, self.admin_token_env, self.admin_token_file)
        if sum(value is not None for value in ways) > 1:
            raise ValueError("give one of admin_token, admin_token_env and admin_token_file")
        return self

    def secret(self, key: str) -> str | None:
        """The token, wherever it is kept; ``key`` names these settings in the ``ConfigError``."""
        return self._kept(key, "token", self.token, self.token_env, self.token_file)

    def admin_secret(self, key: str) -> str | None:
        """The administrator's token, wherever it is kept. Raises ``ConfigError``, also if it is the reader's."""
        value = self._kept(key, "admin_token", self.admin_token, self.admin_token_env, self.admin_token_file)
        if value is not None and value == self.secret(key):
            reason = "is the same as token; whoever may read could then command"
            raise ConfigError(path=key, problems=((f"{key}.admin_token", reason),))
        return value

    def _kept(
        self, key: str, name: str, direct: SecretStr | None, variable: str | None, file: Path | None
    ) -> str | None:
        value: str | None = None
        if variable is not None:
            value = os.environ.get(variable)
            if not value:
                reason = f"the environment variable {variable} is not set"
                raise ConfigError(path=key, problems=((f"{key}.{name}_env", reason),))
        elif file is not None:
            try:
                value = file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(path=key, problems=((f"{key}.{name}_file", f"cannot be read: {error}"),)) from error
        elif direct is not None:
            value = direct.get_secret_value()
        if value == "":
            raise ConfigError(path=key, problems=((f"{key}.{name}", "is empty"),))
        if value is not None and not self.loopback and len(value) < MIN_TOKEN:
            reason = f"beyond loopback the token needs at least {MIN_TOKEN} characters"
            raise ConfigError(path=key, problems=((f"{key}.{name}", reason),))
        return value


def may_ask(authorization: str | None, token: str | None) -> bool:
    """Whether an ``Authorization`` header carries the token; no token lets everybody in."""
    if token is None:
        return True
    scheme, _, given = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
