"""One learner over every kind of encoder: gradients, learning by heart, and what it is made of."""

from pathlib import Path
from typing import get_args

import pytest
import torch

from core.contracts.questions import QaExample
from core.encoders.loading import load_encoder
from core.tasks.engine import TaskLearner
from core.tasks.qa.decoding import answer
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.metrics import evaluate_answers
from tests.core.tasks.qa.asking import EXAMPLES, Question, answered, tiny_qa_folder, tiny_qa_learner
from tests.core.tiny import Kind

EVERY_SCRIPT = list(EXAMPLES.values())
SHORT_IN_BYTES = [EXAMPLES[name] for name in ("english", "spanish", "swahili", "arabic", "emoji")]
pytestmark = pytest.mark.usefixtures("one_thread")
every_kind = pytest.mark.parametrize("kind", get_args(Kind))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    kinds: tuple[Kind, ...] = get_args(Kind)
    return {kind: tiny_qa_folder(tmp_path_factory.mktemp(kind), kind) for kind in kinds}


def teach(learner: QaLearner, examples: list[QaExample], steps: int) -> None:
    batch = learner.batch(learner.features(examples))
    optimiser = torch.optim.AdamW(learner.model.parameters(), lr=5e-3)
    learner.model.train()
    for _ in range(steps):
        optimiser.zero_grad()
        learner.model(batch).backward()
        optimiser.step()


def best_answers(learner: QaLearner, examples: list[QaExample]) -> list[str]:
    found = answer(learner, learner.featurizer.questions(examples), top_k=1)
    return [one.answers[0].text for one in found]


@every_kind
def test_a_learner_learns_its_questions_by_heart(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_qa_learner(folders[kind])

    teach(learner, SHORT_IN_BYTES, steps=60)

    scores = evaluate_answers(SHORT_IN_BYTES, best_answers(learner, SHORT_IN_BYTES))
    assert (scores.exact_match, scores.f1) == (1.0, 1.0)


def test_a_learner_learns_every_script_and_is_sure_of_its_answers(folders: dict[Kind, Path]) -> None:
    learner = tiny_qa_learner(folders["xlm-r"])

    teach(learner, EVERY_SCRIPT, steps=80)

    assert best_answers(learner, EVERY_SCRIPT) == [one.answers[0].text for one in EVERY_SCRIPT]
    found = answer(learner, learner.featurizer.questions(EVERY_SCRIPT), top_k=3)
    assert all(one.answers[0].score > 0.5 for one in found)


def test_a_learner_finds_what_it_learnt_far_into_a_long_context(folders: dict[Kind, Path]) -> None:
    learner = tiny_qa_learner(folders["bert"])
    known = EXAMPLES["english"]
    before, after = "old tower in 1903 was built. " * 12, " The old tower in 1903." * 12
    shift = len(before)
    far = answered(known.question, before + known.context.replace("Ana Rossi", "⟦Ana Rossi⟧") + after)

    teach(learner, [far], steps=60)

    (found,) = answer(learner, learner.featurizer.questions([far]), top_k=1)
    assert len(learner.featurizer.questions([far])[0].windows) > 3
    assert found.answers[0].start == shift + known.answers[0].answer_start


@every_kind
def test_dropout_acts_in_training_and_nowhere_else(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_qa_learner(folders[kind])
    batch = learner.batch(learner.features(SHORT_IN_BYTES))

    learner.model.train()
    assert learner.model(batch) != learner.model(batch)
    learner.model.eval()
    assert learner.model(batch) == learner.model(batch)


def test_one_seed_makes_the_same_head(folders: dict[Kind, Path]) -> None:
    first, second, other = (tiny_qa_learner(folders["bert"], seed=seed) for seed in (1, 1, 2))

    weight = first.network.span_head.weight
    assert torch.equal(weight, second.network.span_head.weight)
    assert not torch.equal(weight, other.network.span_head.weight)


def test_the_tokens_of_a_batch_are_all_told(folders: dict[Kind, Path]) -> None:
    learner = tiny_qa_learner(folders["roberta"])
    features = learner.features(SHORT_IN_BYTES)

    assert learner.token_ids(features) == set(learner.batch(features).input_ids.flatten().tolist())
    assert learner.featurizer.padding in learner.token_ids(features[:1])


def test_a_learner_is_what_the_house_expects(folders: dict[Kind, Path]) -> None:
    encoder = load_encoder(str(folders["bert"]))

    learner = QaLearner(encoder, device="cpu", seed=3)

    expected: TaskLearner[QaExample, object] = learner  # type: ignore[assignment] # its own features
    assert expected.body is encoder.model
    assert (expected.intents, expected.slots) == ((), ())
    assert expected.encoder is encoder


def test_an_untrained_learner_answers_too(folders: dict[Kind, Path]) -> None:
    learner = tiny_qa_learner(folders["distilbert"])

    (found,) = answer(learner, learner.featurizer.questions([Question("Who?", "Ana")]), top_k=1)

    assert [one.text for one in found.answers] == ["Ana"]
