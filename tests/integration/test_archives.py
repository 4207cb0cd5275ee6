"""Archives of checkpoints with every kind of encoder, exported from one service and imported into another."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import uvicorn

from app.dependencies import Services
from app.devstack.stack import listening_socket
from app.main import create_app
from app.settings import Settings
from core.checkpoints import open_checkpoint, write_delta, write_full
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD, Trainable, now
from core.store import Store
from core.tasks.mtod.learner import MtodLearner
from core.training.adapters import merge_adapters, set_trainable
from tests.core.tiny import Kind, english, spanish, texts_of, tiny_encoder_folder, tiny_learner
from xmetra_client import ApiError, Client, Conflict, PreconditionFailed


@contextmanager
def service(folder: Path) -> Iterator[tuple[Store, Client]]:
    """Run an API over real sockets, without Redis."""
    settings = Settings(redis_url=f"unix://{folder}/none.sock", store_url=str(folder), preload=False)
    app = create_app(settings, services=Services.of(settings))
    listener = listening_socket("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        with Client(f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            yield Store(str(folder)), client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def publish(store: Store, learner: MtodLearner, name: str, folder: Path, **origin: Any) -> CheckpointManifest:
    """Write a learner into a store, as a full checkpoint or as the delta to its base."""
    folder.mkdir()
    trainable = origin.get("trainable", Trainable.ALL)
    if trainable is Trainable.ALL:
        files = write_full(learner, folder)
    else:
        files = write_delta(learner, folder, trainable=trainable)
    manifest = CheckpointManifest(
        checkpoint_id=name,
        task=MTOD,
        method="ft",
        languages=("en", "es"),
        dataset_ids={},
        encoder=learner.encoder.name,
        intents=learner.intents,
        slots=learner.slots,
        files=files,
        bytes=1,
        created_at=now(),
        **origin,
    )
    store.checkpoints.publish(folder, manifest=manifest)
    return manifest


def transfer(names: Sequence[str], source: Client, target: Client, folder: Path) -> None:
    """Export checkpoints from one service, and import them into another."""
    for name in names:
        file = folder / f"{name}.tar"
        source.export_archive(name, file)
        assert target.import_archive(file).checkpoint_id == name


def weights(store: Store, name: str) -> dict[str, torch.Tensor]:
    """Return the weights of a stored checkpoint."""
    learner = open_checkpoint(store, store.checkpoints.manifest(MTOD, name))
    state: dict[str, torch.Tensor] = learner.model.state_dict()
    return state


@pytest.mark.parametrize("kind", ["bert", "xlm-r", "distilbert", "roberta"])
def test_imported_full_checkpoint_has_identical_weights(kind: Kind, tmp_path: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, kind, texts_of(english(), spanish()))
    with service(tmp_path / "here") as (source, exporter), service(tmp_path / "there") as (target, importer):
        publish(source, tiny_learner(encoder, english()), "whole", tmp_path / "whole")

        transfer(["whole"], exporter, importer, tmp_path)

        before, after = weights(source, "whole"), weights(target, "whole")
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("trainable", [Trainable.HEADS, Trainable.LORA])
def test_delta_checkpoint_is_imported_after_its_base(trainable: Trainable, tmp_path: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english(), spanish()))
    with service(tmp_path / "here") as (source, exporter), service(tmp_path / "there") as (target, importer):
        learner = tiny_learner(encoder, english())
        publish(source, learner, "base", tmp_path / "base")
        set_trainable(learner.body, trainable, seed=1)
        publish(source, learner, "es", tmp_path / "es", base_id="base", trainable=trainable)
        if trainable is Trainable.LORA:
            merge_adapters(learner.body)

        with pytest.raises(ApiError, match="import that one first"):
            transfer(["es"], exporter, importer, tmp_path)
        transfer(["base", "es"], exporter, importer, tmp_path)

        before, after = weights(source, "es"), weights(target, "es")
        assert all(torch.equal(before[name], after[name]) for name in before)
        with pytest.raises(Conflict, match="added to it is kept of es"):
            importer.delete_checkpoint("base")
        importer.delete_checkpoint("es")
        importer.delete_checkpoint("base")
        assert importer.checkpoints().checkpoints == []


def test_concurrent_deployment_is_refused_by_its_precondition(tmp_path: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english()))
    with service(tmp_path / "here") as (store, registry):
        for name in ("one", "two"):
            publish(store, tiny_learner(encoder, english()), name, tmp_path / name)
        registry.deploy("mtod", "es", "one", expected=0)

        assert registry.deploy("mtod", "es", "two", reason="better", expected=1).live.number == 2
        with pytest.raises(PreconditionFailed) as caught:
            registry.deploy("mtod", "es", "one", expected=1)

        assert caught.value.status == 412
        assert registry.roll_back("mtod", "es", expected=2).live.checkpoint_id == "one"
        assert [deployment.number for deployment in registry.language("mtod", "es").history] == [3, 2, 1]
