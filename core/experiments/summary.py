"""Summary of an experiment: the paper's tables in Markdown."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from core.contracts.reports import Report
from core.contracts.values import TaskName
from core.experiments.aggregation import Comparison, Row, Variant
from core.experiments.command_line import command
from core.experiments.figures import FIGURES
from core.experiments.folder import Folder
from core.experiments.formatting import (
    amount_name,
    format_p_value,
    format_percent,
    format_spread,
    languages_of,
    method_name,
    metrics_of,
)
from core.experiments.grid import PRE, SOURCE, Cell, Experiment
from core.experiments.records import Run
from core.experiments.results import Results
from core.system.atomic_files import write_atomically
from core.tasks.registry import task_spec

FEW_DRAWS: Final = 5
"""Number of draws below which their standard deviation is unreliable (Zhao et al. 2021)."""

MEGABYTE: Final = 2**20

SIGNIFICANT: Final = 0.05
"""P-value below which a difference is significant."""


def write_summary(results: Results, folder: Folder) -> None:
    """Write the tables to the experiment's folder."""
    write_atomically(folder.summary, summary(results).encode())


def summary(results: Results) -> str:
    """Return the tables as a Markdown document."""
    sections = [
        f"# {_title(results.manifest.experiment.task)}",
        *_score_sections(results),
        *_section("Could the differences be chance?", _comparisons(results)),
        *_section("Figures", _figures(results)),
        *_section("What it cost", _costs(results)),
        *_section("What was run", list(_reproduction(results))),
        *_section("What failed", _failures(results)),
    ]
    return "\n\n".join(sections) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    """Return a title and its lines, or nothing if there are no lines."""
    return [f"## {title}", "\n".join(lines)] if lines else []


def _score_sections(results: Results) -> Iterator[str]:
    """Yield a table for all of the few-shot data, and a table for each sweep."""
    experiment = results.manifest.experiment
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
    draws_note = _draws_note(_finished_draws(results.runs))
    for title, rows in (
        ("A few shots", shots),
        ("A share of the few-shot data", [*shares, *whole] if shares else []),
    ):
        yield from _section(title, [draws_note, "", *_scores([*base, *rows], experiment)] if rows else [])


def _finished_draws(runs: Sequence[Run]) -> list[int]:
    """Return the number of draws of each variant on a limited amount in each language."""
    draws: dict[Cell, set[int]] = defaultdict(set)
    for cell in (run.cell for run in runs if run.cell.limited):
        draws[cell.model_copy(update={"draw": 0, "seed": 0})].add(cell.draw)
    return [len(variant_draws) for variant_draws in draws.values()]


def _draws_note(counts: Sequence[int]) -> str:
    """Return a note on the draws that the scores of a sweep are averaged over."""
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
    """Return a table with a line for each variant and a column for each language and metric."""
    columns = [(language, metric) for language in languages_of(rows) for metric in metrics_of(rows)]
    by_variant = {(row.variant, row.language): row for row in rows}
    amounts = list(dict.fromkeys(_amount(row.variant) for row in rows if row.variant.method != PRE))
    has_amounts = len(amounts) > 1 or any(amount is not None for amount in amounts)
    lines = _header(
        [
            *(["examples"] if has_amounts else []),
            "method",
            *(f"{language} {metric}" for language, metric in columns),
        ]
    )
    for variant in dict.fromkeys(row.variant for row in rows):
        peers = [row for row in rows if _amount(row.variant) == _amount(variant)]
        cells = [_score(by_variant.get((variant, language)), metric, peers) for language, metric in columns]
        amount = "none" if variant.method == PRE else amount_name(variant, experiment.task)
        lines.append(_line([*([amount] if has_amounts else []), method_name(variant), *cells]))
    return lines


def _score(row: Row | None, metric: str, peers: Sequence[Row]) -> str:
    """Return a score, marked if it is the best or the second best of its peers."""
    if row is None:
        return ""
    means = {peer.metrics[metric].mean for peer in peers if peer.language == row.language}
    score = format_percent(row.metrics[metric])
    rank = sorted(means, reverse=True).index(row.metrics[metric].mean)
    if len(means) == 1 or rank > 1:
        return score
    return f"**{score}**" if rank == 0 else f"<u>{score}</u>"


def _comparisons(results: Results) -> list[str]:
    """Return the comparisons of X-METRA-ADA with its rivals."""
    task = results.manifest.experiment.task
    lines = [_comparison(comparison, task) for comparison in results.comparisons]
    note = (
        "Welch's two-sided t-test of the means above, not corrected for how many tests there are; `–` where "
        f"there are too few runs. Below {SIGNIFICANT} **bold**."
    )
    head = _header(["language", "examples", "metric", "method", "against", "points", "p"])
    return [note, "", *head, *lines] if lines else []


def _comparison(comparison: Comparison, task: TaskName) -> str:
    p_value = format_p_value(comparison.p_value)
    is_significant = comparison.p_value is not None and comparison.p_value < SIGNIFICANT
    return _line(
        [
            comparison.language,
            amount_name(comparison.variant, task),
            comparison.metric,
            method_name(comparison.variant),
            comparison.rival,
            f"{100 * comparison.difference:+.1f}",
            f"**{p_value}**" if is_significant else p_value,
        ]
    )


def _figures(results: Results) -> list[str]:
    """Return links to the figures."""
    return [
        f"![{figure.title}](figures/{figure.name}.svg)" for figure in FIGURES if figure.applies_to(results)
    ]


def _costs(results: Results) -> list[str]:
    """Return seconds and memory of the base, which is trained once, and of every variant."""
    task = results.manifest.experiment.task
    base_rows = [row for row in results.table if row.variant.method == PRE][:1]
    others = [row for row in results.table if row.variant.method != PRE]
    lines = [
        *(_cost(row, SOURCE, "all") for row in base_rows),
        *(_cost(row, row.language, amount_name(row.variant, task)) for row in others),
    ]
    note = (
        "Seconds of the training alone and of the whole run, in which settings are tuned and models measured."
    )
    head = _header(["language", "examples", "method", "runs", "training s", "in all s", "peak MB"])
    return [note, "", *head, *lines] if lines else []


def _cost(row: Row, language: str, amount: str) -> str:
    return _line(
        [
            language,
            amount,
            method_name(row.variant),
            str(row.runs),
            format_spread(row.train_seconds),
            format_spread(row.wall_seconds),
            f"{row.peak_memory_bytes / MEGABYTE:.0f}",
        ]
    )


def _reproduction(results: Results) -> Iterator[str]:
    """Yield what is needed to reproduce the experiment."""
    manifest = results.manifest
    yield f"    {command(manifest.experiment)}"
    yield ""
    yield f"- Runs: {len(results.runs)} of {len(manifest.experiment.cells())}, and one base."
    reports = [run.report for run in results.runs] + ([results.base.report] if results.base else [])
    yield f"- Seeds: {', '.join(str(seed) for seed in manifest.experiment.seeds)}."
    yield f"- Computed on: {', '.join(sorted({report.device for report in reports})) or 'nothing yet'}."
    yield f"- Versions: {'; '.join(_versions(reports)) or 'unknown yet'}."
    yield "- Data (SHA-256):"
    yield ""
    yield from (f"      {sha256}  {name}" for name, sha256 in manifest.data.items())


def _versions(reports: Sequence[Report]) -> list[str]:
    """Return the distinct sets of package versions of runs."""
    versions = (
        ", ".join(f"{name} {version}" for name, version in report.versions.items()) for report in reports
    )
    return list(dict.fromkeys(versions))


def _failures(results: Results) -> list[str]:
    return [
        # A line break in a reason would end the list.
        f"- `{failure.key}`: {failure.error.kind}: {' '.join(failure.error.reason.split())}"
        for failure in results.failures
    ]


def _header(names: Sequence[str]) -> list[str]:
    """Return the header of a table."""
    return [_line(names), f"|{'---|' * len(names)}"]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _title(task: str) -> str:
    """Return the heading of an experiment: ``Intents and slots (mtod)``."""
    return f"{task_spec(task).title} ({task})"
