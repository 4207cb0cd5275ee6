"""Test decoding of answers: offsets, order, bounded memory, and agreement with enumeration of all spans."""

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.tasks.qa import decoding
from core.tasks.qa.decoding import QaAnswer, answer
from core.tasks.qa.features import Batch, QuestionLike, TokenizedQuestion
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.model import SpanQa
from tests.core.tasks.mtod.writing_systems import script_texts
from tests.core.tasks.qa.enumeration import enumerated
from tests.core.tasks.qa.qa_examples import EXAMPLES, Question, qa_example, tiny_qa_folder, tiny_qa_learner
from tests.core.tiny import WINDOW

FILLER = "tower "
"""Two tokens."""

Scores = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qa_folder(tmp_path_factory.mktemp("qa"), "bert")


@pytest.fixture(scope="module")
def learner(folder: Path) -> QaLearner:
    """An untrained learner with scores so far apart that some spans stand out; read-only weights."""
    learner = tiny_qa_learner(folder, seed=5)
    with torch.no_grad():
        learner.network.span_head.weight.mul_(8.0)
    return learner


@pytest.fixture(scope="module")
def bytes_learner(tmp_path_factory: pytest.TempPathFactory) -> QaLearner:
    """An untrained learner with a byte-level tokenizer."""
    return tiny_qa_learner(tiny_qa_folder(tmp_path_factory.mktemp("qa"), "roberta"))


def answers_to(learner: QaLearner, questions: Sequence[QuestionLike], top_k: int = 5) -> list[QaAnswer]:
    return answer(learner, learner.featurizer.questions(questions), top_k=top_k)


def scores_from_ids(batch: Batch) -> Scores:
    """Return logits that differ between windows and add up exactly: eighths, by a window's first ids."""
    position = torch.arange(batch.input_ids.shape[1])
    prefix = (batch.input_ids * position).cumsum(1) + batch.input_ids  # [batch, tokens]
    starts, ends = ((prefix * prime % 61) / 8.0 for prime in (37, 53))
    return tuple(logits.masked_fill(~batch.context_mask, -torch.inf) for logits in (starts, ends))  # type: ignore[return-value]


def scores_pointing_at(learner: QaLearner, text: str) -> Callable[[SpanQa, Batch], Scores]:
    """Return scores of a model that is certain of every occurrence of a text's first and last token."""
    ids = learner.encoder.tokenizer(text, add_special_tokens=False)["input_ids"]

    def scores(_: SpanQa, batch: Batch) -> Scores:
        outside = ~batch.context_mask
        starts, ends = (9.0 * (batch.input_ids == token_id) for token_id in (ids[0], ids[-1]))
        return starts.masked_fill(outside, -torch.inf), ends.masked_fill(outside, -torch.inf)

    return scores


def scored_windows(
    question: TokenizedQuestion, learner: QaLearner
) -> list[tuple[range, list[float], list[float]]]:
    """Return the windows of a question with their `scores_from_ids`."""
    windows = []
    for window in question.windows:
        features = question.features(window)
        starts, ends = scores_from_ids(learner.batch([features]))
        context = slice(features.context.start, features.context.stop)
        windows.append((window, starts[0, context].tolist(), ends[0, context].tolist()))
    return windows


LONG: list[QuestionLike] = [
    Question("Who built it?", " ".join([EXAMPLES["english"].context, EXAMPLES["thai"].context] * 8)),
    EXAMPLES["spanish"],
    Question("Where?", "\u200b\u200d"),
    Question("Which?", " ".join(example.context for example in EXAMPLES.values())),
    EXAMPLES["emoji"],
    Question("Who?", "old " * 200),
]


@pytest.mark.parametrize("limit", [1, 200, 8192])
def test_answers_match_enumeration_of_all_spans_of_all_windows(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(SpanQa, "scores", lambda _, batch: scores_from_ids(batch))
    monkeypatch.setattr(decoding, "BATCH_TOKENS", limit)
    monkeypatch.setattr(decoding, "GROUP_TOKENS", limit)
    tokenized = learner.featurizer.questions(LONG)

    answers = answer(learner, tokenized, top_k=7)

    assert sum(len(question.windows) > 3 for question in tokenized) == 3
    for question, question_answers in zip(tokenized, answers, strict=True):
        windows = scored_windows(question, learner) if len(question.tokens) else []
        expected = enumerated(question.context, question.tokens, windows, 7)
        ranked = question_answers.answers
        assert [(span.start, span.end) for span in ranked] == [(span.start, span.end) for span in expected]
        assert [span.score for span in ranked] == pytest.approx([span.score for span in expected], rel=1e-4)


def test_answer_sets_evaluation_mode(learner: QaLearner) -> None:
    learner.model.train()

    first = answers_to(learner, LONG)

    assert not learner.model.training
    assert answers_to(learner, LONG) == first


def test_answer_returns_empty_list_without_questions(learner: QaLearner) -> None:
    assert answers_to(learner, []) == []


def test_answers_are_in_order_of_questions_of_any_length(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [answers_to(learner, [question])[0] for question in LONG]
    monkeypatch.setattr(decoding, "BATCH_TOKENS", 3 * WINDOW)

    together = answers_to(learner, LONG)

    for batched, single in zip(together, alone, strict=True):
        assert batched.tokens == single.tokens
        assert [span.text for span in batched.answers] == [span.text for span in single.answers]
        assert [span.score for span in batched.answers] == pytest.approx(
            [span.score for span in single.answers], rel=1e-3
        )


def test_context_without_tokens_has_no_answers(learner: QaLearner) -> None:
    answers = answers_to(learner, LONG)

    assert [bool(question_answers.answers) for question_answers in answers] == [
        True,
        True,
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize("position", range(80))
def test_answer_is_found_at_every_position_relative_to_windows(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    gold = "Ana Rossi was"
    context = "old " * position + gold + " old" * (80 - position)
    monkeypatch.setattr(SpanQa, "scores", scores_pointing_at(learner, gold))

    (answers,) = answers_to(learner, [Question("Who?", context)], top_k=1)

    assert [(span.text, span.start) for span in answers.answers] == [(gold, 4 * position)]
    assert answers.answers[0].score > 0.9


def test_answer_with_many_occurrences_is_returned_once(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ("Ana Rossi " + "old " * 30) * 30  # too far apart for an answer from one to the next
    monkeypatch.setattr(SpanQa, "scores", scores_pointing_at(learner, "Ana Rossi"))

    (answers,) = answers_to(learner, [Question("Who?", context)], top_k=5)

    assert answers.answers[0].text == "Ana Rossi"
    assert answers.answers[0].start % 130 == 0
    assert answers.answers[0].score == pytest.approx(1 / 30, rel=0.05)
    assert len({span.text.casefold() for span in answers.answers}) == 5


@pytest.mark.parametrize("language", EXAMPLES)
def test_answer_has_exact_offsets_in_every_script(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    example = EXAMPLES[language]
    (gold,) = example.answers
    (question,) = learner.featurizer.questions([example])
    covering = question.tokens.covering(gold.answer_start, gold.end)
    assert covering is not None
    (window,) = question.windows
    features = question.features(window, covering)

    def certain(_: SpanQa, batch: Batch) -> Scores:
        starts, ends = torch.zeros(batch.input_ids.shape), torch.zeros(batch.input_ids.shape)
        starts[0, features.start], ends[0, features.end] = 20.0, 20.0
        return starts, ends

    monkeypatch.setattr(SpanQa, "scores", certain)
    (answers,) = answer(learner, [question], top_k=1)

    best = answers.answers[0]
    assert example.context[best.start : best.end] == best.text
    assert gold.text in best.text
    assert best.text == gold.text or language in {"thai", "korean"}  # their subwords are larger


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    context=script_texts(),
    question=st.sampled_from(["Who?", "¿Dónde?", "\u200b", "เ"]),
    in_bytes=st.booleans(),
)
def test_answers_have_exact_offsets_in_mixed_scripts(
    learner: QaLearner, bytes_learner: QaLearner, context: str, question: str, in_bytes: bool
) -> None:
    (answers,) = answers_to(bytes_learner if in_bytes else learner, [Question(question, context)], top_k=4)

    assert len(answers.answers) <= 4
    for rank, span in enumerate(answers.answers):
        assert context[span.start : span.end] == span.text == span.text.strip() != ""
        assert 0.0 <= span.score <= 1.0
        for better in answers.answers[:rank]:
            assert span.end <= better.start or better.end <= span.start
            assert span.text.casefold() != better.text.casefold()
            assert span.score <= better.score


def test_answer_counts_tokens_of_all_windows(learner: QaLearner) -> None:
    short, long, empty = answers_to(
        learner, [Question("Who?", "old Ana"), Question("Who?", FILLER * 60), Question("Who?", "\u200b")]
    )

    assert short.tokens == 3 + 2 + 2
    assert long.tokens > 120 + 5
    assert empty.tokens == 3 + 2


def test_answer_memory_is_bounded_for_100_000_characters(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = (FILLER * 3000 + "Ana Rossi " + FILLER * 13800)[:100_000]
    sizes: list[int] = []
    scores = scores_pointing_at(learner, "Ana Rossi")

    def counted(network: SpanQa, batch: Batch) -> Scores:
        sizes.append(batch.input_ids.numel())
        return scores(network, batch)

    monkeypatch.setattr(SpanQa, "scores", counted)
    tokenized = learner.featurizer.questions([Question("Who?", context)])
    tracemalloc.start()
    (answers,) = answer(learner, tokenized, top_k=3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(context) == 100_000
    assert len(tokenized[0].windows) > 500
    assert len(sizes) > 5
    assert max(sizes) <= decoding.BATCH_TOKENS
    assert peak < 8 * 2**20  # bytes of Python objects; tensors of tokens are 12 bytes a token beside them
    assert (answers.answers[0].text, answers.answers[0].start) == ("Ana Rossi", 18_000)


def test_answer_processes_questions_in_groups_of_bounded_size(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "GROUP_TOKENS", 250)
    group_sizes: list[int] = []
    answer_group = decoding._answer_group

    def counted(learner: QaLearner, group: Sequence[TokenizedQuestion], top_k: int) -> list[QaAnswer]:
        group_sizes.append(sum(len(question.tokens) for question in group))
        return answer_group(learner, group, top_k)

    monkeypatch.setattr(decoding, "_answer_group", counted)
    answers = answers_to(learner, [Question("Who?", FILLER * 50)] * 5 + [Question("Who?", FILLER * 300)])

    assert group_sizes == [200, 200, 100, 600]
    assert len(answers) == 6


def test_predicted_offsets_use_same_units_as_gold_offsets(learner: QaLearner) -> None:
    example = qa_example("¿Quién?", "👩‍👩‍👧 ⟦Inés⟧ nació")

    (answers,) = answers_to(learner, [example], top_k=9)

    for span in answers.answers:
        assert example.context[span.start : span.end] == span.text
