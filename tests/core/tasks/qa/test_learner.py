"""Test the learner of qa with every kind of encoder: training, dropout and interface."""

from pathlib import Path
from typing import get_args

import pytest
import torch

from core.contracts.qa_examples import QaExample
from core.encoders.loading import load_encoder
from core.tasks.engine import TaskLearner
from core.tasks.qa.decoding import answer
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.metrics import evaluate_answers
from tests.core.tasks.qa.qa_examples import EXAMPLES, Question, qa_example, tiny_qa_folder, tiny_qa_learner
from tests.core.tiny import Kind

EVERY_SCRIPT = list(EXAMPLES.values())
SHORT_IN_BYTES = [EXAMPLES[name] for name in ("english", "spanish", "swahili", "arabic", "emoji")]
pytestmark = pytest.mark.usefixtures("one_thread")
every_kind = pytest.mark.parametrize("kind", get_args(Kind))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    kinds: tuple[Kind, ...] = get_args(Kind)
    return {kind: tiny_qa_folder(tmp_path_factory.mktemp(kind), kind) for kind in kinds}


def train(learner: QaLearner, examples: list[QaExample], steps: int) -> None:
    batch = learner.batch(learner.features(examples))
    optimiser = torch.optim.AdamW(learner.model.parameters(), lr=5e-3)
    learner.model.train()
    for _ in range(steps):
        optimiser.zero_grad()
        learner.model(batch).backward()
        optimiser.step()


def best_answers(learner: QaLearner, examples: list[QaExample]) -> list[str]:
    answers = answer(learner, learner.featurizer.questions(examples), top_k=1)
    return [prediction.answers[0].text for prediction in answers]


@every_kind
def test_learner_memorises_examples(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_qa_learner(folders[kind])

    train(learner, SHORT_IN_BYTES, steps=60)

    scores = evaluate_answers(SHORT_IN_BYTES, best_answers(learner, SHORT_IN_BYTES))
    assert (scores.exact_match, scores.f1) == (1.0, 1.0)


def test_learner_memorises_every_script_with_high_scores(folders: dict[Kind, Path]) -> None:
    learner = tiny_qa_learner(folders["xlm-r"])

    train(learner, EVERY_SCRIPT, steps=80)

    assert best_answers(learner, EVERY_SCRIPT) == [example.answers[0].text for example in EVERY_SCRIPT]
    answers = answer(learner, learner.featurizer.questions(EVERY_SCRIPT), top_k=3)
    assert all(prediction.answers[0].score > 0.5 for prediction in answers)


def test_learner_finds_answer_in_long_context(folders: dict[Kind, Path]) -> None:
    learner = tiny_qa_learner(folders["bert"])
    labelled = EXAMPLES["english"]
    before, after = "old tower in 1903 was built. " * 12, " The old tower in 1903." * 12
    shift = len(before)
    distant = qa_example(
        labelled.question, before + labelled.context.replace("Ana Rossi", "⟦Ana Rossi⟧") + after
    )

    train(learner, [distant], steps=60)

    (answers,) = answer(learner, learner.featurizer.questions([distant]), top_k=1)
    assert len(learner.featurizer.questions([distant])[0].windows) > 3
    assert answers.answers[0].start == shift + labelled.answers[0].answer_start


@every_kind
def test_dropout_is_active_in_training_mode_only(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_qa_learner(folders[kind])
    batch = learner.batch(learner.features(SHORT_IN_BYTES))

    learner.model.train()
    assert learner.model(batch) != learner.model(batch)
    learner.model.eval()
    assert learner.model(batch) == learner.model(batch)


def test_head_is_reproducible_by_seed(folders: dict[Kind, Path]) -> None:
    first, second, other = (tiny_qa_learner(folders["bert"], seed=seed) for seed in (1, 1, 2))

    weight = first.network.span_head.weight
    assert torch.equal(weight, second.network.span_head.weight)
    assert not torch.equal(weight, other.network.span_head.weight)


def test_token_ids_are_those_of_batch(folders: dict[Kind, Path]) -> None:
    learner = tiny_qa_learner(folders["roberta"])
    features = learner.features(SHORT_IN_BYTES)

    assert learner.token_ids(features) == set(learner.batch(features).input_ids.flatten().tolist())
    assert learner.featurizer.padding in learner.token_ids(features[:1])


def test_learner_implements_task_learner_protocol(folders: dict[Kind, Path]) -> None:
    encoder = load_encoder(str(folders["bert"]))

    learner = QaLearner(encoder, device="cpu", seed=3)

    expected: TaskLearner[QaExample, object] = learner  # type: ignore[assignment] # features of the task
    assert expected.body is encoder.model
    assert (expected.intents, expected.slots) == ((), ())
    assert expected.encoder is encoder


def test_untrained_learner_returns_answer(folders: dict[Kind, Path]) -> None:
    learner = tiny_qa_learner(folders["distilbert"])

    (answers,) = answer(learner, learner.featurizer.questions([Question("Who?", "Ana")]), top_k=1)

    assert [span.text for span in answers.answers] == ["Ana"]
