"""Label sets of intents and slots, and conversion between slot spans and BIO tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.contracts.examples import MtodExample, SlotSpan

OUTSIDE = "O"
OUTSIDE_ID = 0


@dataclass(frozen=True)
class LabelSet:
    """The labels that a model predicts.

    Tags are numbered ``O``, then ``B-x`` and ``I-x`` of each slot type in turn, so that adding a
    slot type at the end does not change the earlier numbers.

    Attributes:
        intents: In the order of the intent head.
        slots: In the order of their tags.
    """

    intents: tuple[str, ...]
    slots: tuple[str, ...]

    @classmethod
    def of(cls, examples: Iterable[MtodExample]) -> "LabelSet":
        """Return the labels that occur in the examples, sorted."""
        intents: set[str] = set()
        slots: set[str] = set()
        for example in examples:
            intents.add(example.intent)
            slots.update(span.slot for span in example.slots)
        return cls(tuple(sorted(intents)), tuple(sorted(slots)))

    def extended(self, other: "LabelSet") -> "LabelSet":
        """Return these labels, then those of `other` that are new."""
        return LabelSet(
            self.intents + tuple(label for label in other.intents if label not in self.intents),
            self.slots + tuple(label for label in other.slots if label not in self.slots),
        )

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The BIO tags, in the order of the slot head."""
        return (OUTSIDE, *(f"{prefix}-{slot}" for slot in self.slots for prefix in "BI"))

    @cached_property
    def intent_ids(self) -> dict[str, int]:
        """Intent → number."""
        return {intent: number for number, intent in enumerate(self.intents)}

    @cached_property
    def slot_ids(self) -> dict[str, int]:
        """Slot type → number; the tags of a slot are ``begin_tag`` and ``begin_tag + 1``."""
        return {slot: number for number, slot in enumerate(self.slots)}

    def begin_tag(self, slot: str) -> int:
        """Return the number of ``B-slot``; ``I-slot`` is the next."""
        return 1 + 2 * self.slot_ids[slot]


Unit = tuple[int, int]
"""Half-open character offsets of a unit that carries one tag."""


def tag_units(units: Sequence[Unit], spans: Sequence[SlotSpan], labels: LabelSet) -> list[int]:
    """Return the BIO tag of each unit: the first unit that a span overlaps begins it, the others are inside.

    Args:
        units: In order, without overlap.
        spans: In order, without overlap; slot types that are not in `labels` are ignored.
        labels: The label set that numbers the tags.

    Returns:
        One tag number per unit.
    """
    tags = [OUTSIDE_ID] * len(units)
    for span in spans:
        if span.slot not in labels.slot_ids:
            continue
        begin = labels.begin_tag(span.slot)
        # A unit that an earlier span overlaps belongs to that span: a unit has one tag.
        overlapping = [
            index
            for index, (start, end) in enumerate(units)
            if start < span.end and end > span.start and tags[index] == OUTSIDE_ID
        ]
        for index in overlapping:
            tags[index] = begin if index == overlapping[0] else begin + 1
    return tags


def unit_spans(tags: Sequence[int]) -> list[tuple[int, int, int]]:
    """Convert BIO tags to spans over units: (slot number, first unit, one past the last unit).

    An inside tag that does not continue its slot begins a new span, as in conlleval, so that every
    tag sequence is valid.
    """
    spans: list[tuple[int, int, int]] = []
    for index, tag in enumerate(tags):
        if tag == OUTSIDE_ID:
            continue
        slot, inside = divmod(tag - 1, 2)
        if inside and spans and spans[-1][0] == slot and spans[-1][2] == index:
            spans[-1] = (slot, spans[-1][1], index + 1)
        else:
            spans.append((slot, index, index + 1))
    return spans


def text_spans(tags: Sequence[int], units: Sequence[Unit], labels: LabelSet) -> tuple[SlotSpan, ...]:
    """Convert BIO tags to slot spans with character offsets."""
    return tuple(
        SlotSpan(slot=labels.slots[slot], start=units[first][0], end=units[last - 1][1])
        for slot, first, last in unit_spans(tags)
    )
