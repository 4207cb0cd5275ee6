"""Validation of a request's examples against the base: its labels, and the task and language of datasets."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from core.contracts.examples import DatasetManifest, Example
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.errors import Fault

MAX_SUGGESTIONS: Final = 200
"""Distinct unknown labels for which the nearest known one is searched, at about a millisecond each. A request
with more of them has other labels, and not misspelt ones."""

LONGEST_QUOTED: Final = 40
"""Characters of an utterance that are quoted, so that it can be found in a file without line numbers."""


class LabelCheck:
    """Finds labels that a base does not know.

    Args:
        base: Whose labels are the known ones.
    """

    def __init__(self, base: CheckpointManifest) -> None:
        self._known = {"intent": frozenset(base.intents), "slot": frozenset(base.slots)}
        self._sorted = {kind: sorted(labels) for kind, labels in self._known.items()}
        self._messages: dict[tuple[str, str], str] = {}

    def examples(self, examples: Sequence[Example], pointer: str) -> list[Fault]:
        """Return a fault for every unknown label in examples that stand at a pointer."""
        return [
            Fault(
                f"{pointer}/{index}{label.pointer}",
                f"{self._unknown(label.kind, label.name)} (in {_quoted(example.passage)})",
            )
            for index, example in enumerate(examples)
            for label in example.labels()
            if label.name not in self._known[label.kind]
        ]

    def dataset(self, manifest: DatasetManifest, pointer: str) -> list[Fault]:
        """Return a fault for every distinct unknown label of a stored dataset."""
        return [
            Fault(pointer, f"{self._unknown(kind, label)} ({count} times)")
            for kind, counts in (("intent", manifest.intents), ("slot", manifest.slots))
            for label, count in counts.items()
            if label not in self._known[kind]
        ]

    def _unknown(self, kind: str, label: str) -> str:
        """Say that a label is unknown, and what may have been meant."""
        if (kind, label) not in self._messages:
            is_searched = len(self._messages) < MAX_SUGGESTIONS
            matches = get_close_matches(label, self._sorted[kind], n=1) if is_searched else []
            suggestion = (
                f"; did you mean {matches[0]!r}?" if matches else "; send extend_labels: true if it is new"
            )
            self._messages[kind, label] = f"the base knows no {kind} {label!r}{suggestion}"
        return self._messages[kind, label]


def _quoted(text: str) -> str:
    """Quote the beginning of a text."""
    return repr(text if len(text) <= LONGEST_QUOTED else f"{text[:LONGEST_QUOTED]}…")


def dataset_faults(manifest: DatasetManifest, task: TaskName, language: str, pointer: str) -> list[Fault]:
    """Return the faults of a stored dataset of another task or language; the region does not matter."""
    faults = []
    if manifest.task != task:
        faults.append(Fault(pointer, f"this dataset is for the task {manifest.task}, not for {task}"))
    if _primary(manifest.language) != _primary(language):
        faults.append(Fault(pointer, f"this dataset is in {manifest.language!r}, not in {language!r}"))
    return faults


def _primary(language: str) -> str:
    """Return the language of a tag without script and region."""
    return language.partition("-")[0]
