"""Settings of a worker, read from environment variables with the prefix ``XMETRA_``."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.system.logging import LogFormat, LogLevel


class WorkerSettings(BaseSettings):
    """The settings of a worker. The API shares the two URLs and the job timeout.

    Attributes:
        redis_url: A URL with the scheme ``redis://``, ``rediss://`` or ``unix://``.
        store_url: The path of a folder, or an fsspec URL.
        device: Device of training: ``auto``, ``cpu``, ``cuda``, or ``cuda:1``.
        threads: Compute threads; 0 means one per core.
        job_timeout_seconds: Time limit of a job on this worker, or None for the limit it was queued with.
        cancel_grace_seconds: Time a cancelled or timed-out job gets to stop by itself before it is killed.
        lost_after_seconds: Time without a heartbeat after which a worker counts as dead and its job is
            queued again. All workers of a queue need the same value, and clocks that differ by less.
        max_attempts: Attempts after which a job whose workers die is marked as failed.
        log_level: Minimum level of log entries.
        log_format: ``console`` for text, ``json`` for one JSON object per line, or ``auto``: ``console`` on a
            terminal, else ``json``.
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
