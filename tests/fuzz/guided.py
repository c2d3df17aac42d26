"""The fuzzer's own process: arguments are a target's name and options of libFuzzer; see ``python -m tests.fuzz``."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

import monitor

_PACKAGE = Path(monitor.__file__).parent


def compiled_modules() -> list[str]:
    """Modules with compiled functions: their bytecode is Numba's, and must not be rewritten."""
    return [
        ".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in _PACKAGE.rglob("*.py")
        if "monitor.model.compiled" in path.read_text(encoding="utf-8") or path.stem == "compiled"
    ]


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["monitor"], exclude=compiled_modules()):
        from tests.fuzz.target import load_target

        check = load_target(name).check
    # What libFuzzer calls itself by when it merges.
    sys.argv[0] = f"{sys.executable} -m tests.fuzz.guided {name}"
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
