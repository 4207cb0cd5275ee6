"""Intents and slots as the house sees them: what is measured is what a user would be answered."""

from pathlib import Path

import pytest
import torch

from core.contracts.hyperparameters import FineTuneSettings
from core.errors import InvalidInput
from core.tasks.mtod.engine import MtodTask
from core.tasks.mtod.learner import MtodLearner
from core.training.finetune import fine_tune
from tests.core.tiny import english, spanish, tiny_learner
from tests.core.training.toys import silent_tracker


def test_a_model_that_knows_every_answer_is_measured_as_perfect(taught: MtodLearner) -> None:
    found = MtodTask().measure(taught, english())
    assert set(found.evaluation.headline.values()) == {1.0}
    assert found.exact == (True,) * len(english())


def test_which_utterances_were_right_agrees_with_their_share(taught: MtodLearner) -> None:
    wrong = [one.model_copy(update={"intent": "find_weather"}) for one in english()]
    found = MtodTask().measure(taught, wrong)
    assert sum(found.exact) == 10
    assert found.evaluation.exact_match == pytest.approx(10 / 30)
    assert found.evaluation.headline["slot F1"] == 1


def test_measuring_puts_the_model_in_evaluation_mode_and_changes_nothing(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    before = {name: one.detach().clone() for name, one in learner.model.state_dict().items()}
    learner.model.train()
    first = MtodTask().measure(learner, spanish())
    assert not learner.model.training
    assert MtodTask().measure(learner, spanish()) == first
    assert all(torch.equal(before[name], one) for name, one in learner.model.state_dict().items())


def test_a_model_that_was_measured_can_be_trained_on(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    MtodTask().measure(learner, spanish())
    settings = FineTuneSettings(epochs=1, batch_size=8, min_steps=1)
    fine_tune(learner, learner.features(english()), settings, seed=1, tracker=silent_tracker("fine-tune"))


def test_the_examples_own_tokens_are_not_used_because_no_user_sends_any(taught: MtodLearner) -> None:
    split_oddly = [one.model_copy(update={"tokens": (one.text,)}) for one in english()]
    assert MtodTask().measure(taught, split_oddly) == MtodTask().measure(taught, english())


def test_a_text_longer_than_the_window_is_told_by_its_place(taught: MtodLearner) -> None:
    too_long = english()[0].model_copy(update={"text": "wake me " * 60, "slots": ()})
    with pytest.raises(InvalidInput, match="/1: the text has 122 tokens; this encoder reads 64"):
        MtodTask().measure(taught, [english()[0], too_long])
