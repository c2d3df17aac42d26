"""Measure every condition and write the page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from simulators.score import RuleScore, Score
from tests.accuracy.conditions import CONDITIONS, Condition, measure

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"


def main() -> None:
    found = [(condition, measure(condition)) for condition in CONDITIONS]
    PAGE.write_text(page(found), encoding="utf-8")
    for condition, result in found:
        print(f"{condition.name}: precision {result.total.precision:.3f}, recall {result.total.recall:.3f}")


def page(found: list[tuple[Condition, Score]]) -> str:
    """The page in Markdown."""
    lines = [
        "# Accuracy",
        "",
        f"Written by `make accuracy` on {datetime.now(UTC).date().isoformat()}. A simulated fleet, its truth made from "
        "the schedule without any rule, against the settled alarms of the same reports. One alarm counts for one "
        "episode of its vehicle, rule and kind when they overlap by at least half. Episodes within two report "
        "intervals of a threshold are at the boundary and counted apart; precision and recall are beyond the boundary.",
        "",
        "| condition | episodes | precision | recall | missed | false | grade errors | at the boundary |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for condition, result in found:
        lines.append(f"| {condition.name} | {_cells(result.total)} |")
    for condition, result in found:
        lines += [
            "",
            f"## {condition.name[0].upper()}{condition.name[1:]}",
            "",
            f"{condition.vehicles} vehicles, {condition.days} days, "
            f"a report every {condition.interval_s} s while driving.",
            "",
            "| rule | episodes | precision | recall | missed | false | grade errors | at the boundary | onset delay s, "
            "median / p95 |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for line in result.rules:
            delay = "–" if line.found == 0 else f"{line.delay_median_s:.0f} / {line.delay_p95_s:.0f}"
            lines.append(f"| {line.rule} | {_cells(line)} | {delay} |")
    return "\n".join(lines) + "\n"


def _cells(line: RuleScore) -> str:
    return " | ".join(
        (
            str(line.expected),
            f"{line.precision:.3f}",
            f"{line.recall:.3f}",
            str(line.missed),
            str(line.false),
            f"{line.grade_errors}/{line.grades_compared}",
            f"{line.boundary_found}/{line.boundary}",
        )
    )


if __name__ == "__main__":
    main()
