"""The special tokens around a pair of texts are those of the tokenizer's own pairs, for every family."""

from pathlib import Path
from typing import get_args

import pytest

from core.encoders.loading import EMBEDDED, EMBEDDED_ENGLISH, load_encoder
from core.tasks.qa.layout import PairLayout
from tests.core.tasks.mtod.scripts import script_encoder
from tests.core.tasks.qa.asking import EXAMPLES, tiny_qa_folder
from tests.core.tiny import Kind

ASKED = EXAMPLES["spanish"]


@pytest.mark.parametrize("name", [*get_args(Kind), EMBEDDED, EMBEDDED_ENGLISH])
def test_a_pair_is_laid_out_as_the_tokenizer_does(name: Kind, tmp_path: Path) -> None:
    source = str(tiny_qa_folder(tmp_path, name)) if name in get_args(Kind) else name
    tokenizer = load_encoder(source).tokenizer
    whole = tokenizer(ASKED.question, ASKED.context)
    question, context = (
        tokenizer(text, add_special_tokens=False)["input_ids"] for text in (ASKED.question, ASKED.context)
    )

    layout = PairLayout.of(tokenizer)

    start = layout.context_start(len(question))
    assert list(layout.input_ids(question, context)) == whole["input_ids"]
    assert list(layout.token_types(len(question), len(context))) == whole.get("token_type_ids", [])
    assert whole.sequence_ids(0)[start - 1 : start + 1] == [None, 1]
    assert layout.special == tokenizer.num_special_tokens_to_add(pair=True)


@pytest.mark.parametrize(
    ("kind", "parts", "types"),
    [
        ("bert", (1, 1, 1), (0, 0, 0, 0, 1, 1, 1)),
        ("distilbert", (1, 1, 1), ()),
        ("roberta", (1, 2, 1), ()),
        ("xlm-r", (1, 2, 1), ()),
    ],
)
def test_each_family_has_its_own_separators_and_token_types(
    kind: Kind, parts: tuple[int, int, int], types: tuple[int, ...], tmp_path: Path
) -> None:
    layout = PairLayout.of(load_encoder(str(tiny_qa_folder(tmp_path, kind))).tokenizer)

    assert tuple(len(part) for part in layout.special_ids) == parts
    assert layout.token_types(2, 2) == types


def test_a_tokenizer_that_knows_no_pairs_has_a_layout_too(tmp_path: Path) -> None:
    layout = PairLayout.of(script_encoder("byte-fallback", tmp_path).tokenizer)

    assert layout.input_ids([7, 8], [9]) == (7, 8, 9)
    assert layout.context_start(2) == 2
