"""Questions and contexts as windows, targets and batches; what cannot be read is told at once."""

from dataclasses import replace
from typing import get_args

import pytest
import torch

from core.contracts.questions import AnswerSpan
from core.encoders.loading import Encoder, load_encoder
from core.errors import InvalidInput
from core.tasks.qa.features import NO_ANSWER, Features, Featurizer
from tests.core.tasks.qa.asking import EXAMPLES, Question, answered, tiny_qa_folder
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


def spelling(encoder: Encoder, ids: tuple[int, ...]) -> list[str]:
    return [str(encoder.tokenizer.convert_ids_to_tokens(number)) for number in ids]


def test_a_window_is_the_question_and_the_context_and_knows_the_answers_tokens(bert: Encoder) -> None:
    (one,) = Featurizer(bert).examples([answered("Who?", "old ⟦Ana Rossi⟧ built")])

    pieces = spelling(bert, one.input_ids)
    assert pieces[:4] == ["[CLS]", "Who", "?", "[SEP]"]
    assert pieces[one.context.start : one.context.stop] == ["old", "Ana", "Ross", "##i", "buil", "##t"]
    assert pieces[-1] == "[SEP]"
    assert one.context.stop == len(one) - 1
    assert pieces[one.start : one.end + 1] == ["Ana", "Ross", "##i"]
    assert one.token_type_ids == (0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1)


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("language", EXAMPLES)
def test_the_target_shows_the_first_answer_in_every_script(
    encoders: dict[Kind, Encoder], kind: Kind, language: str
) -> None:
    example = EXAMPLES[language]
    featurizer = Featurizer(replace(encoders[kind], max_tokens=384))  # scripts read by bytes need more

    (reading,), (one,) = featurizer.questions([example]), featurizer.examples([example])

    first, last = one.start - one.context.start, one.end - one.context.start
    shown = example.context[reading.tokens.starts[first] : reading.tokens.ends[last]]
    assert example.answers[0].text in shown
    # Where no space parts words, a subword of the tests' crude vocabularies holds the ends of two.
    assert shown == example.answers[0].text or language in {"thai", "korean"}


def test_the_first_answer_is_learnt_where_there_are_several(featurizer: Featurizer) -> None:
    later = AnswerSpan(text="Ana", answer_start=SHORT.context.index("Ana"))
    several = SHORT.model_copy(update={"answers": (*SHORT.answers, later)})

    assert featurizer.examples([several]) == featurizer.examples([SHORT])


def test_an_answer_within_a_word_is_learnt_as_the_tokens_it_touches(bert: Encoder) -> None:
    (one,) = Featurizer(bert).examples([answered("Who?", "t⟦ow⟧er old")])

    assert spelling(bert, one.input_ids)[one.start : one.end + 1] == ["towe"]


def test_only_an_encoder_that_reads_token_types_is_given_some(encoders: dict[Kind, Encoder]) -> None:
    for kind, encoder in encoders.items():
        featurizer = Featurizer(encoder)
        (one,) = featurizer.examples([SHORT])

        assert bool(one.token_type_ids) == (kind == "bert")
        assert (featurizer.collate([one]).token_types is None) == (kind != "bert")


def test_a_long_context_is_read_in_windows_that_fill_the_encoder(featurizer: Featurizer) -> None:
    (reading,) = featurizer.questions([Question("Who?", WORD * 60)])

    windows = [reading.features(window) for window in reading.windows]
    assert len(reading.tokens) == 120
    assert [len(one) for one in windows[:-1]] == [WINDOW] * (len(windows) - 1)
    assert len(windows[-1]) <= WINDOW
    assert [len(one) for one in windows] == [reading.window_tokens(window) for window in reading.windows]
    assert len(reading) == sum(len(one) for one in windows)
    for one, window in zip(windows, reading.windows, strict=True):
        inside = one.input_ids[one.context.start : one.context.stop]
        assert list(inside) == reading.tokens.ids[window.start : window.stop].tolist()
        assert (one.start, one.end) == (NO_ANSWER, NO_ANSWER)


def test_windows_are_never_longer_than_384_tokens_and_share_128() -> None:
    featurizer = Featurizer(load_encoder("embedded-en"))

    (reading,) = featurizer.questions([Question("who?", "tower " * 2000)])

    first, second, *_ = reading.windows
    assert reading.window_tokens(first) == 384
    assert first.stop - second.start == 128


@pytest.mark.parametrize("place", range(0, 100, 7))
def test_an_answer_anywhere_in_a_long_context_is_in_its_window(bert: Encoder, place: int) -> None:
    context = WORD * place + "⟦Ana Rossi⟧ " + WORD * (100 - place)
    (one,) = Featurizer(bert).examples([answered("Who?", context)])

    assert len(one) <= WINDOW
    assert spelling(bert, one.input_ids)[one.start : one.end + 1] == ["Ana", "Ross", "##i"]


def test_an_answer_longer_than_a_window_is_learnt_from_its_beginning(bert: Encoder) -> None:
    (one,) = Featurizer(bert).examples([answered("Who?", WORD * 3 + "⟦Ana " + WORD * 60 + "Rossi⟧ old")])

    assert spelling(bert, one.input_ids)[one.start] == "Ana"
    assert one.end == one.context.stop - 1


def test_a_question_takes_a_third_of_a_window_at_most_and_is_never_cut(featurizer: Featurizer) -> None:
    longest = " ".join(["old"] * (WINDOW // 3))

    (reading,) = featurizer.questions([Question(longest, WORD * 60)])

    assert len(reading.question_ids) == WINDOW // 3
    assert len(reading.windows) > 1


def test_every_question_that_is_too_long_is_told_with_its_index(featurizer: Featurizer) -> None:
    longer = " ".join(["old"] * (WINDOW // 3 + 1))

    with pytest.raises(InvalidInput) as refused:
        featurizer.questions([SHORT, Question(longer, "x"), SHORT, Question(longer + " old", "x")])

    assert [str(fault) for fault in refused.value.faults] == [
        "/1/question: the question has 22 tokens; this model reads 21",
        "/3/question: the question has 23 tokens; this model reads 21",
    ]


def test_an_answer_of_nothing_that_the_tokenizer_reads_is_told_with_the_questions(
    featurizer: Featurizer,
) -> None:
    longer = " ".join(["old"] * 40)

    with pytest.raises(InvalidInput) as refused:
        featurizer.examples([SHORT, answered(longer, "old ⟦\u200b⟧ tower"), answered("Who?", "⟦\u200b⟧")])

    assert [fault.pointer for fault in refused.value.faults] == [
        "/1/question",
        "/1/answers/0",
        "/2/answers/0",
    ]


def test_a_context_without_tokens_has_one_window_without_context(featurizer: Featurizer) -> None:
    (reading,) = featurizer.questions([Question("Who?", "\u200b\u200d")])
    (window,) = reading.windows

    one = reading.features(window)

    assert len(one.context) == 0
    assert len(one) == len(reading) == 3 + len(reading.question_ids)
    assert not featurizer.collate([one]).context_mask.any()


def test_a_question_without_tokens_is_asked_all_the_same(featurizer: Featurizer) -> None:
    (reading,) = featurizer.questions([Question("\u200b", "old tower")])

    assert reading.question_ids == ()
    assert len(reading) == 3 + 3


def test_no_questions_make_no_features(featurizer: Featurizer) -> None:
    assert featurizer.questions([]) == []
    assert featurizer.examples([]) == []


def test_the_questions_on_one_context_share_its_tokens(featurizer: Featurizer) -> None:
    other = Question("Which sign is hers?", SHORT.context)

    first, second, third = featurizer.questions([SHORT, EXAMPLES["thai"], other])

    assert first.tokens is third.tokens
    assert first.tokens is not second.tokens


def test_the_order_of_the_examples_is_kept(featurizer: Featurizer) -> None:
    examples = list(EXAMPLES.values())

    together = featurizer.examples(examples)

    assert together == [featurizer.examples([one])[0] for one in examples]


def test_a_batch_is_padded_and_says_where(bert: Encoder) -> None:
    featurizer = Featurizer(bert)
    rows: list[Features] = featurizer.examples([SHORT, EXAMPLES["swahili"], EXAMPLES["hindi"]])

    batch = featurizer.collate(rows)

    assert len(batch) == 3
    assert batch.token_types is not None
    assert batch.input_ids.shape == batch.context_mask.shape == (3, max(len(one) for one in rows))
    for row, one in enumerate(rows):
        assert batch.input_ids[row, : len(one)].tolist() == list(one.input_ids)
        assert (batch.input_ids[row, len(one) :] == bert.tokenizer.pad_token_id).all()
        assert batch.attention_mask[row].sum() == len(one)
        assert batch.token_types[row, : len(one)].tolist() == list(one.token_type_ids)
        assert batch.context_mask[row].nonzero().flatten().tolist() == list(one.context)
    assert batch.starts.tolist() == [one.start for one in rows]
    assert batch.ends.tolist() == [one.end for one in rows]


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_batch_moves_with_all_it_has(encoders: dict[Kind, Encoder], kind: Kind) -> None:
    featurizer = Featurizer(encoders[kind])

    batch = featurizer.collate(featurizer.examples([SHORT])).to("meta")

    assert batch.input_ids.device == batch.context_mask.device == batch.ends.device == torch.device("meta")
    assert (batch.token_types is None) == (kind == "roberta")


def test_special_tokens_written_in_a_context_are_only_text(featurizer: Featurizer) -> None:
    example = answered("Who?", "old [SEP] ⟦tower⟧ [CLS] </s> old")

    (one,) = featurizer.examples([example])
    (reading,) = featurizer.questions([example])

    assert reading.tokens.covering(10, 15) == (one.start - one.context.start, one.end - one.context.start)
