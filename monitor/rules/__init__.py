"""The rules: one file, one idea, one config block, one set of golden traces each. They never import each other.

A file that defines ``RULE`` is a rule; nothing has to be registered. May import ``monitor.engine``,
``monitor.model`` and ``monitor.errors``.
"""

from __future__ import annotations

import importlib
import pkgutil

from monitor.engine.rule import Rule


def load_rules() -> tuple[Rule, ...]:
    """Every rule of this package, by name. Codes in edges are positions in this tuple."""
    found: list[Rule] = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        rule = getattr(module, "RULE", None)
        if isinstance(rule, Rule):
            found.append(rule)
    return tuple(sorted(found, key=lambda rule: rule.name))
