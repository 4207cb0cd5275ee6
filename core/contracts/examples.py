"""What people bring, and what datasets are made of; questions have a file of their own."""

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self, TypeAlias

from pydantic import Field, model_validator

from core.contracts.questions import QaExample
from core.contracts.values import Contract, Identifier, Label, LanguageTag, Offset, TaskName, Text


class SlotSpan(Contract):
    """A slot in its utterance: half-open offsets in Unicode code points."""

    slot: Label
    start: Offset
    end: Offset


class MtodExample(Contract):
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

    @model_validator(mode="after")
    def _spans_fit(self) -> Self:
        faults = list(self._span_faults())
        if self.tokens is not None:
            faults.extend(self._token_faults(self.tokens))
        if faults:
            raise ValueError("; ".join(faults))
        # The faults above name the caller's own order; what is kept is the order of the text.
        object.__setattr__(self, "slots", tuple(sorted(self.slots, key=lambda span: span.start)))
        return self

    def _span_faults(self) -> list[str]:
        """Tell every span that is outside the text, blank, or on top of another."""
        faults = []
        for index, span in enumerate(self.slots):
            place = f"slots/{index} ({span.slot} {span.start}:{span.end})"
            if span.end > len(self.text):
                faults.append(f"{place} ends outside the text, which has {len(self.text)} characters")
            elif span.start >= span.end:
                faults.append(f"{place} is empty: start must be less than end")
            elif not self.text[span.start : span.end].strip():
                faults.append(f"{place} covers only white space")
        in_order = sorted(enumerate(self.slots), key=lambda pair: (pair[1].start, pair[1].end))
        for (left, first), (right, second) in itertools.pairwise(in_order):
            if second.start < first.end:
                faults.append(
                    f"slots/{right} ({second.slot} {second.start}:{second.end}) overlaps "
                    f"slots/{left} ({first.slot} {first.start}:{first.end})"
                )
        return faults

    def _token_faults(self, tokens: tuple[str, ...]) -> list[str]:
        """Tell that there are no tokens, or the first that does not follow in the text."""
        if not tokens:
            return ["tokens is empty; leave it out to have the text cut"]
        position = 0
        for index, token in enumerate(tokens):
            found = self.text.find(token, position) if token.strip() else -1
            if found < 0:
                return [f"tokens/{index} {token!r} does not occur in the text after character {position}"]
            position = found + len(token)
        return []


Example: TypeAlias = MtodExample | QaExample

EXAMPLES: Final[Mapping[TaskName, type[Example]]] = MappingProxyType(
    {TaskName.MTOD: MtodExample, TaskName.QA: QaExample}
)
"""What each task learns from."""


class DatasetManifest(Contract):
    """What a stored dataset is; its id is the SHA-256 of its content.

    Attributes:
        intents: Intent → how often; none where the task has none.
        slots: The same of slot types.
    """

    dataset_id: Identifier
    task: TaskName
    language: LanguageTag
    examples: int = Field(ge=1)
    intents: dict[str, int] = {}
    slots: dict[str, int] = {}
