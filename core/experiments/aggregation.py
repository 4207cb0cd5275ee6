"""Aggregation of runs: mean and standard deviation of every metric, and comparisons of methods."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Final

from core.contracts.hyperparameters import Schedule
from core.contracts.reports import Candidate
from core.contracts.values import Contract, LanguageTag, Method, Trainable
from core.experiments.grid import METHODS, PRE, Cell
from core.experiments.records import BaseRun, Run
from core.experiments.statistics import Spread, spread, welch_p_value

RIVALS: Final = (Method.FT, Method.FT_EN)
"""Methods that X-METRA-ADA is compared with."""


class Variant(Contract):
    """What the runs of a table row have in common: all of a cell except language, seed and draw.

    Attributes:
        method: A `core.contracts.values.Method`, or ``pre`` for the zero-shot base.
        shots: As in `core.experiments.grid.Cell`.
        share: As in a cell.
        trainable: As in a cell.
        schedule: As in a cell.
    """

    method: str
    shots: int | None = None
    share: float | None = None
    trainable: Trainable = Trainable.ALL
    schedule: Schedule = Schedule.SEQUENTIAL


class Row(Contract):
    """Aggregated results of a variant in one language.

    Attributes:
        language: BCP-47 tag of the target language.
        variant: Method and amount of data.
        runs: Number of runs.
        metrics: Headline metrics of the evaluation, over seeds or, for a limited amount of data, over draws.
        train_seconds: Duration of the training alone.
        wall_seconds: Duration of the whole job, with loading and evaluation.
        peak_memory_bytes: Peak memory, the maximum over the runs.
    """

    language: LanguageTag
    variant: Variant
    runs: int
    metrics: dict[str, Spread]
    train_seconds: Spread
    wall_seconds: Spread
    peak_memory_bytes: int


class Comparison(Contract):
    """Comparison of X-METRA-ADA with a rival on the same amount of data, with the same tensors trained.

    Attributes:
        language: BCP-47 tag of the target language.
        variant: Variant of X-METRA-ADA.
        rival: Method that it is compared with.
        metric: Metric that is compared.
        difference: Difference of the means; positive if X-METRA-ADA is better.
        p_value: P-value of Welch's t-test; None if there are too few runs.
    """

    language: LanguageTag
    variant: Variant
    rival: Method
    metric: str
    difference: float
    p_value: float | None


def variant_of(cell: Cell) -> Variant:
    """Return the variant that a cell belongs to."""
    return Variant(
        method=cell.method,
        shots=cell.shots,
        share=cell.share,
        trainable=cell.trainable,
        schedule=cell.schedule,
    )


def rows_of(runs: Sequence[Run], base: BaseRun | None) -> list[Row]:
    """Return a row for each language and variant: the base, then by amount of data, then by method."""
    groups: dict[tuple[str, Variant], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.cell.language, variant_of(run.cell)].append(run)
    rows = [_row(language, variant, group) for (language, variant), group in groups.items()]
    if base is not None:
        languages = dict.fromkeys(run.cell.language for run in runs)
        rows += [_base_row(language, runs, base) for language in languages]
    return sorted(rows, key=_sort_key)


def comparisons_of(rows: Iterable[Row]) -> list[Comparison]:
    """Return the comparisons of X-METRA-ADA with each rival, by language and metric."""
    by_variant = {(row.language, row.variant): row for row in rows}
    return [
        Comparison(
            language=language,
            variant=variant,
            rival=rival,
            metric=metric,
            difference=mine.mean - theirs.metrics[metric].mean,
            p_value=welch_p_value(mine, theirs.metrics[metric]),
        )
        for (language, variant), row in by_variant.items()
        if variant.method == Method.X_METRA_ADA
        for rival in RIVALS
        if (theirs := by_variant.get((language, _rival_variant(rival, variant)))) is not None
        for metric, mine in row.metrics.items()
    ]


def _rival_variant(rival: Method, variant: Variant) -> Variant:
    """Return the variant of a rival with otherwise equal fields; a rival has no schedule."""
    return variant.model_copy(update={"method": rival.value, "schedule": Schedule.SEQUENTIAL})


def _sort_key(row: Row) -> tuple[bool, bool, float, int, int, int]:
    """Return the sort key of a row, which does not depend on its language."""
    variant = row.variant
    amount = variant.shots or variant.share or 0.0
    methods = [PRE, *METHODS]
    limited = (variant.shots is not None or variant.share is not None, variant.share is not None)
    return (
        *limited,
        amount,
        methods.index(variant.method),
        list(Trainable).index(variant.trainable),
        list(Schedule).index(variant.schedule),
    )


def _row(language: str, variant: Variant, runs: Sequence[Run]) -> Row:
    return Row(
        language=language,
        variant=variant,
        runs=len(runs),
        metrics={
            name: spread(independent_values(runs, [_rates(run.report.result)[name] for run in runs]))
            for name in _rates(runs[0].report.result)
        },
        train_seconds=spread([run.report.result.train_seconds for run in runs]),
        wall_seconds=spread([run.report.wall_seconds for run in runs]),
        peak_memory_bytes=max(run.report.peak_memory_bytes for run in runs),
    )


def independent_values(runs: Sequence[Run], values: Sequence[float]) -> list[float]:
    """Return the values that mean and standard deviation are computed over.

    Runs on the same draw share their examples, so they are not independent: if there are several draws, each
    counts once, by the mean over its seeds.

    Args:
        runs: Runs of one variant in one language.
        values: The value of each run.
    """
    draws: dict[int, list[float]] = defaultdict(list)
    for run, value in zip(runs, values, strict=True):
        draws[run.cell.draw].append(value)
    if len(draws) == 1:
        return list(values)
    return [fmean(draw_values) for draw_values in draws.values()]


def _base_row(language: str, runs: Sequence[Run], base: BaseRun) -> Row:
    """Return the row of the zero-shot base, whose scores count once per evaluation dataset."""
    own = [run for run in runs if run.cell.language == language]
    unlimited = [run for run in own if not run.cell.limited] or own
    by_dataset = {run.job.evaluation_dataset_id: run.report.baselines[0] for run in unlimited}
    rates = [_rates(candidate) for candidate in by_dataset.values()]
    return Row(
        language=language,
        variant=Variant(method=PRE),
        runs=1,
        metrics={name: spread([headline[name] for headline in rates]) for name in rates[0]},
        train_seconds=spread([base.report.result.train_seconds]),
        wall_seconds=spread([base.report.wall_seconds]),
        peak_memory_bytes=base.report.peak_memory_bytes,
    )


def _rates(candidate: Candidate) -> Mapping[str, float]:
    return candidate.evaluation.headline
