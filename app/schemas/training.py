"""What clients send to have something stored or learnt.

The limits that nobody may set stand beside the fields they bound; the others are in `app.schemas.limits`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic.config import JsonDict

from app.schemas.limits import AtMost
from core.contracts.examples import Example, MtodExample
from core.contracts.hyperparameters import (
    Hyperparameters,
    PretrainSettings,
    QaHyperparameters,
    QaPretrainSettings,
)
from core.contracts.questions import QaExample
from core.contracts.values import Contract, Identifier, LanguageTag, Method, Promotion, TaskName

MAX_BASELINES: Final = 4
"""Every one is a whole training; there are not more methods than this."""

EXAMPLE: Final[JsonDict] = {
    "text": "pon una alarma a las seis",
    "intent": "alarm/set_alarm",
    "slots": [{"slot": "datetime", "start": 15, "end": 25}],
}

QUESTION: Final[JsonDict] = {
    "question": "¿Cuándo abrió la panadería?",
    "context": "La panadería de la plaza abrió en 1987.",
    "answers": [{"text": "1987", "answer_start": 34}],
}

MtodExamples = Annotated[tuple[MtodExample, ...], Field(min_length=1), AtMost("max_examples")]
MtodSources = Annotated[tuple[MtodExample, ...], Field(min_length=1), AtMost("max_source_examples")]
QaExamples = Annotated[tuple[QaExample, ...], Field(min_length=1), AtMost("max_examples")]
QaSources = Annotated[tuple[QaExample, ...], Field(min_length=1), AtMost("max_source_examples")]
EncoderName = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f]+$")]
StoredDataset = Annotated[
    Identifier | None,
    Field(default=None, validate_default=True, description="A dataset that `POST /datasets` has stored."),
]


def _one_is_given(info: ValidationInfo, *, last: object, others: tuple[str, ...]) -> None:
    """Check that exactly one of several fields is there; a field with a fault of its own counts.

    A check of the last field, not of the whole model: that one would wait until nothing else is wrong.
    """
    given = [name for name in others if info.data.get(name, ...) is not None]
    if len(given) + (last is not None) != 1:
        names = ", ".join((*others, str(info.field_name)))
        found = ", ".join([*given, *([str(info.field_name)] if last is not None else [])]) or "none"
        raise ValueError(f"exactly one of {names} is needed, found {found}")


class HeldOut(Contract):
    """Where the examples come from that measure the result."""

    examples: tuple[Example, ...] | None = None
    dataset: Identifier | None = None
    fraction: Annotated[float | None, Field(gt=0, lt=1, validate_default=True)] = None

    @field_validator("fraction")
    @classmethod
    def _one_source(cls, fraction: float | None, info: ValidationInfo) -> float | None:
        _one_is_given(info, last=fraction, others=("examples", "dataset"))
        return fraction


class MtodHeldOut(HeldOut):
    """Where the utterances come from that measure the result."""

    examples: MtodSources | None = None


class QaHeldOut(HeldOut):
    """Where the questions come from that measure the result."""

    examples: QaSources | None = None


class DatasetRequest(Contract):
    """Examples to be stored."""

    task: TaskName
    language: LanguageTag
    examples: tuple[Example, ...]


class MtodDatasetRequest(DatasetRequest):
    """Labelled utterances to be stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"task": "mtod", "language": "es", "examples": [EXAMPLE]}]}
    )

    task: Literal[TaskName.MTOD] = TaskName.MTOD
    examples: MtodSources


class QaDatasetRequest(DatasetRequest):
    """Questions with their answers to be stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"task": "qa", "language": "es", "examples": [QUESTION]}]}
    )

    task: Literal[TaskName.QA]
    examples: QaSources


class PretrainRequest(Contract):
    """The making of a base (PRE) from examples of the source language.

    Attributes:
        encoder: `embedded`, `embedded-en`, a hub id, or a folder the worker can read; without it, the
            service's own choice (`XMETRA_ENCODER`).
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
        _one_is_given(info, last=dataset, others=("examples",))
        return dataset


class MtodPretrainRequest(PretrainRequest):
    """The making of a base (PRE) from utterances of the source language."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"task": "mtod", "source_language": "en", "dataset": "0a1b2c"}]}
    )

    task: Literal[TaskName.MTOD] = TaskName.MTOD
    examples: MtodSources | None = None
    evaluation: MtodHeldOut | None = None


class QaPretrainRequest(PretrainRequest):
    """The making of a base (PRE) from questions of the source language."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"task": "qa", "source_language": "en", "dataset": "0a1b2c"}]}
    )

    task: Literal[TaskName.QA]
    examples: QaSources | None = None
    evaluation: QaHeldOut | None = None
    settings: QaPretrainSettings = QaPretrainSettings()


class AdaptRequest(Contract):
    """The adaptation of a base to a language by a few examples of it.

    Attributes:
        base: The checkpoint to start from; without it, the base that is live.
        baselines: Other methods to train beside and report, never to serve.
        dry_run: Check and plan, and do nothing.
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
        _one_is_given(info, last=dataset, others=("examples",))
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


class MtodAdaptRequest(AdaptRequest):
    """The adaptation of a base to a language by a few labelled utterances of it.

    Attributes:
        extend_labels: Whether intents and slots that the base does not know are new labels, and not
            slips of the pen.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task": "mtod",
                    "language": "es",
                    "examples": [EXAMPLE],
                    "evaluation": {"fraction": 0.2},
                    "method": "x-metra-ada",
                    "promote": "if_better",
                }
            ]
        }
    )

    task: Literal[TaskName.MTOD] = TaskName.MTOD
    examples: MtodExamples | None = None
    evaluation: MtodHeldOut | None = None
    extend_labels: bool = False


class QaAdaptRequest(AdaptRequest):
    """The adaptation of a base to a language by a few questions and answers in it.

    Attributes:
        similarity: The sentence encoder that finds each question's neighbours: `embedded`, a hub id such as
            `sentence-transformers/xlm-r-distilroberta-base-paraphrase-v1`, or a folder the worker can read.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task": "qa",
                    "language": "es",
                    "examples": [QUESTION],
                    "evaluation": {"fraction": 0.2},
                    "method": "x-metra-ada",
                }
            ]
        }
    )

    task: Literal[TaskName.QA]
    examples: QaExamples | None = None
    evaluation: QaHeldOut | None = None
    hyperparameters: QaHyperparameters = QaHyperparameters()
    similarity: EncoderName = "embedded"


DATASET_REQUESTS: Final[Mapping[TaskName, type[DatasetRequest]]] = MappingProxyType(
    {TaskName.MTOD: MtodDatasetRequest, TaskName.QA: QaDatasetRequest}
)
PRETRAIN_REQUESTS: Final[Mapping[TaskName, type[PretrainRequest]]] = MappingProxyType(
    {TaskName.MTOD: MtodPretrainRequest, TaskName.QA: QaPretrainRequest}
)
ADAPT_REQUESTS: Final[Mapping[TaskName, type[AdaptRequest]]] = MappingProxyType(
    {TaskName.MTOD: MtodAdaptRequest, TaskName.QA: QaAdaptRequest}
)
