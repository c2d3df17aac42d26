"""The layers of the package, as import-linter reads them from pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from monitor.model.compiled import _COMPILED_LAYERS

ROOT = Path(__file__).parents[2]


def test_a_layer_imports_only_what_is_below_it() -> None:
    """In a process of its own: import-linter sets logging up anew, and later tests would not see what is logged."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_only_the_layers_of_the_cache_key_hold_compiled_code() -> None:
    elsewhere = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "monitor").rglob("*.py")
        if path.relative_to(ROOT / "monitor").parts[0] not in _COMPILED_LAYERS
        and "import compiled" in path.read_text("utf-8")
    ]
    assert elsewhere == [], "Numba's cache would not notice an edit in what these call"
