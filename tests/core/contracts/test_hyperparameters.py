"""How a model learns: bounds of the numbers, and the steps that follow from them."""

import pytest
from pydantic import ValidationError

from core.contracts.hyperparameters import FineTuneSettings, InnerLoop, MetaSettings, Schedule


@pytest.mark.parametrize("rate", [0, -1e-3, 1.5, float("nan"), float("inf"), -float("inf"), "fast"])
def test_a_rate_is_above_zero_and_at_most_one(rate: object) -> None:
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
def test_a_setting_outside_its_bounds_is_told_with_its_name(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        FineTuneSettings.model_validate({name: value})

    assert refused.value.errors()[0]["loc"] == (name,)


@pytest.mark.parametrize("name", ["inner_steps", "k_shot", "q_shot", "meta_batch_size", "meta_train_steps"])
def test_the_meta_learner_needs_at_least_one_of_everything(name: str) -> None:
    with pytest.raises(ValidationError):
        MetaSettings.model_validate({name: 0})


@pytest.mark.parametrize(
    ("examples", "batch", "epochs", "steps"),
    [(1, 16, 1, 1), (17, 16, 1, 2), (100, 10, 0.5, 5), (1, 512, 0.001, 1)],
)
def test_an_epoch_counts_its_last_small_batch_and_a_run_has_a_step(
    examples: int, batch: int, epochs: float, steps: int
) -> None:
    assert FineTuneSettings(batch_size=batch, epochs=epochs, min_steps=1).steps(examples) == steps


def test_only_the_fused_loop_can_be_interleaved() -> None:
    with pytest.raises(ValidationError, match="the interleaved schedule needs inner_loop fused"):
        MetaSettings(schedule=Schedule.INTERLEAVED, inner_loop=InnerLoop.SECOND_ORDER)
