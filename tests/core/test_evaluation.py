import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.jobs import FineTuneSettings
from core.errors import InvalidInput
from core.evaluation import chance_of_difference, measure
from core.learning.finetune import fine_tune
from core.tasks.mtod.learner import MtodLearner
from tests.core.learning.toys import silent_tracker
from tests.core.tiny import english, spanish, tiny_learner

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40)


def test_a_model_that_knows_every_answer_is_measured_as_perfect(taught: MtodLearner) -> None:
    found = measure(taught, english())
    assert (found.evaluation.intent_accuracy, found.evaluation.slot_f1, found.evaluation.exact_match) == (
        1,
        1,
        1,
    )
    assert found.exact == (True,) * len(english())


def test_which_utterances_were_right_agrees_with_their_share(taught: MtodLearner) -> None:
    wrong = [one.model_copy(update={"intent": "find_weather"}) for one in english()]
    found = measure(taught, wrong)
    assert sum(found.exact) == 10
    assert found.evaluation.exact_match == pytest.approx(10 / 30)
    assert found.evaluation.slot_f1 == 1


def test_measuring_puts_the_model_in_evaluation_mode_and_changes_nothing(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    before = {name: one.detach().clone() for name, one in learner.model.state_dict().items()}
    learner.model.train()
    first = measure(learner, spanish())
    assert not learner.model.training
    assert measure(learner, spanish()) == first
    assert all(torch.equal(before[name], one) for name, one in learner.model.state_dict().items())


def test_a_model_that_was_measured_can_be_trained_on(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    measure(learner, spanish())
    settings = FineTuneSettings(epochs=1, batch_size=8, min_steps=1)
    fine_tune(learner, learner.features(english()), settings, seed=1, tracker=silent_tracker("fine-tune"))


def test_the_examples_own_tokens_are_not_used_because_no_user_sends_any(taught: MtodLearner) -> None:
    split_oddly = [one.model_copy(update={"tokens": (one.text,)}) for one in english()]
    assert measure(taught, split_oddly) == measure(taught, english())


def test_a_text_longer_than_the_window_is_told_by_its_place(taught: MtodLearner) -> None:
    too_long = english()[0].model_copy(update={"text": "wake me " * 60, "slots": ()})
    with pytest.raises(InvalidInput, match="/1: the text has 122 tokens; this encoder reads 64"):
        measure(taught, [english()[0], too_long])


def test_mcnemars_p_value_is_that_of_the_textbook() -> None:
    # Ten utterances only the first gets right, two only the second: 2 · P(X ≤ 2), X ~ B(12, ½).
    first = [True] * 10 + [False] * 2 + [True] * 5
    second = [False] * 10 + [True] * 2 + [True] * 5
    assert chance_of_difference(first, second) == pytest.approx(2 * (1 + 12 + 66) / 2**12)


def test_models_that_are_right_on_the_same_utterances_do_not_differ() -> None:
    assert chance_of_difference([True, False], [True, False]) == 1.0
    assert chance_of_difference([], []) == 1.0


@given(outcomes)
def test_the_p_value_is_a_probability_and_takes_no_side(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    chance = chance_of_difference(first, second)
    assert 0 < chance <= 1
    assert chance == chance_of_difference(second, first)


@given(st.integers(0, 5), st.integers(0, 5))
def test_the_p_value_counts_all_outcomes_at_least_as_uneven(mine: int, other: int) -> None:
    chance = chance_of_difference([True] * mine + [False] * other, [False] * mine + [True] * other)
    assert chance == pytest.approx(_by_enumeration(mine, other))


def test_hundreds_of_utterances_do_not_overflow() -> None:
    chance = chance_of_difference([True] * 900 + [False] * 700, [False] * 900 + [True] * 700)
    assert math.isfinite(chance)
    assert 1e-9 < chance < 1e-5


def _by_enumeration(mine: int, other: int) -> float:
    """Count, of all ways in which coins decide, those as uneven as what was seen."""
    ways: Sequence[tuple[int, ...]] = list(product((0, 1), repeat=mine + other))
    uneven = [way for way in ways if min(sum(way), len(way) - sum(way)) <= min(mine, other)]
    return len(uneven) / len(ways)
