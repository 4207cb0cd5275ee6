"""Marginals and span probabilities of the CRF against enumeration of every tag sequence."""

from collections.abc import Iterator
from itertools import product

import pytest
import torch
from torch import nn

from core.tasks.mtod.crf import TaggedSpan
from tests.core.tasks.mtod.enumeration import (
    B_PLACE,
    B_TIME,
    I_PLACE,
    I_TIME,
    LABELS,
    LENGTHS,
    OUTSIDE,
    Path,
    distribution,
    make_batch,
    make_crf,
    rows,
)


def test_marginals_are_those_of_enumeration() -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    marginals = crf.marginals(emissions, mask)
    for row, own in rows(emissions):
        expected = torch.zeros_like(own)
        for path, probability in distribution(crf, own).items():
            for unit, tag in enumerate(path):
                expected[unit, tag] += probability
        torch.testing.assert_close(marginals[row, : len(own)], expected)


def test_marginals_are_the_slopes_of_the_partition() -> None:
    """Lafferty et al.: the gradient of the loss is what the model expects minus what is."""
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    emissions.requires_grad_()
    (slope,) = torch.autograd.grad(3 * crf.negative_log_likelihood(emissions, tags, mask), emissions)
    told = nn.functional.one_hot(tags, len(LABELS)) * mask.unsqueeze(2)
    torch.testing.assert_close(crf.marginals(emissions, mask), slope + told)


def every_span(units: int) -> Iterator[TaggedSpan]:
    for begin, end in product(range(units), range(1, units + 1)):
        if begin < end:
            for start, inside in ((B_TIME, I_TIME), (B_PLACE, I_PLACE)):
                yield begin, end, (start, *[inside] * (end - begin - 1))


def holds(path: Path, span: TaggedSpan) -> bool:
    """Tell whether the sequence has exactly this span."""
    begin, end, tags = span
    goes_on = end < len(path) and path[end] == tags[0] + 1  # I-x follows B-x
    return path[begin:end] == tuple(tags) and not goes_on


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_span_probabilities_are_those_of_enumeration(scale: float) -> None:
    crf, (emissions, _, mask) = make_crf(scale=scale), make_batch()
    spans = [list(every_span(length)) for length in LENGTHS]
    expected = [
        sum(chance for path, chance in distribution(crf, own).items() if holds(path, span))
        for row, own in rows(emissions)
        for span in spans[row]
    ]
    found = crf.span_log_probability(emissions, mask, spans).exp()
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_a_span_that_begins_with_an_inside_tag_is_followed_to_its_end_too() -> None:
    crf, (emissions, _, _) = make_crf(), make_batch()
    expected = sum(
        chance
        for path, chance in distribution(crf, emissions[0]).items()
        if path[1:3] == (I_TIME, I_TIME) and path[3] != I_TIME
    )
    found = crf.span_confidences(emissions[0], [(1, 3, (I_TIME, I_TIME))])
    assert found.tolist() == pytest.approx([expected])


def test_all_spans_at_one_place_share_its_probability() -> None:
    """A unit that starts a span starts one of some length: the lengths add up to the marginal."""
    crf, (emissions, _, mask) = make_crf(), make_batch()
    spans = [(1, end, (B_TIME, *[I_TIME] * (end - 2))) for end in (2, 3, 4)]
    total = crf.span_confidences(emissions[0], spans).sum()
    torch.testing.assert_close(total, crf.marginals(emissions, mask)[0, 1, B_TIME])


def test_a_span_is_no_product_of_marginals() -> None:
    crf, (emissions, _, mask) = make_crf(scale=3.0), make_batch()
    (confidence,) = crf.span_confidences(emissions[0], [(0, 2, (B_TIME, I_TIME))])
    marginals = crf.marginals(emissions, mask)[0]
    assert not torch.isclose(confidence, marginals[0, B_TIME] * marginals[1, I_TIME], rtol=0.5)


def test_a_sentence_gets_the_confidences_it_gets_in_a_batch() -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    spans = [list(every_span(length)) for length in LENGTHS]
    alone = [crf.span_confidences(own, spans[row]) for row, own in rows(emissions)]
    torch.testing.assert_close(torch.cat(alone), crf.span_log_probability(emissions, mask, spans).exp())


def test_confidences_of_a_certain_sentence_do_not_pass_one() -> None:
    crf = make_crf(scale=0.1).float()
    emissions = torch.full((6, len(LABELS)), -50.0)
    emissions[:, B_TIME] = 50.0
    confidences = crf.span_confidences(emissions, [(unit, unit + 1, (B_TIME,)) for unit in range(6)])
    assert (confidences <= 1).all()
    assert (confidences > 0.999).all()


def test_a_sentence_without_spans_has_no_confidences() -> None:
    assert make_crf().span_confidences(make_batch()[0][0], []).shape == (0,)


def test_probabilities_can_be_differentiated() -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    spans: list[list[TaggedSpan]] = [[(0, 2, (B_TIME, I_TIME)), (3, 4, (B_PLACE,))], [(0, 1, (OUTSIDE,))], []]
    emissions.requires_grad_()
    assert torch.autograd.gradcheck(lambda own: crf.span_log_probability(own, mask, spans), emissions)
    assert torch.autograd.gradcheck(lambda own: crf.marginals(own, mask), emissions)


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ((0, 2, (1, 2)), "span 0:2 of row 1 is not within its 1 units"),
        ((-1, 1, (1, 2)), "not within"),
        ((0, 0, ()), "not within"),
        ((0, 1, (1, 2)), "span 0:1 of row 1 has 2 tags"),
    ],
)
def test_a_span_that_does_not_fit_its_row_is_told(span: TaggedSpan, message: str) -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    with pytest.raises(ValueError, match=message):
        crf.span_log_probability(emissions, mask, [[], [span], []])


def test_spans_of_too_few_rows_are_refused() -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    with pytest.raises(ValueError, match="spans of 1 rows for a batch of 3"):
        crf.span_log_probability(emissions, mask, [[]])
