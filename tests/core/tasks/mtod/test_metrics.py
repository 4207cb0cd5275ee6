"""Scores of predictions against seqeval and scikit-learn, and by hand."""

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
from core.tasks.mtod.metrics import Prediction, evaluate_predictions

UNITS = 6
Tags = list[str]


@st.composite
def bio_tags(draw: st.DrawFn) -> Tags:
    """Draw a proper BIO sequence of six units."""
    tags: Tags = []
    while len(tags) < UNITS:
        slot = draw(st.sampled_from([None, "time", "place", "who"]))
        length = draw(st.integers(1, 3))
        tags += ["O"] * length if slot is None else [f"B-{slot}", *[f"I-{slot}"] * (length - 1)]
    return tags[:UNITS]


def spans(tags: Tags) -> tuple[SlotSpan, ...]:
    """Turn tags of one-letter words into character spans."""
    starts = [unit for unit, tag in enumerate(tags) if tag.startswith("B-")]
    found = []
    for start in starts:
        end = start + 1
        while end < len(tags) and tags[end].startswith("I-"):
            end += 1
        found.append(SlotSpan(slot=tags[start][2:], start=2 * start, end=2 * end - 1))
    return tuple(found)


def example(intent: str, *slots: SlotSpan) -> MtodExample:
    return MtodExample(text="a b c d e f", intent=intent, slots=slots)


def span(slot: str, start: int, end: int) -> SlotSpan:
    return SlotSpan(slot=slot, start=start, end=end)


def evaluate_tags(pairs: list[tuple[Tags, Tags]]) -> MtodEvaluation:
    gold = [example("x", *spans(right)) for right, _ in pairs]
    return evaluate_predictions(gold, [("x", spans(told)) for _, told in pairs])


tag_pairs = st.lists(st.tuples(bio_tags(), bio_tags()), min_size=1, max_size=8)
intent_pairs = st.lists(st.tuples(*[st.sampled_from("abcd")] * 2), min_size=1, max_size=30)


@given(tag_pairs)
def test_slot_f1_is_that_of_seqeval_in_strict_mode(pairs: list[tuple[Tags, Tags]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns of 0/0
        expected = f1_score(*map(list, zip(*pairs, strict=True)), mode="strict", scheme=IOB2)
    assert evaluate_tags(pairs).slot_f1 == pytest.approx(float(expected), abs=1e-12)


@given(tag_pairs)
def test_scores_of_each_slot_are_those_of_seqeval(pairs: list[tuple[Tags, Tags]]) -> None:
    gold, told = map(list, zip(*pairs, strict=True))
    labels = sorted({tag[2:] for tags in (*gold, *told) for tag in tags if tag != "O"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = precision_recall_fscore_support(gold, told, scheme=IOB2) if labels else ()
    slots = evaluate_tags(pairs).slots
    assert list(slots) == labels
    for label, *expected in zip(labels, *columns, strict=True):
        assert list(slots[label].model_dump().values()) == pytest.approx(expected)


@given(intent_pairs)
def test_scores_of_each_intent_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    gold, told = zip(*pairs, strict=True)
    labels = sorted({*gold, *told})
    found = evaluate_predictions(
        [example(intent) for intent in gold], [(intent, ()) for intent in told]
    ).intents
    columns = intent_scores(gold, told, labels=labels, zero_division=0)
    assert list(found) == labels
    for label, *expected in zip(labels, *columns, strict=True):
        assert list(found[label].model_dump().values()) == pytest.approx(expected)


@given(intent_pairs)
def test_the_confusion_holds_every_wrong_answer_and_no_right_one(pairs: list[tuple[str, str]]) -> None:
    found = evaluate_predictions([example(gold) for gold, _ in pairs], [(told, ()) for _, told in pairs])
    counted = {
        (gold, told): count for gold, row in found.intent_confusion.items() for told, count in row.items()
    }
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    assert counted == {pair: wrong.count(pair) for pair in wrong}
    assert found.intent_accuracy == pytest.approx(1 - len(wrong) / len(pairs))


def test_perfect_predictions_score_one_everywhere() -> None:
    gold = [example("wake", span("time", 0, 3)), example("rain", span("place", 4, 5))]
    found = evaluate_predictions(gold, [(one.intent, one.slots) for one in gold])
    assert (found.intent_accuracy, found.slot_f1, found.exact_match) == (1, 1, 1)
    assert found.intent_confusion == {}
    assert found.slots == {slot: Scores(precision=1, recall=1, f1=1, support=1) for slot in ("place", "time")}


@pytest.mark.parametrize("told", [span("time", 0, 5), span("time", 2, 3), span("place", 0, 3)])
def test_a_span_with_a_wrong_edge_or_slot_counts_as_missed_and_as_invented(told: SlotSpan) -> None:
    found = evaluate_predictions([example("wake", span("time", 0, 3))], [("wake", (told,))])
    assert (found.slot_f1, found.exact_match, found.intent_accuracy) == (0, 0, 1)


def test_slot_f1_pools_the_spans_of_all_utterances() -> None:
    gold = [example("x", span("time", 0, 1), span("time", 2, 3), span("place", 4, 5)), example("x")]
    told: list[Prediction] = [("x", (span("time", 0, 1), span("place", 4, 5))), ("x", (span("who", 0, 1),))]
    found = evaluate_predictions(gold, told)
    assert found.slot_f1 == pytest.approx(2 * 2 / (3 + 3))
    assert found.slots["time"] == Scores(precision=1, recall=0.5, f1=2 / 3, support=2)
    assert found.slots["who"] == Scores(precision=0, recall=0, f1=0, support=0)


def test_an_exact_match_needs_the_intent_and_all_slots() -> None:
    time, place = span("time", 0, 1), span("place", 4, 5)
    gold = [example("x", time, place)] * 4
    told: list[Prediction] = [("x", (place, time)), ("y", (time, place)), ("x", (time,)), ("x", ())]
    assert evaluate_predictions(gold, told).exact_match == 0.25


def test_the_same_span_told_twice_counts_once() -> None:
    time = span("time", 0, 1)
    assert evaluate_predictions([example("x", time)], [("x", (time, time))]).slot_f1 == 1


def test_without_any_span_slot_f1_is_zero_and_no_slot_is_listed() -> None:
    found = evaluate_predictions([example("x")], [("x", ())])
    assert (found.slot_f1, found.slots, found.exact_match) == (0, {}, 1)


def test_an_intent_that_was_only_told_is_listed_with_no_support() -> None:
    found = evaluate_predictions([example("wake")], [("rain", ())])
    nothing = {"precision": 0, "recall": 0, "f1": 0}
    assert found.intents == {"rain": Scores(**nothing, support=0), "wake": Scores(**nothing, support=1)}
    assert found.intent_confusion == {"wake": {"rain": 1}}


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="no example"):
        evaluate_predictions([], [])


def test_predictions_that_do_not_match_the_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="2 predictions for 1 examples"):
        evaluate_predictions([example("x")], [("x", ()), ("x", ())])


def test_measuring_needs_neither_torch_nor_numpy() -> None:
    code = "import sys, core.tasks.mtod.metrics; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
