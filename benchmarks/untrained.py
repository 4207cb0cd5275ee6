"""Checkpoints with random heads and adapters, for benchmarks that do not depend on weights."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from torch import nn

from core.checkpoints import write_delta, write_full
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD, Trainable, now
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
    """Publish a checkpoint with the labels of examples, and return its id.

    Args:
        store: Receives the checkpoint.
        examples: Examples with the labels.
        encoder: Name of the encoder.
        language: BCP-47 tag, a part of the id.
        trainable: Tensors that differ from the base.
        base_id: Checkpoint id of the base.
    """
    learner = MtodLearner(load_encoder(encoder), LabelSet.of(examples))
    if trainable is Trainable.LORA:
        set_trainable(learner.body, trainable, seed=crc32(language.encode()))
        for tensor in (parameter for parameter in learner.body.parameters() if parameter.requires_grad):
            nn.init.normal_(
                tensor, std=0.02
            )  # distinct, as trained ones are; equal ones would be stored once
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = CheckpointManifest(
            checkpoint_id=f"untrained-{language}",
            task=MTOD,
            method="pre",
            languages=(language,),
            dataset_ids={},
            encoder=encoder,
            intents=learner.intents,
            slots=learner.slots,
            base_id=base_id,
            trainable=trainable,
            files=(
                write_full(learner, folder)
                if trainable is Trainable.ALL
                else write_delta(learner, folder, trainable=trainable)
            ),
            bytes=sum(path.stat().st_size for path in folder.iterdir()),
            created_at=now(),
        )
        store.checkpoints.publish(folder, manifest=manifest)
    return manifest.checkpoint_id
