"""Cells of an experiment's grid, and validation of experiments."""

from typing import Any

import pytest
from pydantic import ValidationError

from core.contracts.hyperparameters import Schedule
from core.contracts.values import Method, Trainable
from core.experiments.grid import METHODS, Cell, Experiment


def experiment(**changes: Any) -> Experiment:
    fields: dict[str, Any] = {"task": "mtod", "languages": ("es", "th"), "seeds": (42, 35)}
    return Experiment.model_validate(fields | changes)


def test_cells_cover_methods_languages_and_seeds_by_default() -> None:
    cells = experiment().cells()
    assert {(cell.language, cell.method, cell.seed) for cell in cells} == {
        (language, method, seed) for language in ("es", "th") for method in METHODS for seed in (42, 35)
    }
    assert len(cells) == 20
    assert not any(cell.limited for cell in cells)
    assert Method.BEST not in METHODS


def test_cells_are_grouped_by_seed() -> None:
    assert [cell.seed for cell in experiment().cells()] == [42] * 10 + [35] * 10


def test_cells_of_shots_and_shares_follow_those_of_all_data() -> None:
    cells = experiment(
        shots=(1, 3), shares=(0.1, 1), draws=2, seeds=(42,), methods=("ft",), languages=("es",)
    ).cells()
    assert [(cell.shots, cell.share, cell.draw) for cell in cells] == [
        (None, None, 0),
        (1, None, 0),
        (1, None, 1),
        (3, None, 0),
        (3, None, 1),
        (None, 0.1, 0),
        (None, 0.1, 1),
    ]


def test_cells_combine_every_draw_with_every_seed() -> None:
    cells = experiment(shots=(1,), draws=3, methods=("ft",), languages=("es",)).cells()
    limited = [(cell.seed, cell.draw) for cell in cells if cell.limited]
    assert sorted(limited) == [(seed, draw) for seed in (35, 42) for draw in range(3)]


def test_cells_of_full_share_are_unlimited() -> None:
    assert experiment(shares=(1.0,)).cells() == experiment().cells()


def test_cells_omit_all_data_when_only_smaller_shares_are_given() -> None:
    assert {cell.amount for cell in experiment(shares=(0.1,)).cells()} == {"10-percent"}
    assert {cell.amount for cell in experiment(shares=(), shots=(3,)).cells()} == {"3-shots"}


def test_experiment_rejects_no_amount() -> None:
    with pytest.raises(ValidationError, match="nothing to run"):
        experiment(shares=())


def test_cells_vary_schedule_for_x_metra_ada_only() -> None:
    cells = experiment(schedules=("sequential", "interleaved"), seeds=(42,), languages=("es",)).cells()
    interleaved = [cell.method for cell in cells if cell.schedule is Schedule.INTERLEAVED]
    assert interleaved == [Method.X_METRA_ADA]
    assert len(cells) == 6


def test_cells_combine_methods_with_trainable() -> None:
    cells = experiment(trainable=("all", "lora"), seeds=(42,), languages=("es",)).cells()
    assert [cell.trainable for cell in cells] == [Trainable.ALL] * 5 + [Trainable.LORA] * 5


def test_cell_keys_are_readable_and_unique() -> None:
    cells = experiment(
        shots=(1, 10),
        shares=(0.1, 0.125, 0.07),
        draws=2,
        trainable=("all", "heads", "lora"),
        schedules=("sequential", "interleaved"),
    ).cells()
    keys = [cell.key for cell in cells]
    assert len(set(keys)) == len(keys)
    assert keys[0] == "es.mono.1-shots.draw-0.seed-42"
    assert "th.x-metra-ada.10-shots.draw-1.seed-35.lora.interleaved" in keys
    assert "es.ft.12.5-percent.draw-0.seed-42" in keys
    assert "es.ft.7-percent.draw-0.seed-42" in keys


def test_experiment_removes_duplicate_values() -> None:
    assert (
        experiment(languages=("es", "es"), seeds=(42, 42)).cells()
        == experiment(languages=("es",), seeds=(42,)).cells()
    )


def test_hyperparameters_of_applies_fields_of_the_cell() -> None:
    specification = experiment(settings={"meta": {"inner_steps": 3}})
    cell = Cell(
        language="es",
        method=Method.X_METRA_ADA,
        seed=7,
        trainable=Trainable.HEADS,
        schedule=Schedule.INTERLEAVED,
    )
    settings = specification.hyperparameters_of(cell)
    assert (settings.seed, settings.trainable) == (7, Trainable.HEADS)
    assert (settings.meta.schedule, settings.meta.inner_steps) == (Schedule.INTERLEAVED, 3)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"languages": ()}, "languages"),
        ({"languages": ("en",)}, "languages"),
        ({"languages": ("espanol",)}, "languages"),
        ({"methods": ("best",)}, "methods"),
        ({"methods": ()}, "methods"),
        ({"seeds": (-1,)}, "seeds"),
        ({"shots": (0,)}, "shots"),
        ({"shares": (0.0,)}, "shares"),
        ({"shares": (1.5,)}, "shares"),
        ({"draws": 0}, "draws"),
        ({"settings": {"seed": 3}}, "settings"),
        ({"settings": {"trainable": "lora"}}, "settings"),
        ({"settings": {"meta": {"schedule": "interleaved"}}}, "settings"),
    ],
)
def test_experiment_rejects_invalid_fields(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        experiment(**changes)
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


def test_merged_with_contains_the_runs_of_both() -> None:
    first = experiment(languages=("es",), methods=("ft",), draws=2)
    second = experiment(languages=("th",), methods=("mono",), shots=(3,), draws=5)
    merged = first.merged_with(second)
    assert merged.languages == ("es", "th")
    assert merged.methods == (Method.FT, Method.MONO)
    assert merged.draws == 5
    assert set(merged.cells()) >= {*first.cells(), *second.cells()}
