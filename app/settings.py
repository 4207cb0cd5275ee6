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
        max_archive_bytes: Largest archive that `POST /checkpoints` takes: XLM-R large has 2.2 GB.
        max_waiting_jobs: Jobs that may wait in the queue before `429`.
        job_timeout_seconds: What a job may take before the worker ends it.
        predictor_cache_bytes: Weights kept loaded; the least recently used go first.
        batch_tokens: Tokens of one forward pass at most; whatever waits for the same model is answered
            together.
        max_waiting_tokens: Tokens of predictions that may wait for their turn before `503`.
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
    max_archive_bytes: Annotated[int, Field(ge=1024)] = 4 * GIBIBYTE
    max_waiting_jobs: Annotated[int, Field(ge=1)] = 100
    job_timeout_seconds: Annotated[int, Field(ge=1)] = 6 * 60 * 60
    predictor_cache_bytes: Annotated[int, Field(ge=0)] = 2 * GIBIBYTE
    batch_tokens: Annotated[int, Field(ge=1)] = 2_048
    max_waiting_tokens: Annotated[int, Field(ge=0)] = 100_000
    log_level: LogLevel = "INFO"
    log_format: LogFormat = LogFormat.AUTO
