"""Test the CRF against enumeration of every tag sequence and against torchcrf."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torchcrf import CRF

from core.tasks.mtod.crf import Crf, TaggedSpan
from tests.core.tasks.mtod.enumeration import (
    B_PLACE,
    B_TIME,
    I_TIME,
    LABELS,
    OUTSIDE,
    distribution,
    is_bio,
    make_batch,
    make_crf,
    pad,
    rows,
)


class CrfLoss(nn.Module):
    """A module whose forward returns the CRF's loss."""

    def __init__(self, crf: Crf) -> None:
        super().__init__()
        self.crf = crf

    def forward(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        return self.crf.negative_log_likelihood(emissions, tags, mask)


def test_negative_log_likelihood_matches_enumeration() -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    probabilities = [
        distribution(crf, own)[tuple(tags[row, : len(own)].tolist())] for row, own in rows(emissions)
    ]
    expected = -torch.tensor(probabilities, dtype=torch.float64).log().mean()
    torch.testing.assert_close(crf.negative_log_likelihood(emissions, tags, mask), expected)


@pytest.mark.parametrize("scale", [0.1, 3.0, 100.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_negative_log_likelihood_and_gradients_match_torchcrf(scale: float, dtype: torch.dtype) -> None:
    """Include transitions that differ so much that a product of exponentials would underflow."""
    ours = make_crf(scale=scale).to(dtype)
    theirs = CRF(len(LABELS), batch_first=True).to(dtype)
    theirs.load_state_dict(ours.state_dict())
    emissions, tags, mask = make_batch((9, 2, 12, 1))
    emissions = emissions.to(dtype)
    ours_in, theirs_in = emissions.clone().requires_grad_(), emissions.clone().requires_grad_()
    loss = ours.negative_log_likelihood(ours_in, tags, mask)
    expected = -theirs(theirs_in, tags, mask, reduction="mean")
    torch.testing.assert_close(loss, expected)
    loss.backward()  # type: ignore[no-untyped-call]
    expected.backward()
    torch.testing.assert_close(ours_in.grad, theirs_in.grad)
    for ours_parameter, theirs_parameter in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(ours_parameter.grad, theirs_parameter.grad)


def test_negative_log_likelihood_is_finite_for_extreme_emissions() -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    emissions = (1000 * emissions).requires_grad_()
    loss = crf.negative_log_likelihood(emissions, tags, mask)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite()
    assert emissions.grad is not None
    assert emissions.grad.isfinite().all()


@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_second_derivatives_are_finite_at_and_beyond_safe_spread(scale: float) -> None:
    crf, (emissions, tags, mask) = make_crf().float(), make_batch()
    with torch.no_grad():
        crf.transitions.zero_()
        crf.transitions[OUTSIDE] = -29.9 * scale  # every transition from the only probable tag is improbable
    emissions = emissions.float()
    emissions[:, :, OUTSIDE] += 25
    emissions.requires_grad_()
    (first,) = torch.autograd.grad(
        crf.negative_log_likelihood(emissions, tags, mask), emissions, create_graph=True
    )
    (second,) = torch.autograd.grad(first.square().sum(), emissions)
    assert second.isfinite().all()


def test_first_derivatives_match_finite_differences() -> None:
    check_derivatives(torch.autograd.gradcheck)


def test_second_derivatives_match_finite_differences() -> None:
    check_derivatives(torch.autograd.gradgradcheck)


def check_derivatives(check: Callable[..., bool]) -> None:
    model, (emissions, tags, mask) = CrfLoss(make_crf(labels=LABELS[:3])), make_batch(tags=3)
    names = [name for name, _ in model.named_parameters()]

    def loss(own: Tensor, *values: Tensor) -> Tensor:
        output = functional_call(model, dict(zip(names, values, strict=True)), (own, tags, mask))
        assert isinstance(output, Tensor)
        return output

    inputs = [emissions, *(parameter.detach().clone() for parameter in model.parameters())]
    assert check(loss, [value.requires_grad_() for value in inputs])


def test_loss_with_fast_weights_equals_loss_with_parameters() -> None:
    model, batch = CrfLoss(make_crf()), make_batch()
    fast = {name: parameter + 0.3 for name, parameter in model.named_parameters()}
    called = functional_call(model, fast, batch)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3)
    assert torch.equal(called, model(*batch))


def test_gradient_step_changes_every_parameter_and_lowers_loss() -> None:
    model, batch = CrfLoss(make_crf()), make_batch()
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    slopes = grad(lambda values: functional_call(model, values, batch))(weights)
    assert all(slope.ne(0).all() for slope in slopes.values())
    moved = {name: value - 0.01 * slopes[name] for name, value in weights.items()}
    assert functional_call(model, moved, batch) < model(*batch)


@pytest.mark.parametrize("value", [7.0, float("nan"), float("inf")])
def test_results_are_identical_with_padding(value: float) -> None:
    crf, batch = make_crf().float(), make_batch()
    batch = (batch[0].float(), *batch[1:])
    padded = pad(*batch, value=value)
    spans: list[list[TaggedSpan]] = [[(1, 3, (B_TIME, I_TIME)), (3, 4, (OUTSIDE,))], [], [(2, 3, (B_PLACE,))]]
    assert torch.equal(crf.negative_log_likelihood(*batch), crf.negative_log_likelihood(*padded))
    assert crf.viterbi(batch[0], batch[2]) == crf.viterbi(padded[0], padded[2])
    marginals = crf.marginals(padded[0], padded[2])
    assert torch.equal(crf.marginals(batch[0], batch[2]), marginals[:, :-3])
    assert not marginals[:, -3:].any()
    confidences = crf.span_log_probability(batch[0], batch[2], spans)
    assert torch.equal(confidences, crf.span_log_probability(padded[0], padded[2], spans))


@pytest.mark.parametrize("value", [7.0, float("nan")])
def test_gradients_are_unchanged_by_padding_and_zero_in_it(value: float) -> None:
    gradients = []
    for emissions, tags, mask in (make_batch(), pad(*make_batch(), value=value)):
        crf = make_crf()
        emissions.requires_grad_()
        crf.negative_log_likelihood(emissions, tags, mask).backward()  # type: ignore[no-untyped-call]
        assert emissions.grad is not None
        assert not emissions.grad[~mask].any()
        gradients.append([emissions.grad[:, :4], *(parameter.grad for parameter in crf.parameters())])
    for alone, padded in zip(*gradients, strict=True):
        torch.testing.assert_close(alone, padded, rtol=1e-14, atol=1e-15)


def test_loss_of_batch_is_mean_of_single_row_losses() -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    alone = [
        crf.negative_log_likelihood(
            own[None], tags[row : row + 1, : len(own)], mask[row : row + 1, : len(own)]
        )
        for row, own in rows(emissions)
    ]
    torch.testing.assert_close(crf.negative_log_likelihood(emissions, tags, mask), torch.stack(alone).mean())


@pytest.mark.parametrize("seed", range(5))
def test_viterbi_returns_best_of_all_sequences(seed: int) -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch(seed=seed)
    for (_, own), path in zip(rows(emissions), crf.viterbi(emissions, mask), strict=True):
        everything = distribution(crf, own)
        assert tuple(path) == max(everything, key=everything.__getitem__)


@pytest.mark.parametrize("seed", range(5))
def test_constrained_viterbi_returns_best_of_all_bio_sequences(seed: int) -> None:
    crf, (emissions, _, mask) = make_crf(constrained=True), make_batch(seed=seed)
    emissions[:, :, I_TIME] += 2  # favours paths that are not valid BIO
    for (_, own), path in zip(rows(emissions), crf.viterbi(emissions, mask), strict=True):
        everything = distribution(crf, own)
        assert tuple(path) == max(filter(is_bio, everything), key=everything.__getitem__)


def test_viterbi_matches_torchcrf_on_large_batch() -> None:
    labels = ["O", *(f"{prefix}-{slot}" for slot in range(15) for prefix in "BI")]
    crf = make_crf(labels=labels)
    emissions, _, mask = make_batch([1 + row % 12 for row in range(32)], tags=31)
    assert crf.viterbi(emissions, mask) == crf.decode(emissions, mask)  # type: ignore[arg-type]


def test_constraints_change_neither_loss_nor_marginals() -> None:
    free, bound, (emissions, tags, mask) = make_crf(), make_crf(constrained=True), make_batch()
    assert torch.equal(
        free.negative_log_likelihood(emissions, tags, mask),
        bound.negative_log_likelihood(emissions, tags, mask),
    )
    assert torch.equal(free.marginals(emissions, mask), bound.marginals(emissions, mask))


def test_viterbi_is_not_part_of_autograd_graph() -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    loss = crf.negative_log_likelihood(emissions.requires_grad_(), tags, mask)
    crf.viterbi(emissions, mask)
    loss.backward()  # type: ignore[no-untyped-call]


def test_loss_is_single_precision_under_autocast() -> None:
    crf, (emissions, tags, mask) = make_crf().float(), make_batch()
    emissions = emissions.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = crf.negative_log_likelihood(emissions, tags, mask)
    assert torch.equal(rounded, crf.negative_log_likelihood(emissions, tags, mask))


def test_state_dict_has_keys_of_torchcrf_only() -> None:
    assert make_crf().state_dict().keys() == CRF(len(LABELS)).state_dict().keys()


def test_methods_raise_with_row_number_when_row_has_no_units() -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    mask[1] = False
    for call in (
        lambda: crf.negative_log_likelihood(emissions, tags, mask),
        lambda: crf.viterbi(emissions, mask),
        lambda: crf.marginals(emissions, mask),
        lambda: crf.span_log_probability(emissions, mask, [[], [], []]),
    ):
        with pytest.raises(ValueError, match="row 1 has no units"):
            call()


@pytest.mark.parametrize("hole", [0, 1])
def test_viterbi_raises_with_row_number_when_padding_precedes_unit(hole: int) -> None:
    crf, (emissions, _, mask) = make_crf(), make_batch()
    mask[2, hole] = False
    with pytest.raises(ValueError, match="row 2 has padding before a unit"):
        crf.viterbi(emissions, mask)


@pytest.mark.parametrize(("shape", "message"), [((0, 3), "no rows"), ((2, 0), "row 0 has no units")])
def test_viterbi_raises_when_batch_is_empty(shape: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_crf().viterbi(torch.zeros(*shape, len(LABELS)), torch.ones(shape, dtype=torch.bool))


def test_methods_raise_when_shapes_differ() -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    with pytest.raises(ValueError, match="do not fit"):
        crf.viterbi(emissions[:, :, :3], mask)
    with pytest.raises(ValueError, match="do not fit"):
        crf.viterbi(emissions, mask.long())
    with pytest.raises(ValueError, match="tags"):
        crf.negative_log_likelihood(emissions, tags[:, :2], mask)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("O", "time"), "'time' is neither"),
        (("O", "B-"), "'B-' is neither"),
        (("O", "B-a", "B-a"), "twice"),
        (("B-a", "I-a"), "lack O"),
        ((), "lack O"),
    ],
)
def test_crf_raises_when_labels_are_not_bio(labels: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Crf(labels)
