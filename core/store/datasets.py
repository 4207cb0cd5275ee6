"""Labelled examples, immutable and named by their content."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from core.contracts.examples import DatasetManifest, Example, LabelUse
from core.contracts.task_models import models_by_task
from core.contracts.values import TaskName
from core.errors import CorruptArtifact, Fault, InvalidInput, NotFound
from core.store import names
from core.store.backend import Backend
from core.store.serialization import decode_document, encode_document


class Datasets:
    """The datasets of a store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def put(self, examples: Sequence[Example], *, task: TaskName, language: str) -> DatasetManifest:
        """Store examples under the SHA-256 of task, language and content.

        The same examples again change nothing, except that a damaged copy is made whole.

        Args:
            examples: In the order in which they will be loaded; the order is part of the content.
            task: What they teach.
            language: Their BCP-47 tag.

        Raises:
            InvalidInput: There are no examples or those of another task, or the task or language is none.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        if not examples:
            raise InvalidInput([Fault("/examples", "expected at least one example, got none")])
        task, language = names.task_name(task), names.language_tag(language)
        _refuse_others(examples, task)
        data = _canonical_lines(examples)
        labels = [label for example in examples for label in example.labels()]
        manifest = DatasetManifest(
            dataset_id=_content_id(data, task=task, language=language),
            task=task,
            language=language,
            examples=len(examples),
            intents=_counts(labels, "intent"),
            slots=_counts(labels, "slot"),
        )
        if not self._holds(manifest, data):
            self._backend.write(_key(manifest.dataset_id, "data.jsonl"), data)
            self._backend.write(_key(manifest.dataset_id, "manifest.json"), encode_document(manifest))
        return manifest

    def load(self, dataset_id: str) -> tuple[Any, ...]:
        """Return the examples, after their hash was compared with their name.

        Returns:
            Examples of the class that the dataset's task has (`core.tasks.spec.TaskSpec.example`).

        Raises:
            NotFound: There is no such dataset.
            CorruptArtifact: The content is no longer what it was.
        """
        manifest = self.manifest(dataset_id)
        data = self._backend.read(_key(dataset_id, "data.jsonl"))
        if data is None:
            raise CorruptArtifact(f"dataset {dataset_id} has lost its data.jsonl")
        if _content_id(data, task=manifest.task, language=manifest.language) != dataset_id:
            raise CorruptArtifact(f"the content of dataset {dataset_id} does not have that SHA-256")
        try:
            # Not splitlines: a text may hold U+2028, which is a line break to Python.
            example = _example_class(manifest.task)
            return tuple(example.model_validate_json(line) for line in data.removesuffix(b"\n").split(b"\n"))
        except ValidationError as error:
            raise CorruptArtifact(f"dataset {dataset_id} was written by another version: {error}") from error

    def manifest(self, dataset_id: str) -> DatasetManifest:
        """Return what the dataset is.

        Raises:
            NotFound: There is no such dataset.
            CorruptArtifact: The manifest cannot be read, or is another's.
        """
        data = self._backend.read(_key(names.require_identifier("dataset", dataset_id), "manifest.json"))
        if data is None:
            raise NotFound(f"there is no dataset {dataset_id!r}")
        manifest = decode_document(DatasetManifest, data, name=f"the manifest of dataset {dataset_id}")
        if manifest.dataset_id != dataset_id:
            raise CorruptArtifact(f"dataset {dataset_id} holds the manifest of {manifest.dataset_id}")
        return manifest

    def _holds(self, manifest: DatasetManifest, data: bytes) -> bool:
        """Tell whether exactly this is stored already."""
        dataset_id = manifest.dataset_id
        return (
            self._backend.read(_key(dataset_id, "manifest.json")) == encode_document(manifest)
            and self._backend.read(_key(dataset_id, "data.jsonl")) == data
        )


def _refuse_others(examples: Sequence[Example], task: TaskName) -> None:
    """Refuse examples that are not the task's.

    Raises:
        InvalidInput: Each that is another task's.
    """
    kind = _example_class(task)
    faults = [
        Fault(f"/examples/{index}", f"this is no example of the task {task}")
        for index, example in enumerate(examples)
        if not isinstance(example, kind)
    ]
    if faults:
        raise InvalidInput(faults)


def _key(dataset_id: str, file: str) -> str:
    return f"datasets/{dataset_id}/{file}"


def _example_class(task: str) -> type[Example]:
    model = models_by_task("example")[task]
    assert issubclass(model, Example)
    return model


def _counts(labels: Iterable[LabelUse], kind: str) -> dict[str, int]:
    """Return label → number of uses, of the labels of one kind, sorted by label."""
    return dict(sorted(Counter(label.name for label in labels if label.kind == kind).items()))


def _canonical_lines(examples: Sequence[Example]) -> bytes:
    """Return the examples as JSONL in the only way it can be written.

    What is left at its default is left out, so that a field which examples gain one day renames
    no dataset that does not use it.
    """
    lines = (
        json.dumps(
            example.model_dump(mode="json", exclude_defaults=True),
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        )
        for example in examples
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _content_id(data: bytes, *, task: TaskName, language: str) -> str:
    """Return the SHA-256 of task, language and lines, in hexadecimal."""
    digest = hashlib.sha256(json.dumps([task, language]).encode() + b"\n")
    digest.update(data)
    return digest.hexdigest()
