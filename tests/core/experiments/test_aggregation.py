"""Rows of tables with means and standard deviations, and comparisons."""

import math

import pytest

from core.contracts.hyperparameters import Schedule
from core.contracts.values import Method, Trainable
from core.experiments.aggregation import Row, comparisons_of, independent_values, rows_of, variant_of
from tests.core.experiments.synthetic_runs import base, run


def row_of(rows: list[Row], method: str) -> Row:
    (match,) = (row for row in rows if row.variant.method == method)
    return match


def test_rows_of_computes_mean_and_deviation_over_seeds() -> None:
    row = row_of(rows_of([run("ft", 42, 0.8), run("ft", 35, 0.9)], base()), "ft")
    assert row.runs == 2
    accuracy = row.metrics["intent accuracy"]
    assert accuracy.mean == pytest.approx(0.85)
    assert accuracy.sd == pytest.approx(0.1 / math.sqrt(2))
    assert row.metrics["slot F1"].sd == 0
    assert (row.train_seconds.mean, row.wall_seconds.mean) == (12, 20)
    assert row.peak_memory_bytes == 300 * 2**20


def test_rows_of_sorts_by_amount_then_method() -> None:
    runs = [
        run("x-metra-ada", 42, 0.9, share=0.5),
        run("x-metra-ada", 42, 0.9, shots=9),
        run("ft", 42, 0.9, shots=3),
        run("x-metra-ada", 42, 0.9, schedule="interleaved"),
        run("x-metra-ada", 42, 0.9),
        run("ft", 42, 0.9, trainable="lora"),
        run("ft", 42, 0.9),
        run("mono", 42, 0.9),
    ]
    variants = [row.variant for row in rows_of(runs, base())]
    assert [(variant.method, variant.shots, variant.share) for variant in variants] == [
        ("pre", None, None),
        ("mono", None, None),
        ("ft", None, None),
        ("ft", None, None),
        ("x-metra-ada", None, None),
        ("x-metra-ada", None, None),
        ("ft", 3, None),
        ("x-metra-ada", 9, None),
        ("x-metra-ada", None, 0.5),
    ]
    assert [variant.trainable for variant in variants[2:4]] == [Trainable.ALL, Trainable.LORA]
    assert [variant.schedule for variant in variants[4:6]] == [Schedule.SEQUENTIAL, Schedule.INTERLEAVED]


def test_rows_of_counts_base_once_per_evaluation_dataset() -> None:
    rows = rows_of([run("ft", 42, 0.8), run("ft", 35, 0.9)], base())
    pre = row_of(rows, "pre")
    assert (pre.metrics["intent accuracy"].mean, pre.metrics["intent accuracy"].sd) == (0.3, None)
    assert pre.train_seconds.mean == base().report.result.train_seconds


def test_rows_of_aggregates_base_over_several_evaluation_datasets() -> None:
    runs = [
        run("ft", 42, 0.8, evaluation_dataset_id="first"),
        run("ft", 35, 0.9, evaluation_dataset_id="second"),
    ]
    assert row_of(rows_of(runs, base()), "pre").metrics["intent accuracy"].n == 2


def test_rows_of_includes_base_when_only_limited_runs_exist() -> None:
    assert row_of(rows_of([run("ft", 42, 0.8, shots=1)], base()), "pre").runs == 1


def test_rows_of_separates_languages() -> None:
    rows = rows_of([run("ft", 42, 0.8), run("ft", 42, 0.7, language="th")], base())
    assert [(row.language, row.variant.method) for row in rows] == [
        ("es", "pre"),
        ("th", "pre"),
        ("es", "ft"),
        ("th", "ft"),
    ]


def test_independent_values_averages_seeds_of_each_draw() -> None:
    runs = [run("ft", seed, 0.0, shots=1, draw=draw) for draw, seed in ((0, 42), (0, 35), (1, 42), (1, 35))]
    assert independent_values(runs, [0.1, 0.3, 0.6, 0.8]) == pytest.approx([0.2, 0.7])


def test_independent_values_keeps_seeds_of_a_single_draw() -> None:
    runs = [run("ft", seed, 0.0, shots=1) for seed in (42, 35)]
    assert independent_values(runs, [0.1, 0.3]) == [0.1, 0.3]


def test_comparisons_of_compares_x_metra_ada_with_both_rivals() -> None:
    runs = [
        run(method, seed, score)
        for method, scores in {"ft": (0.0, 0.2), "ft-en": (0.5, 0.7), "x-metra-ada": (0.4, 0.6)}.items()
        for seed, score in zip((42, 35), scores, strict=True)
    ]
    by_rival = {
        comparison.rival: comparison
        for comparison in comparisons_of(rows_of(runs, base()))
        if comparison.metric == "intent accuracy"
    }
    assert by_rival[Method.FT].difference == pytest.approx(0.4)
    assert by_rival[Method.FT_EN].difference == pytest.approx(-0.1)
    # As in the test of Welch's test, with a tenth of its values.
    assert by_rival[Method.FT].p_value == pytest.approx(1 - math.sqrt(0.8))


def test_comparisons_of_requires_equal_amount_and_trainable_tensors() -> None:
    runs = [
        run("ft", 42, 0.5),
        run("ft", 42, 0.5, shots=3),
        run("x-metra-ada", 42, 0.6, shots=3, schedule="interleaved"),
        run("x-metra-ada", 42, 0.6, trainable="lora"),
    ]
    comparisons = comparisons_of(rows_of(runs, base()))
    assert {(comparison.variant.shots, comparison.variant.schedule) for comparison in comparisons} == {
        (3, Schedule.INTERLEAVED)
    }
    assert {comparison.p_value for comparison in comparisons} == {None}


def test_variant_of_ignores_seed_and_draw() -> None:
    first, second = run("ft", 42, 0.1, shots=3, draw=0), run("ft", 35, 0.2, shots=3, draw=1)
    assert variant_of(first.cell) == variant_of(second.cell)
    assert variant_of(first.cell) != variant_of(run("ft", 42, 0.1, shots=4).cell)


def test_rows_of_is_empty_without_runs() -> None:
    assert rows_of([], base()) == []
    assert rows_of([], None) == []
