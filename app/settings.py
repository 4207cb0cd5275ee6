"""What an operator may set, all of it by environment variables that begin with ``XMETRA_``."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.logs import LogFormat, LogLevel

MEBIBYTE = 2**20
GIBIBYTE = 2**30


class Settings(BaseSettings):
    """The settings of the api; the worker has its own, and shares the two URLs.

    Attributes:
        redis_url: ``redis://``, ``rediss://`` or ``unix://``.
        store_url: A folder, or any fsspec URL.
        device: Where predictions are computed: ``auto``, ``cpu``, ``cuda``, or ``cuda:1``.
        threads: Compute threads of a forward pass; 0 takes every core.
        preload: Whether torch and the base are loaded at the start, so that no first prediction waits.
        max_body_bytes: Largest request body. 32 MiB hold all 30,521 English utterances of MTOD five
            times over.
        max_waiting_jobs: Jobs that may wait in the queue before `429`.
        job_timeout_seconds: What a job may take before the worker ends it.
        predictor_cache_bytes: Weights kept loaded; the least recently used go first.
        predict_concurrency: Forward passes at once. One already uses every thread, so that more
            only share them.
        max_waiting_predictions: Predictions that may wait for their turn before `503`.
        log_level: The least that is logged.
        log_format: Lines for people (``console``), one JSON object a line (``json``), or ``auto``: what
            suits where it goes.
    """

    model_config = SettingsConfigDict(env_prefix="XMETRA_", frozen=True)

    redis_url: str = "redis://127.0.0.1:6379/0"
    store_url: str = ".data/store"
    device: str = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    preload: bool = True
    max_body_bytes: Annotated[int, Field(ge=1024)] = 32 * MEBIBYTE
    max_waiting_jobs: Annotated[int, Field(ge=1)] = 100
    job_timeout_seconds: Annotated[int, Field(ge=1)] = 6 * 60 * 60
    predictor_cache_bytes: Annotated[int, Field(ge=0)] = 2 * GIBIBYTE
    predict_concurrency: Annotated[int, Field(ge=1, le=64)] = 1
    max_waiting_predictions: Annotated[int, Field(ge=0)] = 64
    log_level: LogLevel = "INFO"
    log_format: LogFormat = LogFormat.AUTO
