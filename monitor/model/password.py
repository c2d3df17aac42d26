"""A password as settings keep it: given directly, by the name of an environment variable, or by a file."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from monitor.errors import ConfigError


def kept_password(address: str, direct: SecretStr | None, variable: str | None, file: Path | None) -> str | None:
    """The password, wherever it is kept; None where none is set. At most one of the three is given.

    Raises ``ConfigError`` where that place has none; ``address`` names the settings in it.
    """
    if variable is not None:
        value = os.environ.get(variable)
        if value is None:
            reason = f"the environment variable {variable} is not set"
            raise ConfigError(path=address, problems=(("password_env", reason),))
        return value
    if file is not None:
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = f"cannot be read: {error}"
            raise ConfigError(path=str(file), problems=(("password_file", reason),)) from error
    return None if direct is None else direct.get_secret_value()
