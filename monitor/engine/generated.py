"""Write the pass over all active rules as a source file and import it.

The file lies in the cache folder and is named by a hash of the template and of every rule's file, so that Numba finds
its compiled code again at the next start and never runs old code.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from monitor.engine.rule import Rule
from monitor.model.compiled import CACHE_FOLDER

_TEMPLATE = Path(__file__).with_name("pass_template.py")
_BEGIN = "# --- rules begin"
_END = "# --- rules end"
_ARGUMENTS = "r, p, core, x, out"
_DAY_ARGUMENTS = "r, p, core, day, x, out"
_PLAIN_ENTRIES = ("step", "contact", "receipt", "report", "gap", "late")
"""Entries whose calls follow each other, with nothing returned."""


def build_pass(rules: Sequence[Rule]) -> ModuleType:
    """The module with ``run``, ``tick`` and ``open_days`` for these rules, codes as positions in ``rules``."""
    source = pass_source(rules)
    digest = hashlib.sha256(source.encode())
    for rule in rules:
        digest.update(Path(_home(rule)).read_bytes())
    name = f"vdm_pass_{digest.hexdigest()[:20]}"
    if name in sys.modules:
        return sys.modules[name]
    folder = CACHE_FOLDER / "passes"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    if not path.exists():
        _write_whole(path, source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def pass_source(rules: Sequence[Rule]) -> str:
    """Source text of the pass."""
    template = _TEMPLATE.read_text(encoding="utf-8")
    head, rest = template.split(_BEGIN, 1)
    _, tail = rest.split(_END, 1)
    imports: list[str] = []
    bodies: dict[str, list[str]] = {name: [] for name in (*_PLAIN_ENTRIES, "close_day")}
    advance: dict[str, list[str]] = {"track": [], "contact": []}
    for code, rule in enumerate(rules):
        state = f'r["{rule.name}"]' if rule.state is not None else "core"
        for entry in (*_PLAIN_ENTRIES, "advance", "close_day"):
            function = getattr(rule, entry)
            if function is None:
                continue
            plain = getattr(function, "py_func", function)
            alias = f"{rule.name}_{entry}"
            imports.append(f"from {plain.__module__} import {plain.__name__} as {alias}")
            head_arguments = f'{state}, p["{rule.name}"], core'
            if entry == "advance":
                phase = "contact" if rule.contact is not None or rule.receipt is not None else "track"
                advance[phase].append(f"deadline = min(deadline, {alias}({head_arguments}, x, out, {code}))")
            elif entry == "close_day":
                bodies[entry].append(f"{alias}({head_arguments}, day, x, out, {code})")
            else:
                bodies[entry].append(f"{alias}({head_arguments}, x, out, {code})")
    parts = [*imports, ""]
    for entry in _PLAIN_ENTRIES:
        parts += _function(f"{entry}_rules", _ARGUMENTS, bodies[entry] or ["pass"])
    parts += _function("close_day_rules", _DAY_ARGUMENTS, bodies["close_day"] or ["pass"])
    for phase in ("track", "contact"):
        lines = ["deadline = NEVER_MS", *advance[phase], "return deadline"]
        parts += _function(f"advance_{phase}_rules", _ARGUMENTS, lines)
    return head + "\n".join(parts) + tail


def _function(name: str, arguments: str, lines: Sequence[str]) -> list[str]:
    # Measured: to call ``report_rules``, to which few reports have anything to say, costs the pass 5 %.
    decorator = "folded" if name == "report_rules" else "compiled"
    return ["", f"@{decorator}", f"def {name}({arguments}):", *[f"    {line}" for line in lines], ""]


def _home(rule: Rule) -> str:
    for entry in (
        rule.step,
        rule.contact,
        rule.receipt,
        rule.report,
        rule.gap,
        rule.late,
        rule.advance,
        rule.close_day,
    ):
        if entry is not None:
            return inspect.getfile(getattr(entry, "py_func", entry))
    if rule.judge is not None:
        return inspect.getfile(rule.judge)
    raise TypeError(f"rule {rule.name} has no entry")


def _write_whole(path: Path, text: str) -> None:
    """Another process may write the same file at the same time; both write the same text."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(name, path)
