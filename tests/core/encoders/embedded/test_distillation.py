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
    return teacher_states(base(), ENGLISH, tell=lambda _: None)


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


def drawn(seed: int = 1) -> chain[list[Example]]:
    english = [identity(index) for index in range(len(ENGLISH))]
    return chain.from_iterable(
        epoch(TRANSLATIONS, english, SETTINGS, seed=seed, number=number) for number in count()
    )


def test_the_teachers_states_are_the_models_whatever_the_batch(teacher: TeacherStates) -> None:
    for index, sentence in enumerate(ENGLISH):
        with torch.inference_mode():
            alone = base()(input_ids=torch.tensor([[101, *sentence, 102]])).last_hidden_state[0]
        np.testing.assert_allclose(teacher[index], alone.numpy(), atol=2e-3)  # half precision
    np.testing.assert_allclose(teacher.pooled()[0], teacher[0].mean(axis=0), rtol=1e-6)


def test_who_already_says_what_the_teacher_says_has_nothing_to_learn(teacher: TeacherStates) -> None:
    sentence, token = student(teacher).losses([identity(0), identity(1)])
    assert float(sentence.detach()) == pytest.approx(0, abs=1e-5)
    assert float(token.detach()) == pytest.approx(0, abs=1e-5)


def test_the_losses_are_relative_squared_distances(teacher: TeacherStates) -> None:
    learner = student(teacher)
    example = TRANSLATIONS[1]
    with torch.inference_mode():
        embedded = learner.rows[torch.tensor([[101, 122, 123, 102]])]
        states = base()(inputs_embeds=embedded).last_hidden_state[0].numpy()
    english = teacher[1]
    scale = np.mean([np.square(teacher.pooled()[index]).sum() for index in range(len(ENGLISH))])
    expected = np.square(states.mean(axis=0) - english.mean(axis=0)).sum() / scale
    wanted = np.stack([english[0], english[1], (english[2] + english[3]) / 2])
    weights = np.array([0.5, 1.0, 1.0])
    distances = np.square(states[:3] - wanted).sum(axis=1)
    token_scale = np.mean([np.square(teacher[index]).sum(axis=1).mean() for index in range(len(ENGLISH))])
    sentence, token = learner.losses([example])
    assert float(sentence.detach()) == pytest.approx(expected, rel=1e-3)
    assert float(token.detach()) == pytest.approx(
        (distances * weights).sum() / weights.sum() / token_scale, rel=1e-3
    )


def test_only_rows_that_may_move_and_were_read_move(teacher: TeacherStates) -> None:
    learner = student(teacher)
    before = learner.rows.detach().clone()
    learner.train(drawn(), lambda _, __: None)
    moved = (learner.rows.detach() != before).any(dim=1).nonzero().flatten().tolist()
    assert moved == [120, 121, 122, 123, 124]


def test_it_learns(teacher: TeacherStates) -> None:
    learner = student(teacher, steps=60)
    told: list[float] = []
    learner.train(drawn(), lambda _, losses: told.append(losses["sentence"]))
    assert len(told) == 60
    assert sum(told[-5:]) < 0.5 * sum(told[:5])


def test_the_body_moves_only_where_it_is_trained(teacher: TeacherStates) -> None:
    for settings, moves in ((SETTINGS, False), (replace(SETTINGS, body_lr=1e-3), True)):
        learner = student(teacher, settings)
        learner.train(drawn(), lambda _, __: None)
        same = [
            torch.equal(ours, theirs)
            for ours, theirs in zip(
                learner.model.encoder.parameters(), base().encoder.parameters(), strict=True
            )
        ]
        assert all(same) is not moves
        assert bool(learner.body()) is moves


@pytest.mark.parametrize("body_lr", [0.0, 1e-3])
def test_a_run_that_was_interrupted_ends_where_it_would_have(teacher: TeacherStates, body_lr: float) -> None:
    settings = replace(SETTINGS, body_lr=body_lr)
    whole, half, rest = (student(teacher, settings) for _ in range(3))
    whole.train(drawn(), lambda _, __: None)

    def stop(step: int, _: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half.train(drawn(), stop)
    rest.restore(half.state())
    rest.train(drawn(), lambda _, __: None)
    assert torch.equal(whole.rows, rest.rows)
    for name, tensor in whole.body().items():
        np.testing.assert_array_equal(tensor, rest.body()[name])


def test_an_epoch_has_every_translation_once_in_batches_that_fit() -> None:
    translations = [Example([120] * (1 + index % 9), index, None) for index in range(50)]
    english = [Example([110], index, None) for index in range(10)]
    cut = epoch(translations, english, SETTINGS, seed=1, number=0)
    seen = Counter(example.english for batch in cut for example in batch if example.pieces[0] == 120)
    assert seen == Counter(range(50))
    assert sum(example.pieces[0] == 110 for batch in cut for example in batch) == SETTINGS.english
    for batch in cut:
        longest = max(len(example.pieces) for example in batch) + 2
        assert longest * len(batch) <= SETTINGS.batch_tokens
    assert cut == epoch(translations, english, SETTINGS, seed=1, number=0)
    assert cut != epoch(translations, english, SETTINGS, seed=1, number=1)


def test_what_is_empty_or_too_long_is_passed_over() -> None:
    odd = [Example([], 0, None), Example([120] * (LONGEST + 1), 1, None), Example([120], 2, None)]
    (batch,) = epoch(odd, [], SETTINGS, seed=1, number=0)
    assert [example.english for example in batch] == [2]
