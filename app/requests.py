"""What clients send; the limits stand beside the fields they bound."""

from typing import Annotated, Final

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic.config import JsonDict

from core.contracts.examples import MtodExample
from core.contracts.jobs import Hyperparameters, JobStatus, PretrainSettings
from core.contracts.values import Contract, Identifier, LanguageTag, Method, Promotion, TaskName, Text

MAX_EXAMPLES: Final = 20_000
"""Examples of one language to adapt. "Few-shot" ends far below; MTOD's whole Spanish has 8,643."""

MAX_SOURCE_EXAMPLES: Final = 100_000
"""Examples of a dataset or of a base: MTOD's English has 43,323. The body limit comes first in practice."""

MAX_UTTERANCES: Final = 256
"""Utterances in one prediction: a second or so on a CPU, so that nobody's turn takes long."""

MAX_TOP_K: Final = 100
"""Ranked intents in an answer: more than any label set measured here has."""

MAX_BASELINES: Final = 4
"""Every one is a whole training; there are not more methods than this."""

MAX_JOBS: Final = 200
"""Jobs on a page: each of those that run costs three questions to Redis."""

EXAMPLE: Final[JsonDict] = {
    "text": "pon una alarma a las seis",
    "intent": "alarm/set_alarm",
    "slots": [{"slot": "datetime", "start": 15, "end": 25}],
}

Examples = Annotated[tuple[MtodExample, ...], Field(min_length=1, max_length=MAX_EXAMPLES)]
SourceExamples = Annotated[tuple[MtodExample, ...], Field(min_length=1, max_length=MAX_SOURCE_EXAMPLES)]
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

    examples: SourceExamples | None = None
    dataset: Identifier | None = None
    fraction: Annotated[float | None, Field(gt=0, lt=1, validate_default=True)] = None

    @field_validator("fraction")
    @classmethod
    def _one_source(cls, fraction: float | None, info: ValidationInfo) -> float | None:
        _one_is_given(info, last=fraction, others=("examples", "dataset"))
        return fraction


class DatasetRequest(Contract):
    """Examples to be stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"task": "mtod", "language": "es", "examples": [EXAMPLE]}]}
    )

    task: TaskName = TaskName.MTOD
    language: LanguageTag
    examples: SourceExamples


class PretrainRequest(Contract):
    """The making of a base (PRE) from examples of the source language.

    Attributes:
        encoder: `embedded`, `embedded-en`, a hub id, or a folder the worker can read.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"task": "mtod", "source_language": "en", "dataset": "0a1b2c"}]}
    )

    task: TaskName = TaskName.MTOD
    source_language: LanguageTag
    examples: SourceExamples | None = None
    dataset: StoredDataset
    evaluation: HeldOut | None = None
    encoder: Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f]+$")] = (
        "embedded"
    )
    settings: PretrainSettings = PretrainSettings()
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    promote: Promotion = Promotion.IF_BETTER

    @field_validator("dataset")
    @classmethod
    def _one_source(cls, dataset: str | None, info: ValidationInfo) -> str | None:
        _one_is_given(info, last=dataset, others=("examples",))
        return dataset


class AdaptRequest(Contract):
    """The adaptation of a base to a language by a few examples of it.

    Attributes:
        base: The checkpoint to start from; without it, the base that is live.
        baselines: Other methods to train beside and report, never to serve.
        extend_labels: Whether intents and slots that the base does not know are new labels, and not
            slips of the pen.
        dry_run: Check and plan, and do nothing.
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

    task: TaskName = TaskName.MTOD
    language: LanguageTag
    examples: Examples | None = None
    dataset: StoredDataset
    evaluation: HeldOut | None = None
    base: Identifier | None = None
    method: Method = Method.X_METRA_ADA
    baselines: Annotated[tuple[Method, ...], Field(max_length=MAX_BASELINES)] = ()
    hyperparameters: Hyperparameters = Hyperparameters()
    promote: Promotion = Promotion.IF_BETTER
    extend_labels: bool = False
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
        if info.data.get("method") in baselines:
            raise ValueError(f"{info.data['method']} is the method itself, not a baseline of it")
        return baselines


class Utterance(Contract):
    """A text to be understood.

    Attributes:
        id: The caller's own name of it, given back.
        language: Its language; without it, the request's.
    """

    id: Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00-\x1f]*$")] | None = None
    text: Text
    language: LanguageTag | None = None

    @classmethod
    def from_text(cls, given: object) -> object:
        """Take a mere string for an utterance's text."""
        return {"text": given} if isinstance(given, str) else given


class PredictRequest(Contract):
    """Texts to be understood.

    Attributes:
        language: Of every utterance that does not tell its own.
        checkpoint: Answers in place of whatever serves the language.
        top_k: Intents to rank.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"utterances": ["pon una alarma a las seis"], "language": "es"},
                {"utterances": [{"id": "a", "text": "will it rain today", "language": "en"}], "top_k": 5},
            ]
        }
    )

    utterances: Annotated[
        tuple[
            Annotated[
                Utterance, BeforeValidator(Utterance.from_text, json_schema_input_type=str | Utterance)
            ],
            ...,
        ],
        Field(min_length=1, max_length=MAX_UTTERANCES),
    ]
    language: LanguageTag | None = None
    checkpoint: Identifier | None = None
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K)] = 3


class JobFilter(Contract):
    """Which jobs are listed.

    Attributes:
        cursor: The `next_cursor` of the page before.
    """

    status: JobStatus | None = None
    task: TaskName | None = None
    language: LanguageTag | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_JOBS)] = 50
    cursor: Identifier | None = None
