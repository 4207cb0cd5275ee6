"""Jobs with small models for the pipeline's tests, and helpers for the contents of a store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from core.contracts.examples import MtodExample
from core.contracts.hyperparameters import FineTuneSettings, Hyperparameters, MetaSettings, PretrainSettings
from core.contracts.jobs import AdaptJob, JobRecord, PretrainJob, Progress
from core.contracts.values import MTOD, Method, now
from core.pipeline import Outcome, run
from core.progress import Monitor
from core.store import Store
from tests.core.tiny import english, spanish

QUICK = Hyperparameters(
    fine_tune=FineTuneSettings(min_steps=1, epochs=4, batch_size=8, encoder_lr=3e-3, heads_lr=1e-2),
    meta=MetaSettings(
        outer_lr=3e-3,
        heads_outer_lr=1e-2,
        inner_steps=2,
        meta_batch_size=2,
        meta_train_steps=8,
        meta_adapt_steps=4,
    ),
)

IDLE = QUICK.model_copy(
    update={"fine_tune": FineTuneSettings(min_steps=1, epochs=0.1, encoder_lr=1e-9, heads_lr=1e-9)}
)
"""Settings with which plain training has no measurable effect."""


def pretrain_job(store: Store, encoder: Path, **changes: Any) -> PretrainJob:
    fields: dict[str, Any] = {
        "task": MTOD,
        "source_language": "en",
        "dataset_id": put_dataset(store, english(), "en"),
        "evaluation_fraction": 0.2,
        "encoder": str(encoder),
        "settings": PretrainSettings(epochs=10, batch_size=8, encoder_lr=3e-3, heads_lr=1e-2),
    }
    return PretrainJob.model_validate(fields | changes)


def adapt_job(store: Store, base_id: str, **changes: Any) -> AdaptJob:
    fields: dict[str, Any] = {
        "task": MTOD,
        "language": "es",
        "dataset_id": put_dataset(store, spanish(), "es"),
        "evaluation_fraction": 0.25,
        "base_id": base_id,
        "method": Method.FT,
        "hyperparameters": QUICK,
    }
    return AdaptJob.model_validate(fields | changes)


def put_dataset(store: Store, examples: Sequence[MtodExample], language: str) -> str:
    return store.datasets.put(examples, task=MTOD, language=language).dataset_id


def run_job(request: AdaptJob | PretrainJob, store: Store, monitor: Monitor = lambda _: None) -> Outcome:
    """Run a request on the CPU."""
    language = request.language if isinstance(request, AdaptJob) else request.source_language
    record = JobRecord(
        job_id=uuid4().hex,
        kind=request.kind,
        task=request.task,
        language=language,
        request=request,
        created_at=now(),
    )
    return run(record, store=store, device="cpu", monitor=monitor)


def progress_events(request: AdaptJob | PretrainJob, store: Store) -> list[Progress]:
    """Run a request and return the progress events."""
    events: list[Progress] = []
    run_job(request, store, events.append)
    return events


def only_base_id(store: Store) -> str:
    """Return the id of the base in the store."""
    (base,) = (manifest for manifest in store.checkpoints.list(MTOD) if manifest.base_id is None)
    return base.checkpoint_id


def weights_sha256(store: Store, checkpoint_id: str) -> str:
    """Return the SHA-256 of a checkpoint's weights."""
    return store.checkpoints.manifest(MTOD, checkpoint_id).files["model.safetensors"]


def files_in(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
