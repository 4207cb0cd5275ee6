"""Test SQuAD v1.1's exact match and F1 with the values of its evaluation script.

The script lower-cases, removes the characters of `string.punctuation`, then the words a, an and the,
and joins the rest with single spaces; an F1 without a common word is 0.
"""

import pytest

from core.contracts.qa_examples import AnswerSpan, QaExample
from core.tasks.qa.metrics import evaluate_answers, exact_match, normalize_answer, word_f1


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Old\tTower.", "old tower"),
        ("an apple a day", "apple day"),
        ("theatre, Anna and another", "theatre anna and another"),  # articles inside words stay
        ("A.B.", "ab"),  # punctuation goes first: this is no article
        ("a-b", "ab"),
        ("the-the", "thethe"),  # one word by then
        ("th'e tower", "tower"),  # an article by then
        ("$5,000.50", "500050"),
        ("The", ""),
        ("...", ""),
        ("a\u00a0b", "b"),  # a no-break space ends a word and is white space
        ("«the tower»", "« tower»"),  # these quotes are no ASCII punctuation, but end a word
        ("l’année", "l’année"),  # a typographic apostrophe stays
        ("a’b", "’b"),  # … and ends the article before it
        ("l'an", "lan"),
        ("¿Qué?", "¿qué"),
        ("cafe\u0301 A\u0301", "cafe\u0301 \u0301"),  # a combining accent is no part of a word: `a` goes
        ("İ", "i\u0307"),
        ("ΟΔΟΣ", "οδος"),
        ("STRASSE", "strasse"),
        ("ß", "ß"),  # lower-cased, not case-folded
        ("กรุงเทพฯ", "กรุงเทพฯ"),
        ("1903年。", "1903年。"),
        ("a\u200bb", "\u200bb"),  # a zero-width space ends a word, but is no white space
        ("the_tower", "thetower"),
    ],
)
def test_normalize_answer_matches_squad_script(text: str, normal: str) -> None:
    assert normalize_answer(text) == normal


@pytest.mark.parametrize(
    ("predicted", "gold", "exact", "f1"),
    [
        ("the old tower", "Old Tower!", True, 1.0),
        ("tower", "old tower", False, 2 / 3),  # precision 1/1, recall 1/2
        ("the very old tower", "old tower", False, 4 / 5),  # 2 of 3, 2 of 2
        ("tower old", "old tower", False, 1.0),  # words in another order
        ("new new york", "new york", False, 4 / 5),  # the second `new` finds none
        ("new york", "new new new york", False, 2 / 3),  # 2 of 2, 2 of 4
        ("new", "york", False, 0.0),
        ("", "tower", False, 0.0),
        ("the", "a", True, 0.0),  # both become nothing: the same, with no word in common
        ("...", "the", True, 0.0),
        ("“Lima”", "Lima", False, 0.0),  # quotes that are no ASCII make another word
        ("Lima\u00a0Perú", "Lima Perú", True, 1.0),
        ("cafe\u0301", "café", False, 0.0),  # decomposed and composed are not made alike
        ("กรุงเทพ", "กรุงเทพมหานคร", False, 0.0),  # no spaces: one word, right or wrong
        ("กรุงเทพ มหานคร", "กรุงเทพ มหานคร", True, 1.0),
        ("1,903", "1903", True, 1.0),
        ("नई दिल्ली", "दिल्ली", False, 2 / 3),
        ("في مصر", "مصر", False, 2 / 3),
    ],
)
def test_exact_match_and_f1_match_squad_script(predicted: str, gold: str, exact: bool, f1: float) -> None:
    assert exact_match(predicted, gold) is exact
    assert word_f1(predicted, gold) == pytest.approx(f1)
    assert word_f1(gold, predicted) == pytest.approx(f1)


def question(*answers: str) -> QaExample:
    """Return a question whose context consists of its answers."""
    spans, context = [], ""
    for text in answers:
        spans.append(AnswerSpan(text=text, answer_start=len(context)))
        context += text + " "
    return QaExample(question="What?", context=context, answers=tuple(spans))


def test_best_matching_gold_answer_counts_for_each_metric() -> None:
    scores = evaluate_answers([question("in 1903", "1903 or so", "the year 1903")], ["year 1903"])

    assert scores.exact == (True,)
    assert scores.f1s == (1.0,)


def test_f1_is_maximum_over_gold_answers() -> None:
    scores = evaluate_answers([question("old stone tower", "stone tower")], ["tower"])

    assert scores.exact == (False,)
    assert scores.f1s == pytest.approx((2 / 3,))


def test_scores_are_means_over_questions() -> None:
    gold = [question("Lima"), question("old tower"), question("Ana Rossi"), question("...")]

    scores = evaluate_answers(gold, ["lima.", "tower", "", ""])

    assert scores.examples == 4
    assert scores.exact == (True, False, False, True)
    assert scores.f1s == pytest.approx((1.0, 2 / 3, 0.0, 0.0))
    assert scores.exact_match == 0.5
    assert scores.f1 == pytest.approx(5 / 12)


def test_evaluate_answers_raises_when_empty_or_lengths_differ() -> None:
    with pytest.raises(ValueError, match="no example to measure on"):
        evaluate_answers([], [])
    with pytest.raises(ValueError, match="1 answers for 2 examples"):
        evaluate_answers([question("a"), question("b")], ["a"])
