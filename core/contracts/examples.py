"""What people bring, and what datasets are made of; questions have a file of their own."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from core.contracts.field_faults import FieldFault, several
from core.contracts.values import Contract, Identifier, Label, LanguageTag, Offset, TaskName, Text


class SlotSpan(Contract):
    """A slot in its utterance: half-open offsets in Unicode code points.

    Attributes:
        slot: The slot type.
        start: Offset of the first character of the slot, at least 0.
        end: Offset after the last character of the slot.
    """

    slot: Label
    start: Offset
    end: Offset


@dataclass(frozen=True, slots=True)
class LabelUse:
    """A label in an example.

    Attributes:
        kind: ``intent`` labels the whole text, ``slot`` a span of it.
        name: The label.
        pointer: JSON pointer of the label in the example.
    """

    kind: Literal["intent", "slot"]
    name: str
    pointer: str


class Example(Contract):
    """A labelled example; each task has a subclass."""

    @property
    def passage(self) -> str:
        """The text of the example; examples with equal texts are never on both sides of a split."""
        return ""

    @property
    def stratum(self) -> str:
        """The class by which draws and splits are stratified; the same for all if the task has none."""
        return ""

    def labels(self) -> Iterator[LabelUse]:
        """Yield the labels of the example; none if the task has no fixed label set."""
        return iter(())


class MtodExample(Example):
    """One utterance with its intent and slots.

    Attributes:
        text: The utterance.
        intent: Its intent.
        slots: Its slots, in the order of the text, without overlap.
        tokens: The units that carry tags, each an exact substring of the text, in order; without
            them the script of the text decides.
    """

    text: Text
    intent: Label
    slots: tuple[SlotSpan, ...] = ()
    tokens: tuple[str, ...] | None = None

    @property
    def passage(self) -> str:
        """The utterance."""
        return self.text

    @property
    def stratum(self) -> str:
        """The intent."""
        return self.intent

    def labels(self) -> Iterator[LabelUse]:
        """Yield the intent, then the slots in the order of the text."""
        yield LabelUse("intent", self.intent, "/intent")
        for index, span in enumerate(self.slots):
            yield LabelUse("slot", span.slot, f"/slots/{index}/slot")

    @model_validator(mode="after")
    def _spans_fit(self) -> Self:
        faults = self._span_faults()
        if self.tokens is not None:
            faults.extend(self._token_faults(self.tokens))
        if faults:
            raise several(faults)
        # The faults above name the caller's own order; the order of the text is stored.
        object.__setattr__(self, "slots", tuple(sorted(self.slots, key=lambda span: span.start)))
        return self

    def _span_faults(self) -> list[FieldFault]:
        """Return every span that is outside the text, blank, or overlaps another."""
        faults = []
        for index, span in enumerate(self.slots):
            if span.end > len(self.text):
                problem = f"ends outside the text, which has {len(self.text)} characters"
            elif span.start >= span.end:
                problem = "is empty: start must be less than end"
            elif not self.text[span.start : span.end].strip():
                problem = "covers only white space"
            else:
                continue
            faults.append(FieldFault(("slots", index), f"{_named(index, span)} {problem}"))
        in_order = sorted(enumerate(self.slots), key=lambda pair: (pair[1].start, pair[1].end))
        for (left, first), (right, second) in itertools.pairwise(in_order):
            if second.start < first.end:
                detail = f"{_named(right, second)} overlaps {_named(left, first)}"
                faults.append(FieldFault(("slots", right), detail))
        return faults

    def _token_faults(self, tokens: tuple[str, ...]) -> list[FieldFault]:
        """Return that there are no tokens, or the first that does not follow in the text."""
        if not tokens:
            return [FieldFault(("tokens",), "tokens is empty; leave it out to have the text cut")]
        position = 0
        for index, token in enumerate(tokens):
            start = self.text.find(token, position) if token.strip() else -1
            if start < 0:
                detail = f"tokens/{index} {token!r} does not occur in the text after character {position}"
                return [FieldFault(("tokens", index), detail)]
            position = start + len(token)
        return []


def _named(index: int, span: SlotSpan) -> str:
    """Return a span as messages name it."""
    return f"slots/{index} ({span.slot} {span.start}:{span.end})"


class DatasetManifest(Contract):
    """Description of a stored dataset.

    Attributes:
        dataset_id: Id of the dataset: the SHA-256 of its content.
        task: The task that the examples are of.
        language: BCP-47 tag of the language of the examples.
        examples: Number of examples.
        intents: Intent → number of examples; empty if the task has no intents.
        slots: Slot type → number of slots; empty if the task has no slots.
    """

    dataset_id: Identifier
    task: TaskName
    language: LanguageTag
    examples: int = Field(ge=1)
    intents: dict[str, int] = {}
    slots: dict[str, int] = {}
