"""Test marginals and span probabilities of the CRF against enumeration of every tag sequence."""

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


def test_marginals_match_enumeration() -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    marginals = crf.marginals(emissions, mask)
    for row, row_emissions in rows(emissions):
        expected = torch.zeros_like(row_emissions)
        for path, probability in distribution(crf, row_emissions).items():
            for unit, tag in enumerate(path):
                expected[unit, tag] += probability
        torch.testing.assert_close(marginals[row, : len(row_emissions)], expected)


def test_marginals_are_gradient_of_log_partition() -> None:
    """Lafferty et al.: the gradient of the loss is the expected counts minus the observed ones."""
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    emissions.requires_grad_()
    (slope,) = torch.autograd.grad(3 * crf.negative_log_likelihood(emissions, tags, mask), emissions)
    gold = nn.functional.one_hot(tags, len(LABELS)) * mask.unsqueeze(2)
    torch.testing.assert_close(crf.marginals(emissions, mask), slope + gold)


def every_span(units: int) -> Iterator[TaggedSpan]:
    for begin, end in product(range(units), range(1, units + 1)):
        if begin < end:
            for start, inside in ((B_TIME, I_TIME), (B_PLACE, I_PLACE)):
                yield begin, end, (start, *[inside] * (end - begin - 1))


def has_span(path: Path, span: TaggedSpan) -> bool:
    """Return whether the sequence has exactly this span."""
    begin, end, tags = span
    continues_after = end < len(path) and path[end] == tags[0] + 1  # I-x follows B-x
    return path[begin:end] == tuple(tags) and not continues_after


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_span_probabilities_match_enumeration(scale: float) -> None:
    crf, (emissions, _, mask) = make_crf(scale=scale), make_batch()
    spans = [list(every_span(length)) for length in LENGTHS]
    distributions = [distribution(crf, row_emissions).items() for _, row_emissions in rows(emissions)]
    expected = [
        sum(probability for path, probability in paths if has_span(path, span))
        for paths, row_spans in zip(distributions, spans, strict=True)
        for span in row_spans
    ]
    probabilities = crf.span_log_probability(emissions, mask, spans).exp()
    torch.testing.assert_close(probabilities, torch.tensor(expected, dtype=torch.float64))


def test_span_confidence_requires_end_of_span_that_begins_with_inside_tag() -> None:
    crf, (emissions, _, _) = make_crf(), make_batch()
    expected = sum(
        chance
        for path, chance in distribution(crf, emissions[0]).items()
        if path[1:3] == (I_TIME, I_TIME) and path[3] != I_TIME
    )
    probabilities = crf.span_confidences(emissions[0], [(1, 3, (I_TIME, I_TIME))])
    assert probabilities.tolist() == pytest.approx([expected])


def test_confidences_of_spans_of_all_lengths_sum_to_marginal() -> None:
    """The probabilities of a span of every length from a unit add up to the marginal of its begin tag."""
    crf, (emissions, _, mask) = make_crf(), make_batch()
    spans = [(1, end, (B_TIME, *[I_TIME] * (end - 2))) for end in (2, 3, 4)]
    total = crf.span_confidences(emissions[0], spans).sum()
    torch.testing.assert_close(total, crf.marginals(emissions, mask)[0, 1, B_TIME])


def test_span_confidence_is_not_product_of_marginals() -> None:
    crf, (emissions, _, mask) = make_crf(scale=3.0), make_batch()
    (confidence,) = crf.span_confidences(emissions[0], [(0, 2, (B_TIME, I_TIME))])
    marginals = crf.marginals(emissions, mask)[0]
    assert not torch.isclose(confidence, marginals[0, B_TIME] * marginals[1, I_TIME], rtol=0.5)


def test_span_confidences_of_sentence_equal_those_in_batch() -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    spans = [list(every_span(length)) for length in LENGTHS]
    alone = [crf.span_confidences(row_emissions, spans[row]) for row, row_emissions in rows(emissions)]
    torch.testing.assert_close(torch.cat(alone), crf.span_log_probability(emissions, mask, spans).exp())


def test_span_confidences_do_not_exceed_one() -> None:
    crf = make_crf(scale=0.1).float()
    emissions = torch.full((6, len(LABELS)), -50.0)
    emissions[:, B_TIME] = 50.0
    confidences = crf.span_confidences(emissions, [(unit, unit + 1, (B_TIME,)) for unit in range(6)])
    assert (confidences <= 1).all()
    assert (confidences > 0.999).all()


def test_span_confidences_are_empty_without_spans() -> None:
    assert make_crf().span_confidences(make_batch()[0][0], []).shape == (0,)


def test_span_probabilities_and_marginals_are_differentiable() -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    spans: list[list[TaggedSpan]] = [[(0, 2, (B_TIME, I_TIME)), (3, 4, (B_PLACE,))], [(0, 1, (OUTSIDE,))], []]
    emissions.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda row_emissions: crf.span_log_probability(row_emissions, mask, spans), emissions
    )
    assert torch.autograd.gradcheck(lambda row_emissions: crf.marginals(row_emissions, mask), emissions)


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ((0, 2, (1, 2)), "span 0:2 of row 1 is not within its 1 units"),
        ((-1, 1, (1, 2)), "not within"),
        ((0, 0, ()), "not within"),
        ((0, 1, (1, 2)), "span 0:1 of row 1 has 2 tags"),
    ],
)
def test_span_log_probability_raises_when_span_does_not_fit_row(span: TaggedSpan, message: str) -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    with pytest.raises(ValueError, match=message):
        crf.span_log_probability(emissions, mask, [[], [span], []])


def test_span_log_probability_raises_when_rows_of_spans_are_missing() -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    with pytest.raises(ValueError, match="spans of 1 rows for a batch of 3"):
        crf.span_log_probability(emissions, mask, [[]])
