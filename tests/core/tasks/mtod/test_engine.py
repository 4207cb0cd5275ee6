"""Test the engine of mtod: measurements are those of answers to users."""

from pathlib import Path

import pytest
import torch

from core.contracts.evaluations import MtodEvaluation
from core.contracts.hyperparameters import FineTuneSettings
from core.errors import InvalidInput
from core.tasks.mtod.engine import MtodEngine
from core.tasks.mtod.learner import MtodLearner
from core.training.finetune import fine_tune
from tests.core.tiny import english, spanish, tiny_learner
from tests.core.training.toys import silent_tracker


def test_measure_returns_perfect_scores_for_memorised_examples(trained_learner: MtodLearner) -> None:
    measurement = MtodEngine().measure(trained_learner, english())
    assert set(measurement.evaluation.headline.values()) == {1.0}
    assert measurement.exact == (True,) * len(english())


def test_measure_exact_flags_agree_with_exact_match(trained_learner: MtodLearner) -> None:
    wrong = [example.model_copy(update={"intent": "find_weather"}) for example in english()]
    measurement = MtodEngine().measure(trained_learner, wrong)
    assert isinstance(measurement.evaluation, MtodEvaluation)
    assert sum(measurement.exact) == 10
    assert measurement.evaluation.exact_match == pytest.approx(10 / 30)
    assert measurement.evaluation.headline["slot F1"] == 1


def test_measure_sets_evaluation_mode_and_changes_no_weights(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    before = {name: tensor.detach().clone() for name, tensor in learner.model.state_dict().items()}
    learner.model.train()
    first = MtodEngine().measure(learner, spanish())
    assert not learner.model.training
    assert MtodEngine().measure(learner, spanish()) == first
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.model.state_dict().items())


def test_learner_can_be_trained_after_measure(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    MtodEngine().measure(learner, spanish())
    settings = FineTuneSettings(epochs=1, batch_size=8, min_steps=1)
    fine_tune(learner, learner.features(english()), settings, seed=1, tracker=silent_tracker("fine-tune"))


def test_measure_ignores_tokens_of_examples(trained_learner: MtodLearner) -> None:
    split_oddly = [example.model_copy(update={"tokens": (example.text,)}) for example in english()]
    assert MtodEngine().measure(trained_learner, split_oddly) == MtodEngine().measure(
        trained_learner, english()
    )


def test_measure_raises_with_index_when_text_is_too_long(trained_learner: MtodLearner) -> None:
    too_long = english()[0].model_copy(update={"text": "wake me " * 60, "slots": ()})
    with pytest.raises(InvalidInput, match="/1: the text has 122 tokens; this encoder reads 64"):
        MtodEngine().measure(trained_learner, [english()[0], too_long])
