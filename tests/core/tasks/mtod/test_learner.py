"""Test the learner of mtod with every kind of encoder: loss, gradients, training and checkpoints."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor

from core.checkpoints import write_full
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD, now
from core.tasks.mtod.decoding import answer
from core.tasks.mtod.learner import MtodLearner
from tests.core.tiny import Kind, english, read_mtod, spanish, texts_of, tiny_encoder_folder, tiny_learner

EXAMPLES = english()
every_kind = pytest.mark.parametrize("kind", get_args(Kind))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    texts = texts_of(english(), spanish())
    return {kind: tiny_encoder_folder(tmp_path_factory.mktemp(kind), kind, texts) for kind in get_args(Kind)}


def scores(learner: MtodLearner, texts: list[str]) -> tuple[Tensor, Tensor]:
    learner.model.eval()
    with torch.no_grad():
        return learner.network.scores(learner.batch(learner.featurizer.texts(texts)))


@every_kind
def test_batch_has_finite_scalar_loss_and_scores_of_all_labels(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_learner(folders[kind], EXAMPLES)
    batch = learner.batch(learner.features(EXAMPLES[:4]))

    loss = learner.model(batch)
    logits, emissions = learner.network.scores(batch)

    assert loss.shape == ()
    assert torch.isfinite(loss)
    assert logits.shape == (4, len(learner.labels.intents))
    assert emissions.shape == (4, batch.unit_mask.shape[1], len(learner.labels.tags))


@every_kind
def test_every_tensor_receives_gradient(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_learner(folders[kind], EXAMPLES)
    learner.model(learner.batch(learner.features(EXAMPLES))).backward()

    named = dict(learner.model.named_parameters())
    assert all(tensor.requires_grad for tensor in named.values())
    assert [name for name, tensor in named.items() if tensor.grad is None] == []
    assert all(torch.isfinite(tensor.grad).all() for tensor in named.values() if tensor.grad is not None)
    # The softmax of attention is invariant to a shift of all keys: gradients of key biases are zero.
    zero_gradients = [
        name for name, tensor in named.items() if tensor.grad is not None and not tensor.grad.any()
    ]
    assert all(name.endswith("bias") for name in zero_gradients)


@every_kind
def test_scores_of_text_are_independent_of_batch(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_learner(folders[kind], EXAMPLES)
    texts = ["wake me", "remind me to call Carmen today and will it rain in New York"]

    logits, emissions = scores(learner, texts)

    for row, text in enumerate(texts):
        alone_logits, alone_emissions = scores(learner, [text])
        units = alone_emissions.shape[1]
        torch.testing.assert_close(logits[row], alone_logits[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(emissions[row, :units], alone_emissions[0], rtol=1e-4, atol=1e-5)


@every_kind
def test_dropout_is_active_in_training_mode_only(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_learner(folders[kind], EXAMPLES)
    batch = learner.batch(learner.features(EXAMPLES[:4]))

    learner.model.train()
    assert learner.model(batch) != learner.model(batch)
    learner.model.eval()
    assert learner.model(batch) == learner.model(batch)


@every_kind
def test_learner_memorises_examples(folders: dict[Kind, Path], kind: Kind) -> None:
    learner = tiny_learner(folders[kind], EXAMPLES)
    examples = EXAMPLES[::5]
    features = learner.features(examples)
    batch = learner.batch(features)
    optimiser = torch.optim.AdamW(learner.model.parameters(), lr=1e-2)
    learner.model.train()

    for _ in range(40):
        optimiser.zero_grad()
        learner.model(batch).backward()
        optimiser.step()

    answers = answer(learner, features, top_k=1)
    assert [prediction.intents[0].name for prediction in answers] == [example.intent for example in examples]
    assert [prediction.spans for prediction in answers] == [example.slots for example in examples]


@every_kind
def test_loaded_checkpoint_predicts_identically(
    folders: dict[Kind, Path], kind: Kind, tmp_path: Path
) -> None:
    learner = tiny_learner(folders[kind], EXAMPLES, seed=3)
    texts = ["wake me at two", "recuérdame llamar a Inés", "👩‍👩‍👧 ξ 明天", "\u200b"]
    files = write_full(learner, tmp_path)

    loaded = read_mtod(tmp_path, manifest_of(learner, files))

    assert loaded.labels == learner.labels
    assert loaded.encoder.max_tokens == learner.encoder.max_tokens
    assert loaded.featurizer.texts(texts) == learner.featurizer.texts(texts)
    for expected, actual in zip(scores(learner, texts), scores(loaded, texts), strict=True):
        assert torch.equal(actual, expected)
    before = answer(learner, learner.featurizer.texts(texts), top_k=3)
    assert answer(loaded, loaded.featurizer.texts(texts), top_k=3) == before


def test_extended_labels_are_saved_and_loaded(folders: dict[Kind, Path], tmp_path: Path) -> None:
    learner = tiny_learner(folders["bert"], EXAMPLES[:10])
    learner.extend_labels(tiny_learner(folders["bert"], EXAMPLES).labels)
    files = write_full(learner, tmp_path)

    loaded = read_mtod(tmp_path, manifest_of(learner, files))

    assert loaded.labels.intents == ("set_alarm", "find_weather", "set_reminder")
    assert torch.equal(scores(loaded, ["wake me"])[1], scores(learner, ["wake me"])[1])


def manifest_of(learner: MtodLearner, files: dict[str, str]) -> CheckpointManifest:
    return CheckpointManifest(
        checkpoint_id="c",
        task=MTOD,
        method="pre",
        languages=("en",),
        base_id=None,
        dataset_ids={},
        encoder="tiny",
        intents=learner.labels.intents,
        slots=learner.labels.slots,
        files=files,
        bytes=1,
        created_at=now(),
    )
