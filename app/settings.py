"""What an operator may set, all of it by environment variables that begin with ``XMETRA_``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.schemas.limits import DEFAULTS
from app.schemas.training import EncoderName
from core.system.logging import LogFormat, LogLevel

MEBIBYTE = 2**20
GIBIBYTE = 2**30


class Settings(BaseSettings):
    """The settings of the api; the worker has its own, and shares the two URLs.

    Attributes:
        redis_url: ``redis://``, ``rediss://`` or ``unix://``.
        store_url: A folder, or any fsspec URL.
        device: Where predictions are computed: ``auto``, ``cpu``, ``cuda``, or ``cuda:1``.
        threads: Compute threads of a forward pass; 0 takes every core.
        keys_file: The file of keys; without it the service is open, and answers this machine only.
        insecure: Whether it is open to whoever can reach it, without keys.
        encoder: What a base is made with when its request names no encoder.
        preload: Whether torch and the base are loaded at the start, so that no first prediction waits.
        max_body_bytes: Largest request body. 32 MiB hold all 30,521 English utterances of MTOD five
            times over.
        max_archive_bytes: Largest archive that `POST /checkpoints` takes: XLM-R large has 2.2 GB.
        max_utterances: Utterances in one prediction.
        max_questions: Questions in one prediction.
        max_context_characters: Characters of all contexts of one prediction.
        max_examples: Examples of an adaptation.
        max_source_examples: Examples of a base, or of a dataset.
        predict_items_per_minute: Utterances and questions that a caller may send; 0 means any number.
        jobs_per_hour: Jobs that a caller may submit; 0 means any number.
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
