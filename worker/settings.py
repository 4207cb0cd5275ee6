"""What an operator may set of a worker, by environment variables that begin with ``XMETRA_``."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.system.logging import LogFormat, LogLevel


class WorkerSettings(BaseSettings):
    """The settings of a worker; the api shares the two URLs and the time a job may take.

    Attributes:
        redis_url: ``redis://``, ``rediss://`` or ``unix://``.
        store_url: A folder, or any fsspec URL.
        device: Where models learn: ``auto``, ``cpu``, ``cuda``, or ``cuda:1``.
        threads: Compute threads; 0 takes every core.
        job_timeout_seconds: What a job may take here, or None for what it was queued with.
        cancel_grace_seconds: What a job that is told to stop, or is out of time, gets to do so before
            it is killed.
        lost_after_seconds: After which a worker that says nothing counts as dead, and its job is queued
            again; the same for all workers of a queue, whose clocks must agree to less than that.
        max_attempts: How often a job may begin before it is given up.
        log_level: The least that is logged.
        log_format: Lines for people (``console``), one JSON object a line (``json``), or ``auto``: what
            suits where it goes.
    """

    model_config = SettingsConfigDict(env_prefix="XMETRA_", frozen=True)

    redis_url: str = "redis://127.0.0.1:6379/0"
    store_url: str = ".data/store"
    device: str = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    job_timeout_seconds: Annotated[int, Field(ge=1)] | None = None
    cancel_grace_seconds: Annotated[float, Field(ge=0)] = 30.0
    lost_after_seconds: Annotated[int, Field(ge=3)] = 30
    max_attempts: Annotated[int, Field(ge=1)] = 5
    log_level: LogLevel = "INFO"
    log_format: LogFormat = LogFormat.AUTO
