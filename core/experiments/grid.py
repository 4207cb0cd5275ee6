"""Specification of an experiment, and its grid of runs."""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from core.contracts.hyperparameters import Hyperparameters, Schedule
from core.contracts.task_options import EncoderName
from core.contracts.values import Contract, LanguageTag, Method, TaskName, Trainable
from core.experiments.presets import Preset, hyperparameters, merge_settings

SOURCE: Final = "en"
"""Language of the base."""

PRE: Final = "pre"
"""Name of the zero-shot base. It has no runs, because every run evaluates it."""

METHODS: Final = tuple(method for method in Method if method is not Method.BEST)
"""Methods of the paper, in the order of its tables."""

FULL_SHARE: Final = 1.0
"""Share of the few-shot data that is not limited."""

FULL: Final = "full"
"""Name of the amount of all few-shot data."""

ValueT = TypeVar("ValueT")


def _deduplicated(values: tuple[ValueT, ...]) -> tuple[ValueT, ...]:
    return tuple(dict.fromkeys(values))


def _grid_method(method: Method) -> Method:
    if method not in METHODS:
        raise ValueError(f"{method} chooses among methods; name {', '.join(METHODS)}")
    return method


def _target_language(language: str) -> str:
    if language == SOURCE:
        raise ValueError(f"{SOURCE} is the language of the base; name others")
    return language


def _without_axes(settings: dict[str, Any]) -> dict[str, Any]:
    """Reject settings that vary within an experiment and therefore have their own options."""
    meta = settings.get("meta")
    axes = sorted({"seed", "trainable"} & set(settings))
    if isinstance(meta, dict) and "schedule" in meta:
        axes.append("meta.schedule")
    if axes:
        raise ValueError(f"{', '.join(axes)} is not the same for all runs: it has its own option")
    return settings


Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(gt=0, le=1), AfterValidator(lambda share: round(share, 4))]
Shots = Annotated[int, Field(ge=1, le=1000)]
TargetLanguage = Annotated[LanguageTag, AfterValidator(_target_language)]
GridMethod = Annotated[Method, AfterValidator(_grid_method)]
NonEmpty = Annotated[tuple[ValueT, ...], Field(min_length=1), AfterValidator(_deduplicated)]
Distinct = Annotated[tuple[ValueT, ...], AfterValidator(_deduplicated)]


class Cell(Contract):
    """A run of the grid.

    Attributes:
        language: BCP-47 tag of the target language.
        method: Method.
        seed: Seed of the training.
        shots: Number of few-shot examples per intent, or of questions in total; None if not limited.
        share: Share of the few-shot data; None if not limited.
        draw: Index of the random draw of a limited amount.
        trainable: Tensors that are trained.
        schedule: Schedule of the stages of X-METRA-ADA; the default for other methods.
    """

    language: LanguageTag
    method: Method
    seed: int
    shots: int | None = None
    share: float | None = None
    draw: int = 0
    trainable: Trainable = Trainable.ALL
    schedule: Schedule = Schedule.SEQUENTIAL

    @property
    def limited(self) -> bool:
        """Whether the run is trained on a part of the few-shot data."""
        return self.shots is not None or self.share is not None

    @property
    def amount(self) -> str:
        """Amount of few-shot data, as in file names."""
        if self.shots is not None:
            return f"{self.shots}-shots"
        return FULL if self.share is None else f"{100 * self.share:g}-percent"

    @property
    def key(self) -> str:
        """Unique name of the run and stem of its file: ``es.ft.3-shots.draw-0.seed-42``."""
        return ".".join(
            [
                self.language,
                self.method,
                self.amount,
                *([f"draw-{self.draw}"] if self.limited else []),
                f"seed-{self.seed}",
                *([self.trainable] if self.trainable is not Trainable.ALL else []),
                *([self.schedule] if self.schedule is not Schedule.SEQUENTIAL else []),
            ]
        )


class Experiment(Contract):
    """Specification of an experiment, without data folder and device, which do not change results.

    Attributes:
        task: Task.
        languages: BCP-47 tags of the target languages.
        methods: Methods; the zero-shot base is evaluated in every run as well.
        seeds: Seeds of the training.
        shots: Numbers of few-shot examples per intent, or of questions in total, to limit the data to.
        shares: Shares of the few-shot data to limit it to; 1 is all of it.
        draws: Number of random draws of a limited amount; draws are independent of seeds.
        trainable: Tensors that are trained; each choice is a form of every method.
        schedules: Schedules of X-METRA-ADA.
        encoder: Encoder of the base.
        similarity: Sentence encoder for the neighbours of questions.
        preset: Preset of the hyperparameters.
        settings: Changes to the preset (`core.contracts.hyperparameters.Hyperparameters`).
        base_settings: Changes to the preset of the base (`core.contracts.hyperparameters.PretrainSettings`).
    """

    task: TaskName
    languages: NonEmpty[TargetLanguage]
    methods: NonEmpty[GridMethod] = METHODS
    seeds: NonEmpty[Seed]
    shots: Distinct[Shots] = ()
    shares: Distinct[Share] = (FULL_SHARE,)
    draws: Annotated[int, Field(ge=1, le=100)] = 5
    trainable: NonEmpty[Trainable] = (Trainable.ALL,)
    schedules: NonEmpty[Schedule] = (Schedule.SEQUENTIAL,)
    encoder: EncoderName = "embedded"
    similarity: EncoderName = "embedded"
    preset: Preset = Preset.TUNED
    settings: Annotated[dict[str, Any], AfterValidator(_without_axes)] = {}
    base_settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _require_amount(self) -> Self:
        if not (self.shots or self.shares):
            raise ValueError(
                "neither shots nor a share of the few-shot data is given: there is nothing to run"
            )
        return self

    def cells(self) -> list[Cell]:
        """Return all runs: on all few-shot data if requested, then each number of shots, then each share.

        A seed is finished before the next starts, so that a first complete table is available early.
        """
        return [
            Cell(
                language=language,
                method=method,
                seed=seed,
                shots=shots,
                share=share,
                draw=draw,
                trainable=trainable,
                schedule=schedule,
            )
            for (shots, share, draw), seed, language, trainable in product(
                self._amounts(), self.seeds, self.languages, self.trainable
            )
            for method in self.methods
            for schedule in self._schedules(method)
        ]

    def hyperparameters_of(self, cell: Cell) -> Hyperparameters:
        """Return the hyperparameters of a run.

        Raises:
            pydantic.ValidationError: A setting is unknown or has an invalid value.
        """
        own = {"seed": cell.seed, "trainable": cell.trainable, "meta": {"schedule": cell.schedule}}
        return hyperparameters(self.task, self.preset, merge_settings(self.settings, own))

    def merged_with(self, other: "Experiment") -> "Experiment":
        """Return an experiment with the runs of both; their settings must be equal."""
        axes = {name: (*getattr(self, name), *getattr(other, name)) for name in AXES}
        draws = max(self.draws, other.draws)
        return Experiment.model_validate(self.model_dump() | axes | {"draws": draws})

    def _amounts(self) -> Iterator[tuple[int | None, float | None, int]]:
        """Yield (shots, share, draw) for each amount of data."""
        if FULL_SHARE in self.shares:
            yield None, None, 0
        for shots, draw in product(self.shots, range(self.draws)):
            yield shots, None, draw
        for share, draw in product((share for share in self.shares if share < FULL_SHARE), range(self.draws)):
            yield None, share, draw

    def _schedules(self, method: Method) -> tuple[Schedule, ...]:
        return self.schedules if method is Method.X_METRA_ADA else (Schedule.SEQUENTIAL,)


AXES: Final = ("languages", "methods", "seeds", "shots", "shares", "trainable", "schedules")
"""Fields that may be extended after an experiment was started."""
