"""Runs as the rows of a table: mean and spread of every metric, and who is better than whom."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Final

from core.contracts.hyperparameters import Schedule
from core.contracts.reports import Candidate
from core.contracts.values import Contract, LanguageTag, Method, Trainable
from core.experiments.grid import METHODS, PRE, Cell
from core.experiments.records import BaseRun, Run
from core.experiments.statistics import Spread, spread, welch_p

RIVALS: Final = (Method.FT, Method.FT_EN)
"""What X-METRA-ADA is tested against."""


class Variant(Contract):
    """A method on an amount of data, in one of its forms.

    Attributes:
        method: A `core.contracts.values.Method`, or ``pre`` for the zero-shot base.
        shots: As of a `core.experiments.grid.Cell`.
        share: As of a cell.
        trainable: As of a cell.
        schedule: As of a cell.
    """

    method: str
    shots: int | None = None
    share: float | None = None
    trainable: Trainable = Trainable.ALL
    schedule: Schedule = Schedule.SEQUENTIAL


class Row(Contract):
    """What a variant came to in one language.

    Attributes:
        runs: How many.
        metrics: The evaluation's headline, each over seeds or, of a limited amount, over draws.
        train_seconds: Training alone.
        wall_seconds: The whole job, loading and measuring included.
        peak_memory_bytes: The most that any of the runs held.
    """

    language: LanguageTag
    variant: Variant
    runs: int
    metrics: dict[str, Spread]
    train_seconds: Spread
    wall_seconds: Spread
    peak_memory_bytes: int


class Comparison(Contract):
    """X-METRA-ADA against a rival on the same amount of data, with the same tensors trained.

    Attributes:
        variant: Of X-METRA-ADA.
        rival: The method it is compared with.
        difference: Of the means; above 0 where X-METRA-ADA is ahead.
        p_value: Of Welch's t-test; None where there are too few runs.
    """

    language: LanguageTag
    variant: Variant
    rival: Method
    metric: str
    difference: float
    p_value: float | None


def variant_of(cell: Cell) -> Variant:
    """Return what a run is one of several runs of."""
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
    return sorted(rows, key=_order)


def comparisons_of(rows: Iterable[Row]) -> list[Comparison]:
    """Return X-METRA-ADA against each rival, by language and metric."""
    found = {(row.language, row.variant): row for row in rows}
    return [
        Comparison(
            language=language,
            variant=variant,
            rival=rival,
            metric=metric,
            difference=mine.mean - theirs.metrics[metric].mean,
            p_value=welch_p(mine, theirs.metrics[metric]),
        )
        for (language, variant), row in found.items()
        if variant.method == Method.X_METRA_ADA
        for rival in RIVALS
        if (theirs := found.get((language, _as(rival, variant)))) is not None
        for metric, mine in row.metrics.items()
    ]


def _as(rival: Method, variant: Variant) -> Variant:
    """Return the variant of a rival that differs in nothing else; it has no schedule."""
    return variant.model_copy(update={"method": rival.value, "schedule": Schedule.SEQUENTIAL})


def _order(row: Row) -> tuple[bool, bool, float, int, int, int]:
    """Return by what rows are sorted; the order of the languages stays."""
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
            name: spread(samples(runs, [_rates(run.report.result)[name] for run in runs]))
            for name in _rates(runs[0].report.result)
        },
        train_seconds=spread([run.report.result.train_seconds for run in runs]),
        wall_seconds=spread([run.report.wall_seconds for run in runs]),
        peak_memory_bytes=max(run.report.peak_memory_bytes for run in runs),
    )


def samples(runs: Sequence[Run], values: Sequence[float]) -> list[float]:
    """Return the values of runs as those that a mean and its spread are of.

    Runs of one draw have their examples in common, so that they say less than as many of different ones:
    where there are several draws each counts once, by the mean over its seeds.
    """
    draws: dict[int, list[float]] = defaultdict(list)
    for run, value in zip(runs, values, strict=True):
        draws[run.cell.draw].append(value)
    if len(draws) == 1:
        return list(values)
    return [fmean(of_draw) for of_draw in draws.values()]


def _base_row(language: str, runs: Sequence[Run], base: BaseRun) -> Row:
    """Return the zero-shot base as the runs of a language have measured it, once an evaluation dataset."""
    own = [run for run in runs if run.cell.language == language]
    beside = [run for run in own if not run.cell.limited] or own
    measured = {run.job.evaluation_dataset_id: run.report.baselines[0] for run in beside}
    rates = [_rates(candidate) for candidate in measured.values()]
    return Row(
        language=language,
        variant=Variant(method=PRE),
        runs=1,
        metrics={name: spread([one[name] for one in rates]) for name in rates[0]},
        train_seconds=spread([base.report.result.train_seconds]),
        wall_seconds=spread([base.report.wall_seconds]),
        peak_memory_bytes=base.report.peak_memory_bytes,
    )


def _rates(candidate: Candidate) -> Mapping[str, float]:
    return candidate.evaluation.headline
