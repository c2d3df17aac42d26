"""Compile what the tests need, once, before several of them would do it at the same time and wait for each other.

python -m tests.compile_all
"""

from __future__ import annotations

from monitor.app.warm_up import warm_up
from monitor.rules import load_rules
from monitor.sources.intake import Codec
from monitor.sources.jt809 import warm_up as warm_up_links


def main() -> None:
    warm_up(load_rules(), tuple(Codec))
    warm_up_links()


if __name__ == "__main__":
    main()
