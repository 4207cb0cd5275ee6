"""What an experiment asks, and the runs that answer it."""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from core.contracts.hyperparameters import Hyperparameters, Schedule
from core.contracts.jobs import EncoderName
from core.contracts.values import Contract, LanguageTag, Method, TaskName, Trainable
from core.experiments.presets import Preset, hyperparameters, joined

SOURCE: Final = "en"
"""The language of the base."""

PRE: Final = "pre"
"""The zero-shot base: no run of its own, for every run measures it."""

METHODS: Final = tuple(method for method in Method if method is not Method.BEST)
"""The paper's, in the order of its tables."""

ALL_OF_IT: Final = 1.0
"""The share that is no limit."""

FULL: Final = "full"
"""All of the few-shot data."""

ValueT = TypeVar("ValueT")


def _once(values: tuple[ValueT, ...]) -> tuple[ValueT, ...]:
    return tuple(dict.fromkeys(values))


def _trained(method: Method) -> Method:
    if method not in METHODS:
        raise ValueError(f"{method} chooses among methods; name {', '.join(METHODS)}")
    return method


def _target(language: str) -> str:
    if language == SOURCE:
        raise ValueError(f"{SOURCE} is the language of the base; name others")
    return language


def _without_axes(settings: dict[str, Any]) -> dict[str, Any]:
    """Refuse settings that runs of one experiment differ in."""
    meta = settings.get("meta")
    found = sorted({"seed", "trainable"} & set(settings))
    if isinstance(meta, dict) and "schedule" in meta:
        found.append("meta.schedule")
    if found:
        raise ValueError(f"{', '.join(found)} is not one for all runs: it has an option of its own")
    return settings


Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(gt=0, le=1), AfterValidator(lambda share: round(share, 4))]
Shots = Annotated[int, Field(ge=1, le=1000)]
Target = Annotated[LanguageTag, AfterValidator(_target)]
Trained = Annotated[Method, AfterValidator(_trained)]
Some = Annotated[tuple[ValueT, ...], Field(min_length=1), AfterValidator(_once)]
Distinct = Annotated[tuple[ValueT, ...], AfterValidator(_once)]


class Cell(Contract):
    """One run of the grid.

    Attributes:
        shots: Examples an intent, of questions examples in all; None where that is not limited.
        share: Share of the few-shot data; None where that is not limited.
        draw: Which of the draws of a limited amount.
        schedule: How the stages of X-METRA-ADA follow each other; of other methods the first there is.
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
        """Whether only some of the few-shot data is learnt from."""
        return self.shots is not None or self.share is not None

    @property
    def amount(self) -> str:
        """What is learnt from, as it stands in the names of files."""
        if self.shots is not None:
            return f"{self.shots}-shots"
        return FULL if self.share is None else f"{100 * self.share:g}-percent"

    @property
    def key(self) -> str:
        """The name of the run, which is its file's: ``es.ft.3-shots.draw-0.seed-42``."""
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
    """All that was asked for; where the data is and where it is computed changes no result.

    Attributes:
        methods: Beside the zero-shot base, which every run measures.
        seeds: Of the training.
        shots: Each limits the few-shot data to so many examples an intent, of questions to so many in all.
        shares: Each limits it to this share; 1, which is all of it, is run unless others are named.
        draws: How often a limited amount is drawn; a draw has nothing to do with a seed.
        schedules: Of X-METRA-ADA.
        similarity: The sentence encoder that finds a question's neighbours.
        settings: What is otherwise than in the preset (`core.contracts.jobs.Hyperparameters`).
        base_settings: The same of the base (`core.contracts.jobs.PretrainSettings`).
    """

    task: TaskName
    languages: Some[Target]
    methods: Some[Trained] = METHODS
    seeds: Some[Seed]
    shots: Distinct[Shots] = ()
    shares: Distinct[Share] = (ALL_OF_IT,)
    draws: Annotated[int, Field(ge=1, le=100)] = 5
    trainable: Some[Trainable] = (Trainable.ALL,)
    schedules: Some[Schedule] = (Schedule.SEQUENTIAL,)
    encoder: EncoderName = "embedded"
    similarity: EncoderName = "embedded"
    preset: Preset = Preset.TUNED
    settings: Annotated[dict[str, Any], AfterValidator(_without_axes)] = {}
    base_settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if not (self.shots or self.shares):
            raise ValueError(
                "neither shots nor a share of the few-shot data is named: there is nothing to run"
            )
        return self

    def cells(self) -> list[Cell]:
        """Return every run: all the few-shot data if it is asked for, each number of shots, then each share.

        A seed is finished before the next begins, so that a first whole table is there early.
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

    def settings_of(self, cell: Cell) -> Hyperparameters:
        """Return how a run learns.

        Raises:
            pydantic.ValidationError: A setting has no such name, or a value that is not allowed.
        """
        own = {"seed": cell.seed, "trainable": cell.trainable, "meta": {"schedule": cell.schedule}}
        return hyperparameters(self.task, self.preset, joined(self.settings, own))

    def extended(self, other: "Experiment") -> "Experiment":
        """Return an experiment that asks what either of them asks; their settings are the same."""
        both = {name: (*getattr(self, name), *getattr(other, name)) for name in AXES}
        draws = max(self.draws, other.draws)
        return Experiment.model_validate(self.model_dump() | both | {"draws": draws})

    def _amounts(self) -> Iterator[tuple[int | None, float | None, int]]:
        """Yield (shots, share, draw)."""
        if ALL_OF_IT in self.shares:
            yield None, None, 0
        for shots, draw in product(self.shots, range(self.draws)):
            yield shots, None, draw
        for share, draw in product((share for share in self.shares if share < ALL_OF_IT), range(self.draws)):
            yield None, share, draw

    def _schedules(self, method: Method) -> tuple[Schedule, ...]:
        return self.schedules if method is Method.X_METRA_ADA else (Schedule.SEQUENTIAL,)


AXES: Final = ("languages", "methods", "seeds", "shots", "shares", "trainable", "schedules")
"""What may be added to an experiment that has begun."""
