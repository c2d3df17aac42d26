"""Where shipped data lies: default configuration, mappings, rule pages.

In an installed wheel ``configs/`` is inside the package (``monitor/configs``); in a checkout it stands beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def config_folder() -> Path:
    """The folder ``configs`` of this installation or checkout."""
    installed = _PACKAGE / "configs"
    return installed if installed.is_dir() else _PACKAGE.parent / "configs"


def mapping_file(name: str) -> Path | None:
    """The shipped mapping ``configs/mappings/<name>.toml``; None where there is none.

    ``name`` is the stem of a data file, hence any text: one that is no plain file name has no mapping.
    """
    if not name or name != Path(name).name:
        return None
    path = config_folder() / "mappings" / f"{name}.toml"
    return path if path.is_file() else None
