"""Options of the training requests, as keyword arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pydantic import BaseModel

from xmetra_client.bodies import HeldOut


class TrainingOptions(TypedDict, total=False):
    """Options of every request that trains; None is the same as leaving the option out.

    Attributes:
        task: ``mtod`` (the default), ``qa``, or another task of the service.
        evaluation: Held-out examples that measure the result.
        promote: When the result is deployed: ``if_better`` (the default), ``always`` or ``never``.
        format: Format of the files, if their names do not show it.
    """

    task: str
    evaluation: HeldOut | None
    promote: str
    format: str | None


class JobOptions(TypedDict, total=False):
    """Options of every request that creates a job.

    Attributes:
        idempotency_key: The caller's name for the request: a repetition within a day gets the first response.
    """

    idempotency_key: str | None


class PretrainOptions(TrainingOptions, JobOptions, total=False):
    """Options of `pretrain`.

    Attributes:
        encoder: ``embedded``, ``embedded-en``, a hub id, or a folder that the worker can read.
        settings: Rates, epochs and batch size.
        seed: Seed of everything random.
    """

    encoder: str | None
    settings: Mapping[str, Any] | BaseModel | None
    seed: int


class PlanOptions(TrainingOptions, total=False):
    """Options of `plan`.

    Attributes:
        method: How the language is learnt, such as ``x-metra-ada`` (the default) or ``ft``.
        baselines: Other methods to train and report for comparison.
        base: Id of the checkpoint to start from; the live base by default.
        hyperparameters: Rates, steps, shots and seed.
        extend_labels: Tasks with labels: whether labels unknown to the base are new labels.
        similarity: Tasks with neighbours: the sentence encoder that finds them.
    """

    method: str
    baselines: Sequence[str] | None
    base: str | None
    hyperparameters: Mapping[str, Any] | BaseModel | None
    extend_labels: bool | None
    similarity: str | None


class AdaptOptions(PlanOptions, JobOptions, total=False):
    """Options of `adapt`."""
