"""Checkpoints with heads at random, for measurements that do not depend on weights."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.checkpoints import write_whole
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName, now
from core.encoders import load_encoder
from core.store import Store
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner


def publish_untrained(store: Store, examples: Sequence[MtodExample], *, encoder: str, language: str) -> str:
    """Publish a checkpoint that knows some examples' labels, and return its id."""
    learner = MtodLearner(load_encoder(encoder), LabelSet.of(examples))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = CheckpointManifest(
            checkpoint_id=f"untrained-{language}",
            task=TaskName.MTOD,
            method="pre",
            languages=(language,),
            dataset_ids={},
            encoder=encoder,
            intents=learner.intents,
            slots=learner.slots,
            files=write_whole(learner, folder),
            bytes=sum(path.stat().st_size for path in folder.iterdir()),
            created_at=now(),
        )
        store.checkpoints.publish(folder, manifest=manifest)
    return manifest.checkpoint_id
