from collections import Counter
from dataclasses import replace
from itertools import chain, count

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from core.encoders.embedded.build_settings import DistillationSettings
from core.encoders.embedded.distillation import LONGEST, Distillation, epoch
from core.encoders.embedded.teacher import TeacherStates, teacher_states
from core.encoders.embedded.training_examples import Example

SETTINGS = DistillationSettings(batch_tokens=40, english=4, warmup_steps=2, rows_lr=0.01, body_lr=0.0)
ENGLISH = [[110, 111], [112, 113, 114], [115], [111, 110]]
BASE, PIECES = 120, 130


def base() -> BertModel:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=BASE, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    model = BertModel(config, add_pooling_layer=False)
    model.eval()
    return model


@pytest.fixture(scope="module")
def teacher() -> TeacherStates:
    return teacher_states(base(), ENGLISH, report=lambda _: None)


def student(
    teacher: TeacherStates, settings: DistillationSettings = SETTINGS, steps: int = 6
) -> Distillation:
    rows = np.zeros((PIECES, 16), np.float32)
    rows[:BASE] = base().get_parameter("embeddings.word_embeddings.weight").detach().numpy()
    rows[BASE:] = np.random.default_rng(1).normal(0, 0.02, (PIECES - BASE, 16))
    return Distillation(base(), rows, np.arange(PIECES) >= BASE, teacher, settings, steps)


def identity(english: int) -> Example:
    pieces = ENGLISH[english]
    return Example(pieces, english, np.eye(len(pieces), dtype=np.float32))


TRANSLATIONS = [
    Example([120, 121], 0, np.eye(2, dtype=np.float32)),
    Example([122, 123], 1, np.array([[1, 0, 0], [0, 0.5, 0.5]], np.float32)),
    Example([124], 2, None),
    Example([121, 120], 3, np.eye(2, dtype=np.float32)),
]


def batches(seed: int = 1) -> chain[list[Example]]:
    english = [identity(index) for index in range(len(ENGLISH))]
    return chain.from_iterable(
        epoch(TRANSLATIONS, english, SETTINGS, seed=seed, number=number) for number in count()
    )


def test_teacher_states_do_not_depend_on_batching(teacher: TeacherStates) -> None:
    for index, sentence in enumerate(ENGLISH):
        with torch.inference_mode():
            states = base()(input_ids=torch.tensor([[101, *sentence, 102]])).last_hidden_state[0]
        np.testing.assert_allclose(teacher[index], states.numpy(), atol=2e-3)  # half precision
    np.testing.assert_allclose(teacher.pooled()[0], teacher[0].mean(axis=0), rtol=1e-6)


def test_losses_are_zero_for_a_perfect_student(teacher: TeacherStates) -> None:
    sentence, token = student(teacher).losses([identity(0), identity(1)])
    assert float(sentence.detach()) == pytest.approx(0, abs=1e-5)
    assert float(token.detach()) == pytest.approx(0, abs=1e-5)


def test_losses_are_relative_squared_distances(teacher: TeacherStates) -> None:
    learner = student(teacher)
    example = TRANSLATIONS[1]
    with torch.inference_mode():
        embedded = learner.rows[torch.tensor([[101, 122, 123, 102]])]
        states = base()(inputs_embeds=embedded).last_hidden_state[0].numpy()
    english = teacher[1]
    scale = np.mean([np.square(teacher.pooled()[index]).sum() for index in range(len(ENGLISH))])
    expected = np.square(states.mean(axis=0) - english.mean(axis=0)).sum() / scale
    targets = np.stack([english[0], english[1], (english[2] + english[3]) / 2])
    weights = np.array([0.5, 1.0, 1.0])
    distances = np.square(states[:3] - targets).sum(axis=1)
    token_scale = np.mean([np.square(teacher[index]).sum(axis=1).mean() for index in range(len(ENGLISH))])
    sentence, token = learner.losses([example])
    assert float(sentence.detach()) == pytest.approx(expected, rel=1e-3)
    assert float(token.detach()) == pytest.approx(
        (distances * weights).sum() / weights.sum() / token_scale, rel=1e-3
    )


def test_train_updates_only_used_trainable_rows(teacher: TeacherStates) -> None:
    learner = student(teacher)
    before = learner.rows.detach().clone()
    learner.train(batches(), lambda _, __: None)
    changed = (learner.rows.detach() != before).any(dim=1).nonzero().flatten().tolist()
    assert changed == [120, 121, 122, 123, 124]


def test_train_reduces_the_loss(teacher: TeacherStates) -> None:
    learner = student(teacher, steps=60)
    sentence_losses: list[float] = []
    learner.train(batches(), lambda _, losses: sentence_losses.append(losses["sentence"]))
    assert len(sentence_losses) == 60
    assert sum(sentence_losses[-5:]) < 0.5 * sum(sentence_losses[:5])


def test_train_updates_the_body_only_with_a_learning_rate(teacher: TeacherStates) -> None:
    for settings, is_trained in ((SETTINGS, False), (replace(SETTINGS, body_lr=1e-3), True)):
        learner = student(teacher, settings)
        learner.train(batches(), lambda _, __: None)
        same = [
            torch.equal(trained, initial)
            for trained, initial in zip(
                learner.model.encoder.parameters(), base().encoder.parameters(), strict=True
            )
        ]
        assert all(same) is not is_trained
        assert bool(learner.body()) is is_trained


@pytest.mark.parametrize("body_lr", [0.0, 1e-3])
def test_restored_training_equals_uninterrupted_training(teacher: TeacherStates, body_lr: float) -> None:
    settings = replace(SETTINGS, body_lr=body_lr)
    uninterrupted, interrupted, resumed = (student(teacher, settings) for _ in range(3))
    uninterrupted.train(batches(), lambda _, __: None)

    def stop(step: int, _: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted.train(batches(), stop)
    resumed.restore(interrupted.state())
    resumed.train(batches(), lambda _, __: None)
    assert torch.equal(uninterrupted.rows, resumed.rows)
    for name, tensor in uninterrupted.body().items():
        np.testing.assert_array_equal(tensor, resumed.body()[name])


def test_epoch_has_every_translation_once_in_batches_within_the_limit() -> None:
    translations = [Example([120] * (1 + index % 9), index, None) for index in range(50)]
    english = [Example([110], index, None) for index in range(10)]
    epoch_batches = epoch(translations, english, SETTINGS, seed=1, number=0)
    counts = Counter(
        example.english for batch in epoch_batches for example in batch if example.pieces[0] == 120
    )
    assert counts == Counter(range(50))
    assert sum(example.pieces[0] == 110 for batch in epoch_batches for example in batch) == SETTINGS.english
    for batch in epoch_batches:
        longest = max(len(example.pieces) for example in batch) + 2
        assert longest * len(batch) <= SETTINGS.batch_tokens
    assert epoch_batches == epoch(translations, english, SETTINGS, seed=1, number=0)
    assert epoch_batches != epoch(translations, english, SETTINGS, seed=1, number=1)


def test_epoch_skips_empty_and_too_long_examples() -> None:
    examples = [Example([], 0, None), Example([120] * (LONGEST + 1), 1, None), Example([120], 2, None)]
    (batch,) = epoch(examples, [], SETTINGS, seed=1, number=0)
    assert [example.english for example in batch] == [2]
