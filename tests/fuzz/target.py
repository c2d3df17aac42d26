"""What is fuzzed: a function over bytes that must not raise, and its seeds.

A target is a module ``tests.fuzz.target_<name>`` with two functions, ``check(data)`` and ``seeds()``; its corpus lies
in ``corpus/<name>``, one input per file. Adding a target edits nothing else.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")


@dataclass(frozen=True, slots=True)
class Target:
    """``check`` raises only for a defect; ``seeds`` are made by our own encoders."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]


def target_names() -> list[str]:
    """Every target there is."""
    return sorted(path.stem.removeprefix("target_") for path in CORPUS.parent.glob("target_*.py"))


def load_target(name: str) -> Target:
    """The target of a name."""
    module = importlib.import_module(f"tests.fuzz.target_{name}")
    return Target(module.check, module.seeds)


def corpus(name: str) -> list[bytes]:
    """The inputs kept for a target, in a stable order."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def keep(name: str, inputs: Iterable[bytes]) -> int:
    """Put inputs into the corpus, named by their digest; how many are new."""
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    new = 0
    for data in inputs:
        path = folder / hashlib.sha256(data).hexdigest()[:16]
        if not path.exists():
            path.write_bytes(data)
            new += 1
    return new
