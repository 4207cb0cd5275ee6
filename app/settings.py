"""Settings of the API, read from environment variables with the prefix ``XMETRA_``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.schemas.limits import DEFAULTS
from core.contracts.task_options import EncoderName
from core.system.logging import LogFormat, LogLevel

MEBIBYTE = 2**20
GIBIBYTE = 2**30


class Settings(BaseSettings):
    """The settings of the API. The worker has its own settings; both share the two URLs.

    Attributes:
        redis_url: A URL with the scheme ``redis://``, ``rediss://`` or ``unix://``.
        store_url: The path of a folder, or an fsspec URL.
        device: Device of predictions: ``auto``, ``cpu``, ``cuda``, or ``cuda:1``.
        threads: Compute threads of a forward pass; 0 means one per core.
        keys_file: The key file; without one, the service needs no keys and accepts loopback connections only.
        insecure: Whether a service without keys accepts connections from other machines.
        encoder: The encoder of a base whose request names none.
        preload: Whether torch and the bases are loaded at the start rather than at the first prediction.
        max_body_bytes: Size limit of a request body. All 30,521 English utterances of MTOD fit five times
            into 32 MiB.
        max_archive_bytes: Size limit of an archive sent to `POST /checkpoints`: XLM-R large has 2.2 GB.
        max_utterances: Utterances per prediction request.
        max_questions: Questions per prediction request.
        max_context_characters: Total characters of all contexts per prediction request.
        max_examples: Examples per adaptation.
        max_source_examples: Examples per base or dataset.
        predict_items_per_minute: Rate limit per caller, in utterances and questions; 0 disables it.
        jobs_per_hour: Rate limit of submitted jobs per caller; 0 disables it.
        max_waiting_jobs: Length of the job queue; beyond it, submissions get `429`.
        job_timeout_seconds: Run time after which the worker ends a job.
        predictor_cache_bytes: Size of the model cache; the least recently used models are evicted first.
        batch_tokens: Maximum tokens of a forward pass; waiting requests for the same model are batched up
            to it.
        max_waiting_tokens: Tokens that may wait for a forward pass; beyond it, predictions get `503`.
        log_level: Minimum level of log entries.
        log_format: ``console`` for text, ``json`` for one JSON object per line, or ``auto``: ``console`` on a
            terminal, else ``json``.
    """

    model_config = SettingsConfigDict(env_prefix="XMETRA_", env_ignore_empty=True, frozen=True)

    redis_url: str = "redis://127.0.0.1:6379/0"
    store_url: str = ".data/store"
    device: str = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    keys_file: Path | None = None
    insecure: bool = False
    encoder: EncoderName = "embedded"
    preload: bool = True
    max_body_bytes: Annotated[int, Field(ge=1024)] = 32 * MEBIBYTE
    max_archive_bytes: Annotated[int, Field(ge=1024)] = 4 * GIBIBYTE
    max_utterances: Annotated[int, Field(ge=1)] = DEFAULTS.max_utterances
    max_questions: Annotated[int, Field(ge=1)] = DEFAULTS.max_questions
    max_context_characters: Annotated[int, Field(ge=1)] = DEFAULTS.max_context_characters
    max_examples: Annotated[int, Field(ge=1)] = DEFAULTS.max_examples
    max_source_examples: Annotated[int, Field(ge=1)] = DEFAULTS.max_source_examples
    predict_items_per_minute: Annotated[int, Field(ge=0)] = 0
    jobs_per_hour: Annotated[int, Field(ge=0)] = 0
    max_waiting_jobs: Annotated[int, Field(ge=1)] = 100
    job_timeout_seconds: Annotated[int, Field(ge=1)] = 6 * 60 * 60
    predictor_cache_bytes: Annotated[int, Field(ge=0)] = 2 * GIBIBYTE
    batch_tokens: Annotated[int, Field(ge=1)] = 2_048
    max_waiting_tokens: Annotated[int, Field(ge=0)] = 100_000
    log_level: LogLevel = "INFO"
    log_format: LogFormat = LogFormat.AUTO
