"""The layers of the package, as import-linter reads them from pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from monitor.model.compiled import _COMPILED_LAYERS

ROOT = Path(__file__).parents[2]


def test_a_layer_imports_only_what_is_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert not broken, capsys.readouterr().out


def test_only_the_layers_of_the_cache_key_hold_compiled_code() -> None:
    elsewhere = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "monitor").rglob("*.py")
        if path.relative_to(ROOT / "monitor").parts[0] not in _COMPILED_LAYERS
        and "import compiled" in path.read_text("utf-8")
    ]
    assert elsewhere == [], "Numba's cache would not notice an edit in what these call"
