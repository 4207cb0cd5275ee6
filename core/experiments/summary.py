"""An experiment for people: the paper's tables in Markdown."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from core.contracts.reports import Report
from core.contracts.values import TaskName
from core.experiments.aggregation import Comparison, Row, Variant
from core.experiments.command_line import command
from core.experiments.figures import FIGURES
from core.experiments.folder import Folder
from core.experiments.grid import PRE, SOURCE, Cell, Experiment
from core.experiments.labels import (
    amount_name,
    languages_of,
    method_name,
    metrics_of,
    p_value,
    plus_minus,
    rate,
)
from core.experiments.records import Run
from core.experiments.results import Results
from core.system.atomic_files import whole

FEW_DRAWS: Final = 5
"""Draws of a few examples below which their spread is hardly known (Zhao et al. 2021)."""

TITLES: Final[Mapping[TaskName, str]] = {
    TaskName.MTOD: "Intents and slots (mtod)",
    TaskName.QA: "Answers to questions (qa)",
}
MEGABYTE: Final = 2**20

SIGNIFICANT: Final = 0.05
"""The p-value under which a difference is called one."""


def write_summary(results: Results, folder: Folder) -> None:
    """Write the tables beside the results."""
    with whole(folder.summary) as partial:
        partial.write_text(summary(results), encoding="utf-8")


def summary(results: Results) -> str:
    """Return the tables as a Markdown document."""
    sections = [
        f"# {TITLES[results.kept.experiment.task]}",
        *_score_sections(results),
        *_section("Could the differences be chance?", _comparisons(results)),
        *_section("Figures", _figures(results)),
        *_section("What it cost", _costs(results)),
        *_section("What was run", list(_circumstances(results))),
        *_section("What failed", _failures(results)),
    ]
    return "\n\n".join(sections) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    """Return a title and its lines; without lines nothing."""
    return [f"## {title}", "\n".join(lines)] if lines else []


def _score_sections(results: Results) -> Iterator[str]:
    """Yield a table for all of the few-shot data and one for each sweep."""
    experiment = results.kept.experiment
    full = [row for row in results.table if _amount(row.variant) is None]
    base = [row for row in full if row.variant.method == PRE]
    shots = [row for row in results.table if row.variant.shots is not None]
    shares = [row for row in results.table if row.variant.share is not None]
    whole = [row for row in full if row.variant.method != PRE]
    note = (
        "Per cent: mean ± sample standard deviation over seeds. Best **bold**, second best "
        "<u>underlined</u>. `pre` is the base, zero-shot."
    )
    yield from _section("All of the few-shot data", [note, "", *_scores(full, experiment)] if whole else [])
    drawn = _about_draws(_draws_done(results.runs))
    for title, rows in (
        ("A few shots", shots),
        ("A share of the few-shot data", [*shares, *whole] if shares else []),
    ):
        yield from _section(title, [drawn, "", *_scores([*base, *rows], experiment)] if rows else [])


def _draws_done(runs: Sequence[Run]) -> list[int]:
    """Return how many draws each variant on a limited amount has in each language."""
    draws: dict[Cell, set[int]] = defaultdict(set)
    for cell in (run.cell for run in runs if run.cell.limited):
        draws[cell.model_copy(update={"draw": 0, "seed": 0})].add(cell.draw)
    return [len(of_variant) for of_variant in draws.values()]


def _about_draws(counts: Sequence[int]) -> str:
    """Tell what the figures of a sweep are means of."""
    fewest, most = min(counts, default=0), max(counts, default=0)
    several = f"{most}" if fewest == most else f"{fewest} to {most}"
    if fewest >= FEW_DRAWS:
        return (
            f"Over {several} draws of the examples, each the mean over its seeds; of all examples, over "
            "seeds."
        )
    spread = f"Over {several} draws, each the mean over its seeds." if most > 1 else "One draw, over seeds."
    return f"{spread} So few draws hardly tell how much the examples matter; {FEW_DRAWS} would."


def _amount(variant: Variant) -> float | None:
    return variant.share if variant.shots is None else variant.shots


def _scores(rows: Sequence[Row], experiment: Experiment) -> list[str]:
    """Return a table: a line for each variant, a column for each language and metric."""
    columns = [(language, metric) for language in languages_of(rows) for metric in metrics_of(rows)]
    found = {(row.variant, row.language): row for row in rows}
    amounts = list(dict.fromkeys(_amount(row.variant) for row in rows if row.variant.method != PRE))
    shown = len(amounts) > 1 or any(amount is not None for amount in amounts)
    lines = _head(
        [
            *(["examples"] if shown else []),
            "method",
            *(f"{language} {metric}" for language, metric in columns),
        ]
    )
    for variant in dict.fromkeys(row.variant for row in rows):
        peers = [row for row in rows if _amount(row.variant) == _amount(variant)]
        cells = [_score(found.get((variant, language)), metric, peers) for language, metric in columns]
        amount = "none" if variant.method == PRE else amount_name(variant, experiment.task)
        lines.append(_line([*([amount] if shown else []), method_name(variant), *cells]))
    return lines


def _score(row: Row | None, metric: str, peers: Sequence[Row]) -> str:
    """Return one figure, marked where it is the best or the second best of its peers."""
    if row is None:
        return ""
    means = {peer.metrics[metric].mean for peer in peers if peer.language == row.language}
    told, place = rate(row.metrics[metric]), sorted(means, reverse=True).index(row.metrics[metric].mean)
    if len(means) == 1 or place > 1:
        return told
    return f"**{told}**" if place == 0 else f"<u>{told}</u>"


def _comparisons(results: Results) -> list[str]:
    """Return X-METRA-ADA against its rivals."""
    task = results.kept.experiment.task
    lines = [_comparison(one, task) for one in results.comparisons]
    note = (
        "Welch's two-sided t-test of the means above, not corrected for how many tests there are; `–` where "
        f"there are too few runs. Below {SIGNIFICANT} **bold**."
    )
    head = _head(["language", "examples", "metric", "method", "against", "points", "p"])
    return [note, "", *head, *lines] if lines else []


def _comparison(found: Comparison, task: TaskName) -> str:
    chance = p_value(found.p_value)
    sure = found.p_value is not None and found.p_value < SIGNIFICANT
    return _line(
        [
            found.language,
            amount_name(found.variant, task),
            found.metric,
            method_name(found.variant),
            found.rival,
            f"{100 * found.difference:+.1f}",
            f"**{chance}**" if sure else chance,
        ]
    )


def _figures(results: Results) -> list[str]:
    """Return the figures that there are."""
    return [f"![{figure.title}](figures/{figure.name}.svg)" for figure in FIGURES if figure.is_of(results)]


def _costs(results: Results) -> list[str]:
    """Return seconds and memory: of the base, which is made once, and of every variant."""
    task = results.kept.experiment.task
    of_base = [row for row in results.table if row.variant.method == PRE][:1]
    others = [row for row in results.table if row.variant.method != PRE]
    lines = [
        *(_cost(row, SOURCE, "all") for row in of_base),
        *(_cost(row, row.language, amount_name(row.variant, task)) for row in others),
    ]
    note = (
        "Seconds of the training alone and of the whole run, in which settings are tuned and models measured."
    )
    head = _head(["language", "examples", "method", "runs", "training s", "in all s", "peak MB"])
    return [note, "", *head, *lines] if lines else []


def _cost(row: Row, language: str, amount: str) -> str:
    return _line(
        [
            language,
            amount,
            method_name(row.variant),
            str(row.runs),
            plus_minus(row.train_seconds),
            plus_minus(row.wall_seconds),
            f"{row.peak_memory_bytes / MEGABYTE:.0f}",
        ]
    )


def _circumstances(results: Results) -> Iterator[str]:
    """Yield everything that is needed to do it again."""
    kept = results.kept
    yield f"    {command(kept.experiment)}"
    yield ""
    yield f"- Runs: {len(results.runs)} of {len(kept.experiment.cells())}, and one base."
    reports = [run.report for run in results.runs] + ([results.base.report] if results.base else [])
    yield f"- Seeds: {', '.join(str(seed) for seed in kept.experiment.seeds)}."
    yield f"- Computed on: {', '.join(sorted({report.device for report in reports})) or 'nothing yet'}."
    yield f"- Versions: {'; '.join(_versions(reports)) or 'unknown yet'}."
    yield "- Data (SHA-256):"
    yield ""
    yield from (f"      {sha256}  {name}" for name, sha256 in kept.data.items())


def _versions(reports: Sequence[Report]) -> list[str]:
    """Return the sets of versions that runs had; mostly there is one."""
    told = (", ".join(f"{name} {version}" for name, version in report.versions.items()) for report in reports)
    return list(dict.fromkeys(told))


def _failures(results: Results) -> list[str]:
    return [
        # A reason of several lines would end the list.
        f"- `{one.key}`: {one.failed.kind}: {' '.join(one.failed.reason.split())}"
        for one in results.failures
    ]


def _head(names: Sequence[str]) -> list[str]:
    """Return the head of a table."""
    return [_line(names), f"|{'---|' * len(names)}"]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
