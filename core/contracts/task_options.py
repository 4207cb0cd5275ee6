"""Options of an adaptation that only some tasks have."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import StringConstraints

from core.contracts.task_models import OfTask, models_by_task
from core.contracts.values import Contract

EncoderName = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f]+$")]


class TaskOptions(Contract):
    """Options of an adaptation; a task with options of its own has a subclass."""

    @property
    def accepts_new_labels(self) -> bool:
        """Whether labels that the base does not know become labels of the adapted model."""
        return False


class LabelOptions(TaskOptions):
    """Options of tasks with a label set.

    Attributes:
        extend_labels: Whether labels that the base does not know are new labels, and not misspelt ones.
    """

    extend_labels: bool = False

    @property
    def accepts_new_labels(self) -> bool:
        """Whether the request says so."""
        return self.extend_labels


class NeighbourOptions(TaskOptions):
    """Options of tasks whose episodes are made of similar examples.

    Attributes:
        similarity: The sentence encoder that finds an example's neighbours: ``embedded``, a hub id such as
            ``sentence-transformers/xlm-r-distilroberta-base-paraphrase-v1``, or a folder that the worker can
            read.
    """

    similarity: EncoderName = "embedded"


AnyOptions = Annotated[TaskOptions, OfTask("options")]
"""The options of whichever task."""

LEGACY_FIELDS = ("extend_labels", "similarity")
"""Options that job records of version 0.1 hold beside `options`."""


def with_options(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a job's document with the options of version 0.1 moved into `options`.

    Args:
        document: A job as it was stored.
    """
    legacy = {name: document[name] for name in LEGACY_FIELDS if name in document}
    if not legacy:
        return document
    rest = {name: value for name, value in document.items() if name not in legacy}
    model = models_by_task("options").get(str(document.get("task")), TaskOptions)
    options = {name: value for name, value in legacy.items() if name in model.model_fields}
    return {**rest, "options": {**options, **rest.get("options", {})}}
