"""What an experiment asks becomes runs."""

from typing import Any

import pytest
from pydantic import ValidationError

from core.contracts.hyperparameters import Schedule
from core.contracts.values import Method, Trainable
from core.experiments.grid import METHODS, Cell, Experiment


def asked(**changes: Any) -> Experiment:
    fields: dict[str, Any] = {"task": "mtod", "languages": ("es", "th"), "seeds": (42, 35)}
    return Experiment.model_validate(fields | changes)


def test_without_more_every_method_runs_in_every_language_with_every_seed_on_all_data() -> None:
    cells = asked().cells()
    assert {(cell.language, cell.method, cell.seed) for cell in cells} == {
        (language, method, seed) for language in ("es", "th") for method in METHODS for seed in (42, 35)
    }
    assert len(cells) == 20
    assert not any(cell.limited for cell in cells)
    assert Method.BEST not in METHODS


def test_a_seed_is_finished_before_the_next_begins() -> None:
    assert [cell.seed for cell in asked().cells()] == [42] * 10 + [35] * 10


def test_shots_and_shares_are_sweeps_of_their_own_after_all_of_the_data() -> None:
    cells = asked(
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


def test_a_draw_has_nothing_to_do_with_a_seed() -> None:
    cells = asked(shots=(1,), draws=3, methods=("ft",), languages=("es",)).cells()
    limited = [(cell.seed, cell.draw) for cell in cells if cell.limited]
    assert sorted(limited) == [(seed, draw) for seed in (35, 42) for draw in range(3)]


def test_a_share_of_everything_is_no_limit() -> None:
    assert asked(shares=(1.0,)).cells() == asked().cells()


def test_all_of_the_data_is_left_out_where_only_other_shares_are_named() -> None:
    assert {cell.amount for cell in asked(shares=(0.1,)).cells()} == {"10-percent"}
    assert {cell.amount for cell in asked(shares=(), shots=(3,)).cells()} == {"3-shots"}


def test_no_amount_at_all_is_refused() -> None:
    with pytest.raises(ValidationError, match="nothing to run"):
        asked(shares=())


def test_only_x_metra_ada_has_schedules() -> None:
    cells = asked(schedules=("sequential", "interleaved"), seeds=(42,), languages=("es",)).cells()
    interleaved = [cell.method for cell in cells if cell.schedule is Schedule.INTERLEAVED]
    assert interleaved == [Method.X_METRA_ADA]
    assert len(cells) == 6


def test_every_method_is_run_with_whatever_is_trained() -> None:
    cells = asked(trainable=("all", "lora"), seeds=(42,), languages=("es",)).cells()
    assert [cell.trainable for cell in cells] == [Trainable.ALL] * 5 + [Trainable.LORA] * 5


def test_keys_are_readable_and_no_two_runs_share_one() -> None:
    cells = asked(
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


def test_what_is_named_twice_is_run_once() -> None:
    assert (
        asked(languages=("es", "es"), seeds=(42, 42)).cells() == asked(languages=("es",), seeds=(42,)).cells()
    )


def test_a_run_learns_with_its_own_seed_tensors_and_schedule() -> None:
    experiment = asked(settings={"meta": {"inner_steps": 3}})
    cell = Cell(
        language="es",
        method=Method.X_METRA_ADA,
        seed=7,
        trainable=Trainable.HEADS,
        schedule=Schedule.INTERLEAVED,
    )
    settings = experiment.settings_of(cell)
    assert (settings.seed, settings.trainable) == (7, Trainable.HEADS)
    assert (settings.meta.schedule, settings.meta.inner_steps) == (Schedule.INTERLEAVED, 3)


@pytest.mark.parametrize(
    ("changes", "place"),
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
def test_what_cannot_be_asked_is_refused(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        asked(**changes)
    assert {error["loc"][0] for error in caught.value.errors()} == {place}


def test_two_starts_together_ask_what_either_asks() -> None:
    first = asked(languages=("es",), methods=("ft",), draws=2)
    second = asked(languages=("th",), methods=("mono",), shots=(3,), draws=5)
    both = first.extended(second)
    assert both.languages == ("es", "th")
    assert both.methods == (Method.FT, Method.MONO)
    assert both.draws == 5
    assert set(both.cells()) >= {*first.cells(), *second.cells()}
