"""Test that the layout of pairs matches the tokenizer of every model family."""

from pathlib import Path
from typing import get_args

import pytest

from core.encoders.loading import EMBEDDED, EMBEDDED_ENGLISH, load_encoder
from core.tasks.qa.layout import PairLayout
from tests.core.tasks.mtod.writing_systems import script_encoder
from tests.core.tasks.qa.qa_examples import EXAMPLES, tiny_qa_folder
from tests.core.tiny import Kind

QUESTION = EXAMPLES["spanish"]


@pytest.mark.parametrize("name", [*get_args(Kind), EMBEDDED, EMBEDDED_ENGLISH])
def test_layout_matches_tokenizer_pairs(name: Kind, tmp_path: Path) -> None:
    source = str(tiny_qa_folder(tmp_path, name)) if name in get_args(Kind) else name
    tokenizer = load_encoder(source).tokenizer
    pair = tokenizer(QUESTION.question, QUESTION.context)
    question, context = (
        tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in (QUESTION.question, QUESTION.context)
    )

    layout = PairLayout.of(tokenizer)

    start = layout.context_start(len(question))
    assert list(layout.input_ids(question, context)) == pair["input_ids"]
    assert list(layout.token_types(len(question), len(context))) == pair.get("token_type_ids", [])
    assert pair.sequence_ids(0)[start - 1 : start + 1] == [None, 1]
    assert layout.special_count == tokenizer.num_special_tokens_to_add(pair=True)


@pytest.mark.parametrize(
    ("kind", "parts", "types"),
    [
        ("bert", (1, 1, 1), (0, 0, 0, 0, 1, 1, 1)),
        ("distilbert", (1, 1, 1), ()),
        ("roberta", (1, 2, 1), ()),
        ("xlm-r", (1, 2, 1), ()),
    ],
)
def test_layout_has_separators_and_token_types_of_family(
    kind: Kind, parts: tuple[int, int, int], types: tuple[int, ...], tmp_path: Path
) -> None:
    layout = PairLayout.of(load_encoder(str(tiny_qa_folder(tmp_path, kind))).tokenizer)

    assert tuple(len(ids) for ids in layout.special_ids) == parts
    assert layout.token_types(2, 2) == types


def test_layout_of_tokenizer_without_pair_template(tmp_path: Path) -> None:
    layout = PairLayout.of(script_encoder("byte-fallback", tmp_path).tokenizer)

    assert layout.input_ids([7, 8], [9]) == (7, 8, 9)
    assert layout.context_start(2) == 2
