"""Measure every condition and write the page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from simulators.score import RuleScore, Score
from tests.accuracy.conditions import COMBINED, CONDITIONS, MISSION, Condition, measure

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"

_INTRODUCTION = (
    "A simulated fleet, its truth made from the schedule without any rule ([simulator](simulator.md)), against the "
    "settled alarms of the same reports, or the live ones where a condition says so. One alarm counts for one episode "
    "of its vehicle, rule and kind when they overlap by at least half. Episodes within two report intervals of a "
    "threshold are at the boundary and counted apart; precision and recall are beyond it. An alarm beyond the first "
    "within one episode is a split, neither found nor false: too many reports in a row were lost for one run. "
    "At least a fifth of what each rule is asked is near a threshold of it."
)
_READING = (
    "## What the figures show",
    "",
    "- **A double loss splits a run of speeding.** At a report every 30 s a run goes on over a step of 60 s at most, "
    "so two lost in a row make two alarms of it, and of a short run none.",
    "- **Noise turns the fastest into drift.** At 150 km/h and more a fix that is 50 m off implies more than 160 km/h: "
    "a drift point. Five of them make a drift day.",
    "- **A clock that is 8 h behind** puts today's place into last night: fixes at which no vehicle can be are drift "
    "points, truth included. Where the reports between them are lost, three in a row agree on the wrong place, "
    "and a gap or a trip of the night appears. The live answer puts such reports aside as late.",
    "- **A copy is known by eight fixes in a row.** What either side loses breaks them: of two hours at 5 % lost "
    "enough are left for most copies, at 20 % for none.",
    "- **Live is provisional.** A day with a backfill counts as incomplete until settlement; what arrives more than "
    "ten minutes after contact returned leaves a gap and a displacement until then.",
)


def main() -> None:
    found = []
    for condition in CONDITIONS:
        result = measure(condition)
        found.append((condition, result))
        total = result.total
        print(f"{condition.name}: precision {total.precision:.3f}, recall {total.recall:.3f}", flush=True)
    PAGE.write_text(page(found), encoding="utf-8")


def page(found: list[tuple[Condition, Score]]) -> str:
    """The page in Markdown."""
    lines = [
        "# Accuracy",
        "",
        f"Written by `make accuracy` on {datetime.now(UTC).date().isoformat()}. {_INTRODUCTION}",
        "",
        "| condition | episodes | precision | recall | missed | false | split | grade errors | at the boundary |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(f"| {condition.name} | {_cells(result.total)} |" for condition, result in found),
        "",
        "## The four of the mission",
        "",
        f"Precision / recall. Asked for: 0.99 each at {COMBINED.name}.",
        "",
        "| condition | " + " | ".join(MISSION) + " |",
        "|---|" + "--:|" * len(MISSION),
    ]
    for condition, result in found:
        of = {line.rule: line for line in result.rules}
        cells = (f"{of[rule].precision:.3f} / {of[rule].recall:.3f}" if rule in of else "–" for rule in MISSION)
        lines.append(f"| {condition.name} | {' | '.join(cells)} |")
    lines += ["", *_READING]
    for condition, result in found:
        lines += ["", *_section(condition, result)]
    return "\n".join(lines) + "\n"


def _section(condition: Condition, result: Score) -> list[str]:
    """One condition: a line for each rule, and below it one for each of its kinds."""
    lines = [
        f"## {condition.name[0].upper()}{condition.name[1:]}",
        "",
        f"{condition.vehicles:,} vehicles, {condition.days} days, a report every {condition.interval_s} s while "
        f"driving; {'live' if condition.live else 'settled'}.",
        "",
        "| rule | episodes | precision | recall | missed | false | split | grade errors | at the boundary | "
        "onset delay s, median / p95 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for line in result.rules:
        kinds = [kind for kind in result.kinds if kind.rule == line.rule]
        for row in (line, *kinds):
            delay = "–" if row.found == 0 else f"{row.delay_median_s:.0f} / {row.delay_p95_s:.0f}"
            lines.append(f"| {f'– {row.kind}' if row.kind else row.rule} | {_cells(row)} | {delay} |")
    return lines


def _cells(line: RuleScore) -> str:
    return " | ".join(
        (
            str(line.expected),
            f"{line.precision:.3f}",
            f"{line.recall:.3f}",
            str(line.missed),
            str(line.false),
            str(line.split),
            f"{line.grade_errors}/{line.grades_compared}",
            f"{line.boundary_found}/{line.boundary}",
        )
    )


if __name__ == "__main__":
    main()
