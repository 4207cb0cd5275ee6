"""From questions to answers: offsets, order, bounded memory, and the same answers as a list of all spans."""

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
from core.tasks.qa.features import Asked, Batch, Reading
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.model import SpanQa
from tests.core.tasks.mtod.scripts import script_texts
from tests.core.tasks.qa.asking import EXAMPLES, Question, answered, tiny_qa_folder, tiny_qa_learner
from tests.core.tasks.qa.enumeration import enumerated
from tests.core.tiny import WINDOW

FILLER = "tower "
"""Two tokens."""

Scores = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qa_folder(tmp_path_factory.mktemp("qa"), "bert")


@pytest.fixture(scope="module")
def bytes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qa_folder(tmp_path_factory.mktemp("qa"), "roberta")


@pytest.fixture
def learner(folder: Path) -> QaLearner:
    """Untrained, with scores so far apart that some spans stand out."""
    made = tiny_qa_learner(folder, seed=5)
    with torch.no_grad():
        made.network.span_head.weight.mul_(8.0)
    return made


def answers_to(learner: QaLearner, asked: Sequence[Asked], top_k: int = 5) -> list[QaAnswer]:
    return answer(learner, learner.featurizer.questions(asked), top_k=top_k)


def drawn_from_ids(batch: Batch) -> Scores:
    """Give scores that are exact, and others in every window: eighths drawn from what it begins with."""
    place = torch.arange(batch.input_ids.shape[1])
    begins = (batch.input_ids * place).cumsum(1) + batch.input_ids  # [batch, tokens]
    starts, ends = ((begins * prime % 61) / 8.0 for prime in (37, 53))
    return tuple(one.masked_fill(~batch.context_mask, -torch.inf) for one in (starts, ends))  # type: ignore[return-value]


def pointing_at(learner: QaLearner, text: str) -> Callable[[SpanQa, Batch], Scores]:
    """Give scores of a model that is sure of a text's first and last token, wherever they stand."""
    ids = learner.encoder.tokenizer(text, add_special_tokens=False)["input_ids"]

    def scores(_: SpanQa, batch: Batch) -> Scores:
        outside = ~batch.context_mask
        starts, ends = (9.0 * (batch.input_ids == one) for one in (ids[0], ids[-1]))
        return starts.masked_fill(outside, -torch.inf), ends.masked_fill(outside, -torch.inf)

    return scores


def scored_windows(reading: Reading, learner: QaLearner) -> list[tuple[range, list[float], list[float]]]:
    """Return what `drawn_from_ids` says of each window alone."""
    windows = []
    for window in reading.windows:
        one = reading.features(window)
        starts, ends = drawn_from_ids(learner.batch([one]))
        context = slice(one.context.start, one.context.stop)
        windows.append((window, starts[0, context].tolist(), ends[0, context].tolist()))
    return windows


LONG: list[Asked] = [
    Question("Who built it?", " ".join([EXAMPLES["english"].context, EXAMPLES["thai"].context] * 8)),
    EXAMPLES["spanish"],
    Question("Where?", "\u200b\u200d"),
    Question("Which?", " ".join(one.context for one in EXAMPLES.values())),
    EXAMPLES["emoji"],
    Question("Who?", "old " * 200),
]


@pytest.mark.parametrize("limit", [1, 200, 8192])
def test_the_answers_are_those_of_a_list_of_all_spans_of_all_windows(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(SpanQa, "scores", lambda _, batch: drawn_from_ids(batch))
    monkeypatch.setattr(decoding, "BATCH_TOKENS", limit)
    monkeypatch.setattr(decoding, "GROUP_TOKENS", limit)
    readings = learner.featurizer.questions(LONG)

    found = answer(learner, readings, top_k=7)

    assert sum(len(reading.windows) > 3 for reading in readings) == 3
    for reading, told in zip(readings, found, strict=True):
        windows = scored_windows(reading, learner) if len(reading.tokens) else []
        expected = enumerated(reading.context, reading.tokens, windows, 7)
        assert [(one.start, one.end) for one in told.answers] == [(one.start, one.end) for one in expected]
        assert [one.score for one in told.answers] == pytest.approx([one.score for one in expected], rel=1e-4)


def test_the_model_is_put_in_evaluation_mode_first(learner: QaLearner) -> None:
    learner.model.train()

    first = answers_to(learner, LONG)

    assert not learner.model.training
    assert answers_to(learner, LONG) == first


def test_no_questions_have_no_answers(learner: QaLearner) -> None:
    assert answers_to(learner, []) == []


def test_answers_keep_the_order_of_questions_of_any_length(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [answers_to(learner, [one])[0] for one in LONG]
    monkeypatch.setattr(decoding, "BATCH_TOKENS", 3 * WINDOW)

    together = answers_to(learner, LONG)

    for one, other in zip(together, alone, strict=True):
        assert one.tokens == other.tokens
        assert [found.text for found in one.answers] == [found.text for found in other.answers]
        assert [found.score for found in one.answers] == pytest.approx(
            [found.score for found in other.answers], rel=1e-3
        )


def test_a_context_without_tokens_has_no_answer_and_the_others_have(learner: QaLearner) -> None:
    found = answers_to(learner, LONG)

    assert [bool(one.answers) for one in found] == [True, True, False, True, True, True]


@pytest.mark.parametrize("place", range(80))
def test_an_answer_is_found_wherever_the_seams_of_windows_are(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    gold = "Ana Rossi was"
    context = "old " * place + gold + " old" * (80 - place)
    monkeypatch.setattr(SpanQa, "scores", pointing_at(learner, gold))

    (found,) = answers_to(learner, [Question("Who?", context)], top_k=1)

    assert [(one.text, one.start) for one in found.answers] == [(gold, 4 * place)]
    assert found.answers[0].score > 0.9


def test_an_answer_that_stands_in_many_places_is_told_once(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ("Ana Rossi " + "old " * 30) * 30  # too far apart for an answer from one to the next
    monkeypatch.setattr(SpanQa, "scores", pointing_at(learner, "Ana Rossi"))

    (found,) = answers_to(learner, [Question("Who?", context)], top_k=5)

    assert found.answers[0].text == "Ana Rossi"
    assert found.answers[0].start % 130 == 0
    assert found.answers[0].score == pytest.approx(1 / 30, rel=0.05)
    assert len({one.text.casefold() for one in found.answers}) == 5


@pytest.mark.parametrize("language", EXAMPLES)
def test_an_answer_in_any_script_has_its_own_place(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    example = EXAMPLES[language]
    (gold,) = example.answers
    (reading,) = learner.featurizer.questions([example])
    held = reading.tokens.covering(gold.answer_start, gold.end)
    assert held is not None
    (window,) = reading.windows
    one = reading.features(window, held)

    def sure(_: SpanQa, batch: Batch) -> Scores:
        starts, ends = torch.zeros(batch.input_ids.shape), torch.zeros(batch.input_ids.shape)
        starts[0, one.start], ends[0, one.end] = 20.0, 20.0
        return starts, ends

    monkeypatch.setattr(SpanQa, "scores", sure)
    (found,) = answer(learner, [reading], top_k=1)

    best = found.answers[0]
    assert example.context[best.start : best.end] == best.text
    assert gold.text in best.text
    assert best.text == gold.text or language in {"thai", "korean"}  # whose subwords hold more


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(context=script_texts(), asked=st.sampled_from(["Who?", "¿Dónde?", "\u200b", "เ"]), kind=st.booleans())
def test_offsets_are_exact_in_any_mixture_of_scripts(
    folder: Path, bytes_folder: Path, context: str, asked: str, kind: bool
) -> None:
    learner = tiny_qa_learner(folder if kind else bytes_folder)

    (found,) = answers_to(learner, [Question(asked, context)], top_k=4)

    assert len(found.answers) <= 4
    for place, one in enumerate(found.answers):
        assert context[one.start : one.end] == one.text == one.text.strip() != ""
        assert 0.0 <= one.score <= 1.0
        for other in found.answers[:place]:
            assert one.end <= other.start or other.end <= one.start
            assert one.text.casefold() != other.text.casefold()
            assert one.score <= other.score


def test_the_tokens_of_all_windows_are_counted(learner: QaLearner) -> None:
    short, long, empty = answers_to(
        learner, [Question("Who?", "old Ana"), Question("Who?", FILLER * 60), Question("Who?", "\u200b")]
    )

    assert short.tokens == 3 + 2 + 2
    assert long.tokens > 120 + 5
    assert empty.tokens == 3 + 2


def test_a_context_of_100_000_characters_is_answered_in_bounded_memory(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = (FILLER * 3000 + "Ana Rossi " + FILLER * 13800)[:100_000]
    sizes: list[int] = []
    pointing = pointing_at(learner, "Ana Rossi")

    def counted(network: SpanQa, batch: Batch) -> Scores:
        sizes.append(batch.input_ids.numel())
        return pointing(network, batch)

    monkeypatch.setattr(SpanQa, "scores", counted)
    readings = learner.featurizer.questions([Question("Who?", context)])
    tracemalloc.start()
    (found,) = answer(learner, readings, top_k=3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(context) == 100_000
    assert len(readings[0].windows) > 500
    assert len(sizes) > 5
    assert max(sizes) <= decoding.BATCH_TOKENS
    assert peak < 8 * 2**20  # bytes of Python objects; a reading is 12 bytes a token beside them
    assert (found.answers[0].text, found.answers[0].start) == ("Ana Rossi", 18_000)


def test_many_questions_are_read_in_groups_of_bounded_size(
    learner: QaLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "GROUP_TOKENS", 250)
    held: list[int] = []
    answer_group = decoding._answer_group

    def counted(learner: QaLearner, group: Sequence[Reading], top_k: int) -> list[QaAnswer]:
        held.append(sum(len(one.tokens) for one in group))
        return answer_group(learner, group, top_k)

    monkeypatch.setattr(decoding, "_answer_group", counted)
    found = answers_to(learner, [Question("Who?", FILLER * 50)] * 5 + [Question("Who?", FILLER * 300)])

    assert held == [200, 200, 100, 600]
    assert len(found) == 6


def test_gold_answers_and_told_ones_are_measured_in_the_same_characters(learner: QaLearner) -> None:
    example = answered("¿Quién?", "👩‍👩‍👧 ⟦Inés⟧ nació")

    (found,) = answers_to(learner, [example], top_k=9)

    for one in found.answers:
        assert example.context[one.start : one.end] == one.text
