"""Learning curves and sweep lines."""

import numpy as np
import pytest

from core.experiments.aggregation import rows_of
from core.experiments.curves import POINTS, learning_curve, sweep_line
from tests.core.experiments.synthetic_runs import run


def losses(*values: float) -> list[dict[str, float]]:
    return [{"loss": value} for value in values]


def query_losses(*values: float) -> list[dict[str, float]]:
    return [{"query_loss": value, "support_loss": 100.0} for value in values]


def test_learning_curve_is_mean_and_deviation_over_seeds() -> None:
    runs = [
        run("ft", 42, 0.9, stages={"fine-tune": losses(4, 3, 2)}),
        run("ft", 35, 0.9, stages={"fine-tune": losses(2, 1, 0)}),
    ]
    line = learning_curve(runs)
    assert line is not None
    assert (line.x[0], line.x[-1]) == (1, 3)
    assert line.mean == pytest.approx(np.linspace(3, 1, POINTS))
    assert line.sd == pytest.approx(np.full(POINTS, np.sqrt(2)))


def test_learning_curve_concatenates_query_losses_of_meta_stages() -> None:
    stages = {"meta-train": query_losses(5, 4), "meta-adapt": query_losses(3, 2)}
    line = learning_curve([run("x-metra-ada", 42, 0.9, stages=stages)])
    assert line is not None
    assert (line.x[0], line.x[-1]) == (1, 4)
    assert (line.mean[0], line.mean[-1]) == (5, 2)
    assert not line.sd.any()


def test_learning_curve_stretches_runs_of_different_lengths() -> None:
    runs = [
        run("ft", 42, 0.9, stages={"fine-tune": losses(4, 2)}),
        run("ft", 35, 0.9, stages={"fine-tune": losses(4, 3, 2)}),
    ]
    line = learning_curve(runs)
    assert line is not None
    assert line.x[-1] == 2.5
    assert (line.mean[0], line.mean[-1]) == (4, 2)


def test_learning_curve_smooths_many_points() -> None:
    noisy = losses(*(1.0 + (-1) ** step for step in range(200)))
    line = learning_curve([run("ft", 42, 0.9, stages={"fine-tune": noisy})])
    assert line is not None
    assert line.mean == pytest.approx(np.ones(POINTS))


def test_learning_curve_ignores_stages_outside_the_plan() -> None:
    plain_run = run("ft", 42, 0.9, stages={"fine-tune": losses(1)})
    curves = plain_run.report.curves
    point = curves[0].model_copy(update={"stage": "tuning", "metrics": {"loss": 99.0}})
    report = plain_run.report.model_copy(update={"curves": (point, *curves)})
    line = learning_curve([plain_run.model_copy(update={"report": report})])
    assert line is not None
    assert line.mean.max() == 1


def test_learning_curve_is_none_without_losses() -> None:
    assert learning_curve([run("ft", 42, 0.9)]) is None
    assert learning_curve([]) is None


def test_sweep_line_is_in_per_cent_and_sorted_by_amount() -> None:
    rows = rows_of([run("ft", 42, 0.9, shots=9), run("ft", 42, 0.5, shots=1)], None)
    line = sweep_line(rows, "intent accuracy", {row.variant: float(row.variant.shots or 0) for row in rows})
    assert line.x.tolist() == [1, 9]
    assert line.mean.tolist() == [50, 90]
    assert line.sd.tolist() == [0, 0]
