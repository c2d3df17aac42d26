"""Write down what the engine says of the golden traces: ``python -m tests.golden.rewrite [NAME...]``.

Without names all traces are rewritten. Look at the difference, and say in the commit why it is right.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.golden.episodes import ANSWERS, lines_of
from tests.golden.trace import read_trace

TRACES = Path(__file__).with_name("traces")


def main(names: list[str]) -> None:
    for path in sorted(TRACES.glob("*/*.txt")):
        if names and not any(name in str(path.relative_to(TRACES)) for name in names):
            continue
        trace = read_trace(path)
        said = {answer: lines_of(trace, answer) for answer in ANSWERS}
        text = trace.head.rstrip("\n") + "\n"
        text += "expect settled\n" + "\n".join(said["settled"]) + "\n"
        text += "expect received\n" + (
            "as settled" if said["received"] == said["settled"] else "\n".join(said["received"])
        )
        path.write_text(text + "\n", encoding="utf-8")
        print(path.relative_to(TRACES), *said["settled"], sep="\n    ")
        if said["received"] != said["settled"]:
            print("  received", *said["received"], sep="\n    ")


if __name__ == "__main__":
    main(sys.argv[1:])
