"""Models of every kind of encoder go out of one service and answer in another."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import uvicorn

from app.client.errors import RequestRefused
from app.client.registry_client import RegistryClient
from app.client.sync_client import Client
from app.dependencies import Services
from app.devstack.stack import listening_socket
from app.main import create_app
from app.settings import Settings
from core.checkpoints import open_checkpoint, write_addition, write_whole
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName, Trainable, now
from core.store import Store
from core.tasks.mtod.learner import MtodLearner
from core.training.adapters import merge, set_trainable
from tests.core.tiny import Kind, english, spanish, texts_of, tiny_encoder_folder, tiny_learner


@contextmanager
def service(folder: Path) -> Iterator[tuple[Store, RegistryClient]]:
    """Run an api over real sockets; it needs no Redis for what is asked here."""
    settings = Settings(redis_url=f"unix://{folder}/nobody.sock", store_url=str(folder), preload=False)
    app = create_app(settings, services=Services.of(settings))
    listener = listening_socket("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        with Client(f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            yield Store(str(folder)), RegistryClient(client)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def publish(store: Store, learner: MtodLearner, name: str, folder: Path, **origin: Any) -> CheckpointManifest:
    """Write a learner into a store: whole, or as what was added to its base."""
    folder.mkdir()
    trainable = origin.get("trainable", Trainable.ALL)
    if trainable is Trainable.ALL:
        files = write_whole(learner, folder)
    else:
        files = write_addition(learner, folder, trainable=trainable)
    manifest = CheckpointManifest(
        checkpoint_id=name,
        task=TaskName.MTOD,
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


def carry(names: Sequence[str], here: RegistryClient, there: RegistryClient, folder: Path) -> None:
    """Export from one service, and import into another."""
    for name in names:
        file = folder / f"{name}.tar"
        here.export_archive(name, file)
        assert there.import_archive(file).checkpoint_id == name


def weights(store: Store, name: str) -> dict[str, torch.Tensor]:
    """Return what a checkpoint of a store computes with."""
    learner = open_checkpoint(store, store.checkpoints.manifest(TaskName.MTOD, name))
    state: dict[str, torch.Tensor] = learner.model.state_dict()
    return state


@pytest.mark.parametrize("kind", ["bert", "xlm-r", "distilbert", "roberta"])
def test_a_whole_model_is_the_same_elsewhere(kind: Kind, tmp_path: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, kind, texts_of(english(), spanish()))
    with service(tmp_path / "here") as (here, exporting), service(tmp_path / "there") as (there, importing):
        publish(here, tiny_learner(encoder, english()), "whole", tmp_path / "whole")

        carry(["whole"], exporting, importing, tmp_path)

        before, after = weights(here, "whole"), weights(there, "whole")
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("trainable", [Trainable.HEADS, Trainable.LORA])
def test_what_was_added_to_a_base_follows_its_base(trainable: Trainable, tmp_path: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english(), spanish()))
    with service(tmp_path / "here") as (here, exporting), service(tmp_path / "there") as (there, importing):
        learner = tiny_learner(encoder, english())
        publish(here, learner, "base", tmp_path / "base")
        set_trainable(learner.body, trainable, seed=1)
        publish(here, learner, "es", tmp_path / "es", base_id="base", trainable=trainable)
        if trainable is Trainable.LORA:
            merge(learner.body)

        with pytest.raises(RequestRefused, match="import that one first"):
            carry(["es"], exporting, importing, tmp_path)
        carry(["base", "es"], exporting, importing, tmp_path)

        before, after = weights(here, "es"), weights(there, "es")
        assert all(torch.equal(before[name], after[name]) for name in before)
        with pytest.raises(RequestRefused, match="added to it is kept of es"):
            importing.delete("base")
        importing.delete("es")
        importing.delete("base")
        assert importing.checkpoints().checkpoints == ()


def test_of_two_who_saw_the_same_one_deploys(tmp_path: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english()))
    with service(tmp_path / "here") as (store, registry):
        for name in ("one", "two"):
            publish(store, tiny_learner(encoder, english()), name, tmp_path / name)
        registry.deploy("mtod", "es", "one", expected=0)

        assert registry.deploy("mtod", "es", "two", reason="better", expected=1).live.number == 2
        with pytest.raises(RequestRefused) as caught:
            registry.deploy("mtod", "es", "one", expected=1)

        assert caught.value.status == 412
        assert registry.roll_back("mtod", "es", expected=2).live.checkpoint_id == "one"
        assert [one.number for one in registry.language("mtod", "es").history] == [3, 2, 1]
