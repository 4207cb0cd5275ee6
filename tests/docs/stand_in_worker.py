"""A real worker whose jobs publish and deploy a checkpoint at once, without any training.

Run it with ``python -m tests.docs.stand_in_worker``; it reads the same settings as `worker.main`.
"""

import hashlib
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from core.contracts.jobs import JobRecord, PretrainJob
from core.contracts.reports import Candidate, CheckpointManifest, PromotionDecision, Report
from core.contracts.values import BASE, MTOD, Promotion, now
from core.progress import Monitor
from core.store import Store
from tests.app.archives import weights
from tests.app.service import MTOD_SCORES, QA_SCORES
from worker.main import main
from worker.settings import WorkerSettings


@dataclass(frozen=True)
class StandInOutcome:
    checkpoint_id: str
    report: Report


def stand_in_pipeline(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> StandInOutcome:
    """Publish a checkpoint with the labels of the source data, and deploy it unless that is forbidden."""
    job = record.request
    manifest = publish_checkpoint(record, store)
    promoted = job.promote is not Promotion.NEVER
    decision = PromotionDecision(promoted=promoted, reason="the stand-in pipeline promotes every model")
    if promoted:
        key = BASE if isinstance(job, PretrainJob) else job.language
        store.deployments.deploy(
            record.task, key, manifest.checkpoint_id, reason=decision.reason, job_id=record.job_id
        )
    assert manifest.evaluation is not None
    report = Report(
        data={"train": 40, "evaluation": 10},
        dataset_ids=manifest.dataset_ids,
        result=Candidate(
            name=manifest.method, checkpoint_id=manifest.checkpoint_id, evaluation=manifest.evaluation
        ),
        decision=decision,
        verdict="A stand-in model was published.",
        seed=42,
        versions={},
        device=device,
        wall_seconds=0.1,
        peak_memory_bytes=1,
    )
    return StandInOutcome(manifest.checkpoint_id, report)


def publish_checkpoint(record: JobRecord, store: Store) -> CheckpointManifest:
    """Publish a checkpoint that a service exports, imports and loads like any other."""
    job = record.request
    if isinstance(job, PretrainJob):
        source = store.datasets.manifest(job.dataset_id)
        base_id, encoder = None, job.encoder
        intents, slots = tuple(source.intents), tuple(sorted(source.slots))
        languages: tuple[str, ...] = (job.source_language,)
        dataset_ids = {"source": job.dataset_id}
    else:
        base = store.checkpoints.manifest(record.task, job.base_id)
        base_id, encoder, intents, slots = base.checkpoint_id, base.encoder, base.intents, base.slots
        languages = (*base.languages, job.language)
        dataset_ids = {**base.dataset_ids, "target": job.dataset_id}
    files = {"config.json": b"{}", "model.safetensors": weights(intents, slots)}
    manifest = CheckpointManifest(
        checkpoint_id=uuid.uuid4().hex,
        task=record.task,
        method="pre" if base_id is None else "ft",
        languages=languages,
        base_id=base_id,
        dataset_ids=dataset_ids,
        encoder=encoder,
        intents=intents,
        slots=slots,
        files={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        bytes=len(files["model.safetensors"]),
        evaluation=MTOD_SCORES if record.task == MTOD else QA_SCORES,
        created_at=now(),
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        store.checkpoints.publish(Path(folder), manifest=manifest)
    return manifest


if __name__ == "__main__":
    main(WorkerSettings(), pipeline=stand_in_pipeline, prepare=lambda: None)
