"""Checkpoints with heads and adapters at random, for measurements that do not depend on weights."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from torch import nn

from core.checkpoints import write_addition, write_whole
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName, Trainable, now
from core.encoders.loading import load_encoder
from core.store import Store
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from core.training.adapters import set_trainable


def publish_untrained(
    store: Store,
    examples: Sequence[MtodExample],
    *,
    encoder: str,
    language: str,
    trainable: Trainable = Trainable.ALL,
    base_id: str | None = None,
) -> str:
    """Publish a checkpoint that knows some examples' labels, and return its id.

    Args:
        store: Takes it.
        examples: Have the labels.
        encoder: Reads the text.
        language: BCP-47; a part of the id.
        trainable: What is new in it; where that is not all, the rest is the base's.
        base_id: What it is made from.
    """
    learner = MtodLearner(load_encoder(encoder), LabelSet.of(examples))
    if trainable is Trainable.LORA:
        set_trainable(learner.body, trainable, seed=crc32(language.encode()))
        for tensor in (one for one in learner.body.parameters() if one.requires_grad):
            nn.init.normal_(tensor, std=0.02)  # trained ones differ, and equal ones would be held once
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
            base_id=base_id,
            trainable=trainable,
            files=(
                write_whole(learner, folder)
                if trainable is Trainable.ALL
                else write_addition(learner, folder, trainable=trainable)
            ),
            bytes=sum(path.stat().st_size for path in folder.iterdir()),
            created_at=now(),
        )
        store.checkpoints.publish(folder, manifest=manifest)
    return manifest.checkpoint_id
