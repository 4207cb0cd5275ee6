"""Linear-chain conditional random field over BIO tags: loss, Viterbi path and span confidences.

A linear-chain CRF gives a tag sequence ``y`` the score ``start[y_1] + Σ emission_i[y_i] +
Σ transition[y_i, y_i+1] + end[y_n]`` and the probability ``exp(score) / Z`` (Lafferty, McCallum and
Pereira, "Conditional Random Fields", ICML 2001). ``torchcrf`` owns the parameters and is the reference
implementation in the tests; its loops over units are replaced here, because meta-learning that trains
only the heads spends most of its time in them.

Every method is a pure function of the parameters, without in-place operations, so that it can be
called with fast weights and differentiated twice.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torchcrf import CRF

from core.tasks.batches import pad_sequences
from core.tasks.mtod.forward_backward import backward_scores, best_paths, check_mask, forward_scores

TaggedSpan: TypeAlias = tuple[int, int, Sequence[int]]
"""First unit, one past the last unit, and the tag of each unit between them."""


@dataclass(frozen=True, slots=True)
class _Lattice:
    """Results of the forward and the backward recursion over a batch.

    Attributes:
        emissions: [batch, units, tags]; the padding is 0.
        before: [batch, units, tags]; log-sum of all prefixes that end in the tag, including its emission.
        after: [batch, units, tags]; log-sum of all suffixes after the tag, excluding its emission.
        partition: [batch]; log-sum of all sequences.
    """

    emissions: Tensor
    before: Tensor
    after: Tensor
    partition: Tensor


class Crf(CRF):
    """A linear-chain CRF over the BIO labels of a task.

    Attributes:
        labels: The BIO label of each tag.
        constrained: Whether ``viterbi`` excludes sequences that are not valid BIO. Training and
            probabilities are those of the unconstrained model.
        inside: [tags]; whether the tag is some ``I-x``.
        continues: [tags, tags]; whether the second tag continues the span of the first.
    """

    inside: Tensor
    continues: Tensor

    def __init__(self, labels: Sequence[str], *, constrained: bool = True) -> None:
        """Initialise the CRF with small random transitions.

        Args:
            labels: ``O``, and ``B-x`` and ``I-x`` of every slot, in the order of the tags.
            constrained: See the class.

        Raises:
            ValueError: A label is not a BIO label or occurs twice, or ``O`` is missing.
        """
        _check_labels(labels)
        super().__init__(len(labels), batch_first=True)
        self.labels = tuple(labels)
        self.constrained = constrained
        slots = [label[2:] for label in labels]
        inside = [label.startswith("I-") for label in labels]
        continues = [[i and a == b for b, i in zip(slots, inside, strict=True)] for a in slots]
        # Both follow from the labels, which the checkpoint's manifest contains.
        self.register_buffer("inside", torch.tensor(inside), persistent=False)
        self.register_buffer("continues", torch.tensor(continues), persistent=False)

    def negative_log_likelihood(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Return the negative log-likelihood of the gold tags.

        Args:
            emissions: [batch, units, tags].
            tags: [batch, units]; any value in the padding, such as -100.
            mask: [batch, units] bool; True for units, which precede all padding.

        Returns:
            [] mean over the batch.

        Raises:
            ValueError: The shapes differ, or a row has no unit or padding between its units.
        """
        self._check(emissions, mask, tags)
        emissions = emissions.masked_fill(~mask.unsqueeze(2), 0.0)  # [batch, units, tags]
        tags = tags.masked_fill(~mask, 0)  # [batch, units]
        before = self._forward(emissions, mask)  # [batch, units, tags]
        score = self._path_score(emissions, tags, mask)  # [batch]
        return (self._log_partition(before) - score).mean()  # []

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """Return the most probable tags of every row.

        Args:
            emissions: [batch, units, tags].
            mask: [batch, units] bool.

        Returns:
            One tag per unit of each row.

        Raises:
            ValueError: See ``negative_log_likelihood``.
        """
        self._check(emissions, mask)
        start: Tensor = self.start_transitions  # [tags]
        transitions: Tensor = self.transitions  # [from, to]
        if self.constrained:
            start = start.masked_fill(self.inside, -torch.inf)  # [tags]
            transitions = transitions.masked_fill(self.inside & ~self.continues, -torch.inf)  # [from, to]
        return best_paths(emissions, mask, start=start, transitions=transitions, end=self.end_transitions)

    @torch.no_grad()
    def tempered(self, temperature: float) -> "Crf":
        """Return a CRF with parameters divided by a temperature, for emissions that are divided by it, too.

        The best paths are the same, and for temperatures above 1 their probabilities are lower.
        """
        if temperature == 1.0:
            return self
        crf = deepcopy(self)
        for parameter in crf.parameters():
            parameter.div_(temperature)
        return crf

    def marginals(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Return the probability of every tag at every unit, over all sequences.

        Args:
            emissions: [batch, units, tags].
            mask: [batch, units] bool.

        Returns:
            [batch, units, tags]; each unit sums to 1, the padding is 0.

        Raises:
            ValueError: See ``negative_log_likelihood``.
        """
        lattice = self._lattice(emissions, mask)
        scores = lattice.before + lattice.after  # [batch, units, tags]
        probabilities = (scores - lattice.partition[:, None, None]).exp()  # [batch, units, tags]
        return probabilities.masked_fill(~mask.unsqueeze(2), 0.0)  # [batch, units, tags]

    def span_log_probability(
        self, emissions: Tensor, mask: Tensor, spans: Sequence[Sequence[TaggedSpan]]
    ) -> Tensor:
        """Return the log-probability that each span is correct as a whole.

        It is the share of the partition function of the sequences that have exactly these tags
        at these units and do not continue the span after them: the constrained forward algorithm
        of Culotta and McCallum, "Confidence Estimation for Information Extraction" (HLT-NAACL 2004),
        for all spans at once. A product of marginals would ignore that neighbouring tags depend on
        each other.

        Args:
            emissions: [batch, units, tags].
            mask: [batch, units] bool.
            spans: The spans of each row.

        Returns:
            [spans], row by row.

        Raises:
            ValueError: See ``negative_log_likelihood``; or a span is outside its row or does not have one
                tag per unit.
        """
        lattice = self._lattice(emissions, mask)
        lengths = mask.sum(dim=1)  # [batch]
        _check_spans(spans, lengths.tolist())
        flat = [(row, *span) for row, row_spans in enumerate(spans) for span in row_spans]
        if not flat:
            return emissions.new_zeros(0)  # [0]
        positions = [[row, begin, end] for row, begin, end, _ in flat]
        rows, begins, ends = torch.tensor(positions, device=mask.device).unbind(1)  # each [spans]
        tags = pad_sequences([tags for *_, tags in flat], 0).to(mask.device)  # [spans, width]
        prefix = lattice.before[rows, begins, tags[:, 0]]  # [spans]
        within = self._score_within(lattice.emissions, rows, tags, begins, ends)  # [spans]
        last = tags.gather(1, (ends - begins - 1).unsqueeze(1)).squeeze(1)  # [spans]
        following = ends.clamp(max=mask.size(1) - 1)  # [spans]
        ahead = (lattice.emissions + lattice.after)[rows, following]  # [spans, tags]
        onward = (self.transitions[last] + ahead).masked_fill(self.continues[last], -torch.inf)
        is_final = ends == lengths[rows]  # [spans]
        suffix = torch.where(is_final, self.end_transitions[last], onward.logsumexp(dim=1))  # [spans]
        return prefix + within + suffix - lattice.partition[rows]  # [spans]

    def span_confidences(self, emissions: Tensor, spans: Sequence[TaggedSpan]) -> Tensor:
        """Return the probability that each span of one sentence is correct as a whole.

        Args:
            emissions: [units, tags] of one sentence, without padding.
            spans: Its decoded spans.

        Returns:
            [spans], between 0 and 1.

        Raises:
            ValueError: See ``span_log_probability``.
        """
        mask = torch.ones(1, emissions.size(0), dtype=torch.bool, device=emissions.device)  # [1, units]
        scores = self.span_log_probability(emissions.unsqueeze(0), mask, [spans])  # [spans]
        return scores.exp().clamp(max=1.0)  # [spans]; rounding may exceed 1

    def _check(self, emissions: Tensor, mask: Tensor, tags: Tensor | None = None) -> None:
        """Check that the shapes match and that rows are units followed by padding."""
        expected = (*mask.shape, self.num_tags)
        if mask.dim() != 2 or tuple(emissions.shape) != expected or mask.dtype != torch.bool:
            raise ValueError(f"emissions {tuple(emissions.shape)} do not fit {mask.dtype} mask {expected}")
        if tags is not None and tags.shape != mask.shape:
            raise ValueError(f"tags {tuple(tags.shape)} do not fit the mask {tuple(mask.shape)}")
        check_mask(mask)

    def _path_score(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Return the score of tag sequences: [batch]."""
        emission_scores = emissions.gather(2, tags.unsqueeze(2)).squeeze(2)  # [batch, units]
        transition_scores = self.transitions[tags[:, :-1], tags[:, 1:]]  # [batch, units - 1]
        incoming_scores = torch.cat(
            [self.start_transitions[tags[:, :1]], transition_scores], dim=1
        )  # [batch, units]
        scores = (emission_scores + incoming_scores).masked_fill(~mask, 0.0)  # [batch, units]
        last = tags.gather(1, mask.sum(dim=1, keepdim=True) - 1).squeeze(1)  # [batch]
        # A cumulative sum adds in order: padding adds zeros and cannot regroup the additions.
        return scores.cumsum(dim=1)[:, -1] + self.end_transitions[last]  # [batch]

    def _score_within(
        self, emissions: Tensor, rows: Tensor, tags: Tensor, begins: Tensor, ends: Tensor
    ) -> Tensor:
        """Return the score of each span after its first unit.

        Args:
            emissions: [batch, units, tags].
            rows: [spans].
            tags: [spans, width].
            begins: [spans].
            ends: [spans].

        Returns:
            [spans].
        """
        units = begins.unsqueeze(1) + torch.arange(1, tags.size(1), device=tags.device)  # [spans, width - 1]
        outside = units >= ends.unsqueeze(1)  # [spans, width - 1]
        inside = units.masked_fill(outside, 0)  # [spans, width - 1]
        emission_scores = emissions[rows.unsqueeze(1), inside, tags[:, 1:]]  # [spans, width - 1]
        transition_scores = self.transitions[tags[:, :-1], tags[:, 1:]]  # [spans, width - 1]
        return (emission_scores + transition_scores).masked_fill(outside, 0.0).sum(dim=1)  # [spans]

    def _lattice(self, emissions: Tensor, mask: Tensor) -> _Lattice:
        """Run the forward and the backward recursion."""
        self._check(emissions, mask)
        emissions = emissions.masked_fill(~mask.unsqueeze(2), 0.0)  # [batch, units, tags]
        before = self._forward(emissions, mask)  # [batch, units, tags]
        after = backward_scores(emissions, mask, transitions=self.transitions, end=self.end_transitions)
        return _Lattice(emissions, before, after, self._log_partition(before))

    def _forward(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Sum all prefixes that end in each tag: [batch, units, tags]."""
        return forward_scores(emissions, mask, start=self.start_transitions, transitions=self.transitions)

    def _log_partition(self, before: Tensor) -> Tensor:
        """Sum all sequences; the padding repeats the scores of the last unit: [batch]."""
        return (before[:, -1] + self.end_transitions).logsumexp(dim=1)  # [batch]


def _check_labels(labels: Sequence[str]) -> None:
    """Check that labels are those of a BIO scheme."""
    for label in labels:
        if label != "O" and (label[:2] not in ("B-", "I-") or not label[2:]):
            raise ValueError(f"{label!r} is neither O nor B-… nor I-…")
    if len(set(labels)) < len(labels):
        raise ValueError("a BIO label comes twice")
    if "O" not in labels:
        raise ValueError("the BIO labels lack O")


def _check_spans(spans: Sequence[Sequence[TaggedSpan]], lengths: Sequence[int]) -> None:
    """Check that spans are within their row and have one tag per unit."""
    if len(spans) != len(lengths):
        raise ValueError(f"spans of {len(spans)} rows for a batch of {len(lengths)}")
    for row, (row_spans, length) in enumerate(zip(spans, lengths, strict=True)):
        for begin, end, tags in row_spans:
            if not 0 <= begin < end <= length:
                raise ValueError(f"span {begin}:{end} of row {row} is not within its {length} units")
            if len(tags) != end - begin:
                raise ValueError(f"span {begin}:{end} of row {row} has {len(tags)} tags")
