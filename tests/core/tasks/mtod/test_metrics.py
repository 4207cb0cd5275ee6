"""Test metrics against seqeval and scikit-learn, and against values by hand."""

import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import f1_score
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2
from sklearn.metrics import precision_recall_fscore_support as intent_scores

from core.contracts.evaluations import MtodEvaluation, Scores
from core.contracts.examples import MtodExample, SlotSpan
from core.tasks.mtod.metrics import IntentAndSlots, evaluate_predictions

UNITS = 6
Tags = list[str]


@st.composite
def bio_tags(draw: st.DrawFn) -> Tags:
    """Draw a valid BIO sequence of six units."""
    tags: Tags = []
    while len(tags) < UNITS:
        slot = draw(st.sampled_from([None, "time", "place", "who"]))
        length = draw(st.integers(1, 3))
        tags += ["O"] * length if slot is None else [f"B-{slot}", *[f"I-{slot}"] * (length - 1)]
    return tags[:UNITS]


def spans(tags: Tags) -> tuple[SlotSpan, ...]:
    """Turn tags of one-letter words into character spans."""
    starts = [unit for unit, tag in enumerate(tags) if tag.startswith("B-")]
    character_spans = []
    for start in starts:
        end = start + 1
        while end < len(tags) and tags[end].startswith("I-"):
            end += 1
        character_spans.append(SlotSpan(slot=tags[start][2:], start=2 * start, end=2 * end - 1))
    return tuple(character_spans)


def example(intent: str, *slots: SlotSpan) -> MtodExample:
    return MtodExample(text="a b c d e f", intent=intent, slots=slots)


def span(slot: str, start: int, end: int) -> SlotSpan:
    return SlotSpan(slot=slot, start=start, end=end)


def evaluate_tags(pairs: list[tuple[Tags, Tags]]) -> MtodEvaluation:
    gold = [example("x", *spans(gold_tags)) for gold_tags, _ in pairs]
    return evaluate_predictions(gold, [("x", spans(predicted)) for _, predicted in pairs])


tag_pairs = st.lists(st.tuples(bio_tags(), bio_tags()), min_size=1, max_size=8)
intent_pairs = st.lists(st.tuples(*[st.sampled_from("abcd")] * 2), min_size=1, max_size=30)


@given(tag_pairs)
def test_slot_f1_matches_seqeval_strict_mode(pairs: list[tuple[Tags, Tags]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns of 0/0
        expected = f1_score(*map(list, zip(*pairs, strict=True)), mode="strict", scheme=IOB2)
    assert evaluate_tags(pairs).slot_f1 == pytest.approx(float(expected), abs=1e-12)


@given(tag_pairs)
def test_slot_scores_match_seqeval(pairs: list[tuple[Tags, Tags]]) -> None:
    gold, predicted = map(list, zip(*pairs, strict=True))
    labels = sorted({tag[2:] for tags in (*gold, *predicted) for tag in tags if tag != "O"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = precision_recall_fscore_support(gold, predicted, scheme=IOB2) if labels else ()
    slots = evaluate_tags(pairs).slots
    assert list(slots) == labels
    for label, *expected in zip(labels, *columns, strict=True):
        assert list(slots[label].model_dump().values()) == pytest.approx(expected)


@given(intent_pairs)
def test_intent_scores_match_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = zip(*pairs, strict=True)
    labels = sorted({*gold, *predicted})
    scores = evaluate_predictions(
        [example(intent) for intent in gold], [(intent, ()) for intent in predicted]
    ).intents
    columns = intent_scores(gold, predicted, labels=labels, zero_division=0)
    assert list(scores) == labels
    for label, *expected in zip(labels, *columns, strict=True):
        assert list(scores[label].model_dump().values()) == pytest.approx(expected)


@given(intent_pairs)
def test_intent_confusion_counts_wrong_predictions_only(pairs: list[tuple[str, str]]) -> None:
    evaluation = evaluate_predictions(
        [example(gold) for gold, _ in pairs], [(predicted, ()) for _, predicted in pairs]
    )
    confusion = {
        (gold, predicted): count
        for gold, row in evaluation.intent_confusion.items()
        for predicted, count in row.items()
    }
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    assert confusion == {pair: wrong.count(pair) for pair in wrong}
    assert evaluation.intent_accuracy == pytest.approx(1 - len(wrong) / len(pairs))


def test_perfect_predictions_have_scores_of_one() -> None:
    gold = [example("wake", span("time", 0, 3)), example("rain", span("place", 4, 5))]
    evaluation = evaluate_predictions(gold, [(labelled.intent, labelled.slots) for labelled in gold])
    assert (evaluation.intent_accuracy, evaluation.slot_f1, evaluation.exact_match) == (1, 1, 1)
    assert evaluation.intent_confusion == {}
    assert evaluation.slots == {
        slot: Scores(precision=1, recall=1, f1=1, support=1) for slot in ("place", "time")
    }


@pytest.mark.parametrize("predicted", [span("time", 0, 5), span("time", 2, 3), span("place", 0, 3)])
def test_span_with_wrong_boundary_or_slot_is_false_positive_and_false_negative(predicted: SlotSpan) -> None:
    evaluation = evaluate_predictions([example("wake", span("time", 0, 3))], [("wake", (predicted,))])
    assert (evaluation.slot_f1, evaluation.exact_match, evaluation.intent_accuracy) == (0, 0, 1)


def test_slot_f1_is_micro_averaged() -> None:
    gold = [example("x", span("time", 0, 1), span("time", 2, 3), span("place", 4, 5)), example("x")]
    predicted: list[IntentAndSlots] = [
        ("x", (span("time", 0, 1), span("place", 4, 5))),
        ("x", (span("who", 0, 1),)),
    ]
    evaluation = evaluate_predictions(gold, predicted)
    assert evaluation.slot_f1 == pytest.approx(2 * 2 / (3 + 3))
    assert evaluation.slots["time"] == Scores(precision=1, recall=0.5, f1=2 / 3, support=2)
    assert evaluation.slots["who"] == Scores(precision=0, recall=0, f1=0, support=0)


def test_exact_match_requires_intent_and_all_slots() -> None:
    time, place = span("time", 0, 1), span("place", 4, 5)
    gold = [example("x", time, place)] * 4
    predicted: list[IntentAndSlots] = [("x", (place, time)), ("y", (time, place)), ("x", (time,)), ("x", ())]
    assert evaluate_predictions(gold, predicted).exact_match == 0.25


def test_duplicate_predicted_span_counts_once() -> None:
    time = span("time", 0, 1)
    assert evaluate_predictions([example("x", time)], [("x", (time, time))]).slot_f1 == 1


def test_slot_f1_is_zero_without_spans() -> None:
    evaluation = evaluate_predictions([example("x")], [("x", ())])
    assert (evaluation.slot_f1, evaluation.slots, evaluation.exact_match) == (0, {}, 1)


def test_intent_in_predictions_only_has_support_zero() -> None:
    evaluation = evaluate_predictions([example("wake")], [("rain", ())])
    nothing = {"precision": 0, "recall": 0, "f1": 0}
    assert evaluation.intents == {"rain": Scores(**nothing, support=0), "wake": Scores(**nothing, support=1)}
    assert evaluation.intent_confusion == {"wake": {"rain": 1}}


def test_evaluate_predictions_raises_without_examples() -> None:
    with pytest.raises(ValueError, match="no example"):
        evaluate_predictions([], [])


def test_evaluate_predictions_raises_when_lengths_differ() -> None:
    with pytest.raises(ValueError, match="2 predictions for 1 examples"):
        evaluate_predictions([example("x")], [("x", ()), ("x", ())])


def test_metrics_import_neither_torch_nor_numpy() -> None:
    code = "import sys, core.tasks.mtod.metrics; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
