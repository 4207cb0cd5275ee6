"""Bounds of hyperparameters, and the number of steps."""

import pytest
from pydantic import ValidationError

from core.contracts.hyperparameters import FineTuneSettings, InnerLoop, MetaSettings, Schedule


@pytest.mark.parametrize("rate", [0, -1e-3, 1.5, float("nan"), float("inf"), -float("inf"), "fast"])
def test_rate_is_above_zero_and_at_most_one(rate: object) -> None:
    with pytest.raises(ValidationError):
        FineTuneSettings.model_validate({"encoder_lr": rate})
    with pytest.raises(ValidationError):
        MetaSettings.model_validate({"inner_lr": rate})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", float("nan")),
        ("epochs", 201),
        ("batch_size", 0),
        ("batch_size", 1.5),
        ("warmup", 1),
        ("weight_decay", -0.1),
        ("unknown", 1),
    ],
)
def test_settings_refuse_a_value_out_of_bounds_with_its_name(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        FineTuneSettings.model_validate({name: value})

    assert caught.value.errors()[0]["loc"] == (name,)


@pytest.mark.parametrize("name", ["inner_steps", "k_shot", "q_shot", "meta_batch_size", "meta_train_steps"])
def test_meta_settings_refuse_zero(name: str) -> None:
    with pytest.raises(ValidationError):
        MetaSettings.model_validate({name: 0})


@pytest.mark.parametrize(
    ("examples", "batch", "epochs", "steps"),
    [(1, 16, 1, 1), (17, 16, 1, 2), (100, 10, 0.5, 5), (1, 512, 0.001, 1)],
)
def test_steps_count_the_last_partial_batch_and_are_at_least_one(
    examples: int, batch: int, epochs: float, steps: int
) -> None:
    assert FineTuneSettings(batch_size=batch, epochs=epochs, min_steps=1).steps(examples) == steps


def test_meta_settings_refuse_an_interleaved_schedule_without_the_fused_loop() -> None:
    with pytest.raises(ValidationError, match="the interleaved schedule needs inner_loop fused"):
        MetaSettings(schedule=Schedule.INTERLEAVED, inner_loop=InnerLoop.SECOND_ORDER)
