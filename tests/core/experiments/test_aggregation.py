"""Runs summed up: means and spreads, in the order of the paper, and comparisons."""

import math

import pytest

from core.contracts.hyperparameters import Schedule
from core.contracts.values import Method, Trainable
from core.experiments.aggregation import Row, comparisons_of, rows_of, samples, variant_of
from tests.core.experiments.made_up import base, run


def row_of(rows: list[Row], method: str) -> Row:
    (row,) = (one for one in rows if one.variant.method == method)
    return row


def test_a_row_is_the_mean_and_spread_over_seeds() -> None:
    row = row_of(rows_of([run("ft", 42, 0.8), run("ft", 35, 0.9)], base()), "ft")
    assert row.runs == 2
    found = row.metrics["intent accuracy"]
    assert found.mean == pytest.approx(0.85)
    assert found.sd == pytest.approx(0.1 / math.sqrt(2))
    assert row.metrics["slot F1"].sd == 0
    assert (row.train_seconds.mean, row.wall_seconds.mean) == (12, 20)
    assert row.peak_memory_bytes == 300 * 2**20


def test_rows_come_by_amount_and_then_in_the_order_of_the_paper() -> None:
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
    told = [row.variant for row in rows_of(runs, base())]
    assert [(one.method, one.shots, one.share) for one in told] == [
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
    assert [one.trainable for one in told[2:4]] == [Trainable.ALL, Trainable.LORA]
    assert [one.schedule for one in told[4:6]] == [Schedule.SEQUENTIAL, Schedule.INTERLEAVED]


def test_the_base_is_measured_once_however_many_runs_measured_it() -> None:
    rows = rows_of([run("ft", 42, 0.8), run("ft", 35, 0.9)], base())
    pre = row_of(rows, "pre")
    assert (pre.metrics["intent accuracy"].mean, pre.metrics["intent accuracy"].sd) == (0.3, None)
    assert pre.train_seconds.mean == base().report.result.train_seconds


def test_the_base_has_a_spread_where_it_was_measured_on_several_datasets() -> None:
    runs = [run("ft", 42, 0.8, measured_on="one"), run("ft", 35, 0.9, measured_on="two")]
    assert row_of(rows_of(runs, base()), "pre").metrics["intent accuracy"].n == 2


def test_the_base_is_told_where_only_limited_runs_have_measured_it() -> None:
    assert row_of(rows_of([run("ft", 42, 0.8, shots=1)], base()), "pre").runs == 1


def test_each_language_has_its_rows() -> None:
    rows = rows_of([run("ft", 42, 0.8), run("ft", 42, 0.7, language="th")], base())
    assert [(row.language, row.variant.method) for row in rows] == [
        ("es", "pre"),
        ("th", "pre"),
        ("es", "ft"),
        ("th", "ft"),
    ]


def test_several_draws_count_once_each_by_the_mean_over_their_seeds() -> None:
    runs = [run("ft", seed, 0.0, shots=1, draw=draw) for draw, seed in ((0, 42), (0, 35), (1, 42), (1, 35))]
    assert samples(runs, [0.1, 0.3, 0.6, 0.8]) == pytest.approx([0.2, 0.7])


def test_the_seeds_of_a_single_draw_count_each() -> None:
    runs = [run("ft", seed, 0.0, shots=1) for seed in (42, 35)]
    assert samples(runs, [0.1, 0.3]) == [0.1, 0.3]


def test_x_metra_ada_is_compared_with_both_kinds_of_fine_tuning() -> None:
    runs = [
        run(method, seed, score)
        for method, scores in {"ft": (0.0, 0.2), "ft-en": (0.5, 0.7), "x-metra-ada": (0.4, 0.6)}.items()
        for seed, score in zip((42, 35), scores, strict=True)
    ]
    found = {
        one.rival: one for one in comparisons_of(rows_of(runs, base())) if one.metric == "intent accuracy"
    }
    assert found[Method.FT].difference == pytest.approx(0.4)
    assert found[Method.FT_EN].difference == pytest.approx(-0.1)
    # As in the test of Welch's test: all values are a tenth of those.
    assert found[Method.FT].p_value == pytest.approx(1 - math.sqrt(0.8))


def test_only_what_learnt_from_as_much_with_the_same_tensors_is_compared() -> None:
    runs = [
        run("ft", 42, 0.5),
        run("ft", 42, 0.5, shots=3),
        run("x-metra-ada", 42, 0.6, shots=3, schedule="interleaved"),
        run("x-metra-ada", 42, 0.6, trainable="lora"),
    ]
    found = comparisons_of(rows_of(runs, base()))
    assert {(one.variant.shots, one.variant.schedule) for one in found} == {(3, Schedule.INTERLEAVED)}
    assert {one.p_value for one in found} == {None}


def test_runs_of_one_variant_differ_in_seed_and_draw_alone() -> None:
    first, second = run("ft", 42, 0.1, shots=3, draw=0), run("ft", 35, 0.2, shots=3, draw=1)
    assert variant_of(first.cell) == variant_of(second.cell)
    assert variant_of(first.cell) != variant_of(run("ft", 42, 0.1, shots=4).cell)


def test_without_runs_there_is_no_table() -> None:
    assert rows_of([], base()) == []
    assert rows_of([], None) == []
