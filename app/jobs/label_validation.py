"""What a request's examples are held against: the labels that the base knows, and their language."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from core.contracts.examples import DatasetManifest, MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.errors import Fault

MAX_SUGGESTIONS: Final = 200
"""Distinct unknown labels for which the nearest known one is looked for, which costs about a
millisecond each. Who sends more does not misspell, but has other labels."""

LONGEST_QUOTED: Final = 40
"""Characters of an utterance that are quoted, so that it can be found in a file without numbers."""


class LabelCheck:
    """Finds labels that a base does not know.

    Args:
        base: Whose labels are the known ones.
    """

    def __init__(self, base: CheckpointManifest) -> None:
        self._intents = frozenset(base.intents)
        self._slots = frozenset(base.slots)
        self._sorted = {"intent": sorted(base.intents), "slot": sorted(base.slots)}
        self._told: dict[tuple[str, str], str] = {}

    def examples(self, examples: Sequence[MtodExample], pointer: str) -> list[Fault]:
        """Return a fault for every unknown label in examples that stand at a pointer."""
        faults = []
        for index, example in enumerate(examples):
            place = f"{pointer}/{index}"
            quoted = f" (in {_quoted(example.text)})"
            if example.intent not in self._intents:
                faults.append(Fault(f"{place}/intent", self._unknown("intent", example.intent) + quoted))
            faults.extend(
                Fault(f"{place}/slots/{number}/slot", self._unknown("slot", span.slot) + quoted)
                for number, span in enumerate(example.slots)
                if span.slot not in self._slots
            )
        return faults

    def dataset(self, manifest: DatasetManifest, pointer: str) -> list[Fault]:
        """Return a fault for every distinct unknown label of a stored dataset."""
        kinds: Iterable[tuple[str, Mapping[str, int], frozenset[str]]] = (
            ("intent", manifest.intents, self._intents),
            ("slot", manifest.slots, self._slots),
        )
        return [
            Fault(pointer, f"{self._unknown(kind, label)} ({count} times)")
            for kind, labels, known in kinds
            for label, count in labels.items()
            if label not in known
        ]

    def _unknown(self, kind: str, label: str) -> str:
        """Say that a label is unknown, and what may have been meant."""
        if (kind, label) not in self._told:
            look = len(self._told) < MAX_SUGGESTIONS
            near = get_close_matches(label, self._sorted[kind], n=1) if look else []
            meant = f"; did you mean {near[0]!r}?" if near else ""
            hint = "" if near else "; send extend_labels: true if it is new"
            self._told[kind, label] = f"the base knows no {kind} {label!r}{meant}{hint}"
        return self._told[kind, label]


def _quoted(text: str) -> str:
    """Quote the beginning of a text."""
    return repr(text if len(text) <= LONGEST_QUOTED else f"{text[:LONGEST_QUOTED]}…")


def dataset_faults(manifest: DatasetManifest, task: TaskName, language: str, pointer: str) -> list[Fault]:
    """Return the faults of a stored dataset of another task or language; the region does not matter."""
    faults = []
    if manifest.task is not task:
        faults.append(Fault(pointer, f"this dataset is for the task {manifest.task}, not for {task}"))
    if _primary(manifest.language) != _primary(language):
        faults.append(Fault(pointer, f"this dataset is in {manifest.language!r}, not in {language!r}"))
    return faults


def _primary(language: str) -> str:
    """Return the language of a tag without script and region."""
    return language.partition("-")[0]
