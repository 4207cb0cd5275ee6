"""Training requests: what they have in common whatever the task.

The class of a task adds its examples, settings and options: `app.schemas.task_requests`. Fixed limits stand
beside the fields that they bound; those that an operator sets are in `app.schemas.limits`.
"""

from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator

from core.contracts.examples import Example
from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.task_options import EncoderName, TaskOptions
from core.contracts.values import Contract, Identifier, LanguageTag, Method, Promotion, TaskName
from core.tasks.registry import task_spec

MAX_BASELINES: Final = 4
"""Every one is a whole training; there are not more methods than this."""

StoredDataset = Annotated[
    Identifier | None,
    Field(default=None, validate_default=True, description="A dataset that `POST /datasets` has stored."),
]


def _check_exactly_one(info: ValidationInfo, *, last: object, others: tuple[str, ...]) -> None:
    """Check that exactly one of several fields is set; an invalid field counts as set.

    A validator of the last field and not of the model, which would run only if no field is invalid.
    """
    present = [name for name in others if info.data.get(name, ...) is not None]
    if len(present) + (last is not None) != 1:
        names = ", ".join((*others, str(info.field_name)))
        received = ", ".join([*present, *([str(info.field_name)] if last is not None else [])]) or "none"
        raise ValueError(f"exactly one of {names} is needed, found {received}")


class HeldOut(Contract):
    """The held-out examples that measure the result; exactly one of the fields is set.

    Attributes:
        examples: Held-out examples.
        dataset: Id of a stored dataset of held-out examples.
        fraction: Share of the training examples to hold out instead, between 0 and 1.
    """

    examples: tuple[Example, ...] | None = None
    dataset: Identifier | None = None
    fraction: Annotated[float | None, Field(gt=0, lt=1, validate_default=True)] = None

    @field_validator("fraction")
    @classmethod
    def _one_source(cls, fraction: float | None, info: ValidationInfo) -> float | None:
        _check_exactly_one(info, last=fraction, others=("examples", "dataset"))
        return fraction


class DatasetRequest(Contract):
    """Examples to be stored.

    Attributes:
        task: The task that the examples teach.
        language: BCP-47 tag of their language.
        examples: The examples, in the order in which they are stored.
    """

    task: TaskName
    language: LanguageTag
    examples: tuple[Example, ...]


class PretrainRequest(Contract):
    """The making of a base (PRE) from examples of the source language.

    Attributes:
        task: The task that the base learns.
        source_language: BCP-47 tag of the source language.
        examples: Training examples; or else `dataset`.
        dataset: Id of a stored dataset of training examples.
        evaluation: Held-out examples; a twentieth of the training examples by default.
        encoder: `embedded`, `embedded-en`, a hub id, or a folder the worker can read; the service's default
            (`XMETRA_ENCODER`) if it is missing.
        settings: Rates, epochs and batch size.
        seed: Seed of everything random.
        promote: When the new base replaces the one that serves.
    """

    task: TaskName
    source_language: LanguageTag
    examples: tuple[Example, ...] | None = None
    dataset: StoredDataset
    evaluation: HeldOut | None = None
    encoder: EncoderName | None = None
    settings: PretrainSettings = PretrainSettings()
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    promote: Promotion = Promotion.IF_BETTER

    @field_validator("dataset")
    @classmethod
    def _one_source(cls, dataset: str | None, info: ValidationInfo) -> str | None:
        _check_exactly_one(info, last=dataset, others=("examples",))
        return dataset


class AdaptRequest(Contract):
    """The adaptation of a base to a language by a few examples of it.

    Attributes:
        task: The task.
        language: BCP-47 tag of the target language.
        examples: Few-shot examples; or else `dataset`.
        dataset: Id of a stored dataset of few-shot examples.
        evaluation: Held-out examples; a fifth of the few-shot examples by default.
        base: Id of the checkpoint to start from; the base that serves by default.
        method: How the language is learnt.
        baselines: Other methods to train and report for comparison; they are never deployed.
        hyperparameters: Rates, steps, shots and seed.
        promote: When the result replaces the checkpoint that serves the language.
        dry_run: Check and plan only.
    """

    task: TaskName
    language: LanguageTag
    examples: tuple[Example, ...] | None = None
    dataset: StoredDataset
    evaluation: HeldOut | None = None
    base: Identifier | None = None
    method: Method = Method.X_METRA_ADA
    baselines: Annotated[tuple[Method, ...], Field(max_length=MAX_BASELINES)] = ()
    hyperparameters: Hyperparameters = Hyperparameters()
    promote: Promotion = Promotion.IF_BETTER
    dry_run: bool = False

    @field_validator("dataset")
    @classmethod
    def _one_source(cls, dataset: str | None, info: ValidationInfo) -> str | None:
        _check_exactly_one(info, last=dataset, others=("examples",))
        return dataset

    @field_validator("baselines")
    @classmethod
    def _distinct(cls, baselines: tuple[Method, ...], info: ValidationInfo) -> tuple[Method, ...]:
        if len(set(baselines)) < len(baselines):
            raise ValueError("a baseline is named twice")
        if Method.BEST in baselines:
            raise ValueError("best is a choice among methods, not one to compare with")
        method = info.data.get("method", Method.BEST)
        if method in baselines:
            raise ValueError(f"{method} is the method itself, not a baseline of it")
        if both := set(method.contenders) & set(baselines):
            raise ValueError(f"{min(both)} is one of those that {method} chooses among")
        return baselines

    def options(self) -> TaskOptions:
        """Return the options that only this task has."""
        model = task_spec(self.task).options
        return model.model_validate({name: getattr(self, name) for name in model.model_fields})


class EvaluateRequest(Contract):
    """Labelled examples to measure a checkpoint on; it predicts them and learns nothing.

    Attributes:
        task: The task.
        language: BCP-47 tag of the language of the examples.
        examples: Labelled examples; or else `dataset`.
        dataset: Id of a stored dataset of labelled examples.
        checkpoint: Id of the checkpoint to measure; the one that serves the language by default.
    """

    task: TaskName
    language: LanguageTag
    examples: tuple[Example, ...] | None = None
    dataset: StoredDataset
    checkpoint: Identifier | None = None

    @field_validator("dataset")
    @classmethod
    def _one_source(cls, dataset: str | None, info: ValidationInfo) -> str | None:
        _check_exactly_one(info, last=dataset, others=("examples",))
        return dataset
