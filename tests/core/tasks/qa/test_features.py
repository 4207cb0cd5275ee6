"""Test features of questions: windows, targets, batches and errors."""

from dataclasses import replace
from typing import get_args

import pytest
import torch

from core.contracts.qa_examples import AnswerSpan
from core.encoders.loading import Encoder, load_encoder
from core.errors import InvalidInput
from core.tasks.qa.features import NO_ANSWER, Features, Featurizer
from tests.core.tasks.qa.qa_examples import EXAMPLES, Question, qa_example, tiny_qa_folder
from tests.core.tiny import WINDOW, Kind

SHORT = EXAMPLES["english"]
WORD = "tower "
"""Two tokens of `towe` and `##r`."""


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Encoder]:
    return {
        kind: load_encoder(str(tiny_qa_folder(tmp_path_factory.mktemp(kind), kind)))
        for kind in get_args(Kind)
    }


@pytest.fixture(scope="module")
def bert(encoders: dict[Kind, Encoder]) -> Encoder:
    return encoders["bert"]


@pytest.fixture
def featurizer(bert: Encoder) -> Featurizer:
    return Featurizer(bert)


def token_texts(encoder: Encoder, ids: tuple[int, ...]) -> list[str]:
    return [str(encoder.tokenizer.convert_ids_to_tokens(number)) for number in ids]


def test_window_has_question_context_and_answer_tokens(bert: Encoder) -> None:
    (features,) = Featurizer(bert).examples([qa_example("Who?", "old ⟦Ana Rossi⟧ built")])

    tokens = token_texts(bert, features.input_ids)
    assert tokens[:4] == ["[CLS]", "Who", "?", "[SEP]"]
    assert tokens[features.context.start : features.context.stop] == [
        "old",
        "Ana",
        "Ross",
        "##i",
        "buil",
        "##t",
    ]
    assert tokens[-1] == "[SEP]"
    assert features.context.stop == len(features) - 1
    assert tokens[features.start : features.end + 1] == ["Ana", "Ross", "##i"]
    assert features.token_type_ids == (0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1)


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("language", EXAMPLES)
def test_target_tokens_cover_first_answer_in_every_script(
    encoders: dict[Kind, Encoder], kind: Kind, language: str
) -> None:
    example = EXAMPLES[language]
    featurizer = Featurizer(replace(encoders[kind], max_tokens=384))  # scripts read by bytes need more

    (question,), (features,) = featurizer.questions([example]), featurizer.examples([example])

    first, last = features.start - features.context.start, features.end - features.context.start
    covered = example.context[question.tokens.starts[first] : question.tokens.ends[last]]
    assert example.answers[0].text in covered
    # Without spaces between words, a subword of the tests' vocabularies may contain parts of two words.
    assert covered == example.answers[0].text or language in {"thai", "korean"}


def test_examples_use_first_of_several_answers(featurizer: Featurizer) -> None:
    later = AnswerSpan(text="Ana", answer_start=SHORT.context.index("Ana"))
    several = SHORT.model_copy(update={"answers": (*SHORT.answers, later)})

    assert featurizer.examples([several]) == featurizer.examples([SHORT])


def test_target_of_answer_within_word_is_overlapping_tokens(bert: Encoder) -> None:
    (features,) = Featurizer(bert).examples([qa_example("Who?", "t⟦ow⟧er old")])

    assert token_texts(bert, features.input_ids)[features.start : features.end + 1] == ["towe"]


def test_token_types_are_present_for_bert_only(encoders: dict[Kind, Encoder]) -> None:
    for kind, encoder in encoders.items():
        featurizer = Featurizer(encoder)
        (features,) = featurizer.examples([SHORT])

        assert bool(features.token_type_ids) == (kind == "bert")
        assert (featurizer.collate([features]).token_types is None) == (kind != "bert")


def test_long_context_is_split_into_full_windows(featurizer: Featurizer) -> None:
    (question,) = featurizer.questions([Question("Who?", WORD * 60)])

    windows = [question.features(window) for window in question.windows]
    assert len(question.tokens) == 120
    assert [len(window) for window in windows[:-1]] == [WINDOW] * (len(windows) - 1)
    assert len(windows[-1]) <= WINDOW
    assert [len(features) for features in windows] == [
        question.window_tokens(window) for window in question.windows
    ]
    assert len(question) == sum(len(features) for features in windows)
    for features, window in zip(windows, question.windows, strict=True):
        inside = features.input_ids[features.context.start : features.context.stop]
        assert list(inside) == question.tokens.ids[window.start : window.stop].tolist()
        assert (features.start, features.end) == (NO_ANSWER, NO_ANSWER)


def test_windows_have_at_most_384_tokens_and_overlap_by_128() -> None:
    featurizer = Featurizer(load_encoder("embedded-en"))

    (question,) = featurizer.questions([Question("who?", "tower " * 2000)])

    first, second, *_ = question.windows
    assert question.window_tokens(first) == 384
    assert first.stop - second.start == 128


@pytest.mark.parametrize("position", range(0, 100, 7))
def test_training_window_contains_answer_at_any_position(bert: Encoder, position: int) -> None:
    context = WORD * position + "⟦Ana Rossi⟧ " + WORD * (100 - position)
    (features,) = Featurizer(bert).examples([qa_example("Who?", context)])

    assert len(features) <= WINDOW
    assert token_texts(bert, features.input_ids)[features.start : features.end + 1] == ["Ana", "Ross", "##i"]


def test_training_window_contains_start_of_answer_longer_than_window(bert: Encoder) -> None:
    (features,) = Featurizer(bert).examples(
        [qa_example("Who?", WORD * 3 + "⟦Ana " + WORD * 60 + "Rossi⟧ old")]
    )

    assert token_texts(bert, features.input_ids)[features.start] == "Ana"
    assert features.end == features.context.stop - 1


def test_question_of_a_third_of_window_is_not_truncated(featurizer: Featurizer) -> None:
    longest = " ".join(["old"] * (WINDOW // 3))

    (question,) = featurizer.questions([Question(longest, WORD * 60)])

    assert len(question.question_ids) == WINDOW // 3
    assert len(question.windows) > 1


def test_questions_raises_with_index_of_every_too_long_question(featurizer: Featurizer) -> None:
    longer = " ".join(["old"] * (WINDOW // 3 + 1))

    with pytest.raises(InvalidInput) as error:
        featurizer.questions([SHORT, Question(longer, "x"), SHORT, Question(longer + " old", "x")])

    assert [str(fault) for fault in error.value.faults] == [
        "/1/question: the question has 22 tokens; this model reads 21",
        "/3/question: the question has 23 tokens; this model reads 21",
    ]


def test_examples_raises_for_long_questions_and_answers_without_tokens(
    featurizer: Featurizer,
) -> None:
    longer = " ".join(["old"] * 40)

    with pytest.raises(InvalidInput) as error:
        featurizer.examples([SHORT, qa_example(longer, "old ⟦\u200b⟧ tower"), qa_example("Who?", "⟦\u200b⟧")])

    assert [fault.pointer for fault in error.value.faults] == [
        "/1/question",
        "/1/answers/0",
        "/2/answers/0",
    ]


def test_context_without_tokens_has_one_empty_window(featurizer: Featurizer) -> None:
    (question,) = featurizer.questions([Question("Who?", "\u200b\u200d")])
    (window,) = question.windows

    features = question.features(window)

    assert len(features.context) == 0
    assert len(features) == len(question) == 3 + len(question.question_ids)
    assert not featurizer.collate([features]).context_mask.any()


def test_question_without_tokens_is_accepted(featurizer: Featurizer) -> None:
    (question,) = featurizer.questions([Question("\u200b", "old tower")])

    assert question.question_ids == ()
    assert len(question) == 3 + 3


def test_featurizer_returns_empty_list_without_questions(featurizer: Featurizer) -> None:
    assert featurizer.questions([]) == []
    assert featurizer.examples([]) == []


def test_questions_on_same_context_share_tokens(featurizer: Featurizer) -> None:
    other = Question("Which sign is hers?", SHORT.context)

    first, second, third = featurizer.questions([SHORT, EXAMPLES["thai"], other])

    assert first.tokens is third.tokens
    assert first.tokens is not second.tokens


def test_features_are_in_order_of_examples(featurizer: Featurizer) -> None:
    examples = list(EXAMPLES.values())

    together = featurizer.examples(examples)

    assert together == [featurizer.examples([features])[0] for features in examples]


def test_collate_pads_and_masks(bert: Encoder) -> None:
    featurizer = Featurizer(bert)
    rows: list[Features] = featurizer.examples([SHORT, EXAMPLES["swahili"], EXAMPLES["hindi"]])

    batch = featurizer.collate(rows)

    assert len(batch) == 3
    assert batch.token_types is not None
    assert batch.input_ids.shape == batch.context_mask.shape == (3, max(len(features) for features in rows))
    for row, features in enumerate(rows):
        assert batch.input_ids[row, : len(features)].tolist() == list(features.input_ids)
        assert (batch.input_ids[row, len(features) :] == bert.tokenizer.pad_token_id).all()
        assert batch.attention_mask[row].sum() == len(features)
        assert batch.token_types[row, : len(features)].tolist() == list(features.token_type_ids)
        assert batch.context_mask[row].nonzero().flatten().tolist() == list(features.context)
    assert batch.starts.tolist() == [features.start for features in rows]
    assert batch.ends.tolist() == [features.end for features in rows]


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_batch_to_moves_all_tensors(encoders: dict[Kind, Encoder], kind: Kind) -> None:
    featurizer = Featurizer(encoders[kind])

    batch = featurizer.collate(featurizer.examples([SHORT])).to("meta")

    assert batch.input_ids.device == batch.context_mask.device == batch.ends.device == torch.device("meta")
    assert (batch.token_types is None) == (kind == "roberta")


def test_special_tokens_in_context_are_plain_text(featurizer: Featurizer) -> None:
    example = qa_example("Who?", "old [SEP] ⟦tower⟧ [CLS] </s> old")

    (features,) = featurizer.examples([example])
    (question,) = featurizer.questions([example])

    assert question.tokens.covering(10, 15) == (
        features.start - features.context.start,
        features.end - features.context.start,
    )
