"""The whole service on S3: a worker and two apis that have nothing in common but a bucket and Redis."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client.errors import RequestRefused, ServiceUnreachable
from app.client.registry_client import RegistryClient
from app.client.sync_client import Client
from app.devstack.stack import listening_socket
from core.contracts.examples import MtodExample
from core.contracts.jobs import JobStatus
from core.jobqueue.embedded_redis import EmbeddedRedis
from tests.core.store.s3 import ENVIRONMENT, client, new_bucket, s3_server
from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder
from tests.integration.workers import wait_until

QUICK = {"epochs": 1, "batch_size": 4}
FINE_TUNED = {"fine_tune": {"epochs": 1, "min_steps": 2}}


def environment(folder: Path, name: str, **settings: str) -> dict[str, str]:
    """Return the environment of a machine of its own: other temporary files, and no store of ours."""
    temporary = folder / name
    temporary.mkdir()
    own = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "XMETRA_"))}
    return {**own, **ENVIRONMENT, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", **settings}


@contextlib.contextmanager
def process(
    *arguments: str, environment: dict[str, str], log: Path, sockets: tuple[int, ...] = ()
) -> Iterator[None]:
    """Run a part of the service until the block ends."""
    command = [sys.executable, "-m", "app.cli", *arguments]
    with (
        log.open("wb") as written,
        subprocess.Popen(
            command, env=environment, stdout=written, stderr=subprocess.STDOUT, pass_fds=sockets
        ) as running,
    ):
        try:
            yield
        finally:
            running.terminate()
            running.wait(timeout=30)


@contextlib.contextmanager
def api(folder: Path, name: str, settings: dict[str, str]) -> Iterator[Client]:
    """Run an api, and give a client of it."""
    with listening_socket("127.0.0.1", 0) as listener:
        arguments = ("serve", "--socket", str(listener.fileno()))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            process(
                *arguments,
                environment=environment(folder, name, **settings),
                log=folder / f"{name}.log",
                sockets=(listener.fileno(),),
            ),
            Client(url) as talking,
        ):
            wait_until(lambda: is_ready(talking), seconds=60)
            yield talking


def is_ready(talking: Client) -> bool:
    try:
        talking.ready()
    except ServiceUnreachable:
        return False
    return True


def as_sent(examples: list[MtodExample], times: int) -> list[dict[str, object]]:
    """Return examples as a client sends them, with enough of each."""
    return [
        {**example.model_dump(mode="json"), "text": f"{example.text} {number}"}
        for number in range(times)
        for example in examples
    ]


def answering(talking: Client) -> str:
    """Return the checkpoint that answers Spanish."""
    return talking.predict_mtod(["despiértame mañana"], language="es").checkpoints["es"]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A bucket and a Redis."""
    with s3_server() as (endpoint, _), pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        bucket = new_bucket(endpoint)
        with EmbeddedRedis(tmp_path / "redis") as redis:
            yield {
                "AWS_ENDPOINT_URL": endpoint,
                "XMETRA_STORE_URL": f"s3://{bucket}/xmetra",
                "XMETRA_REDIS_URL": redis.url,
                "BUCKET": bucket,
            }


def test_a_language_is_learnt_served_and_rolled_back(tmp_path: Path, settings: dict[str, str]) -> None:
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english(), spanish()))
    worker = environment(tmp_path, "worker", **settings)
    with (
        process("worker", environment=worker, log=tmp_path / "worker.log"),
        api(tmp_path, "one", settings) as one,
        api(tmp_path, "other", settings) as other,
    ):
        source = one.store_dataset("en", as_sent(english(), 6))
        base = one.pretrain("en", source, encoder=str(encoder), settings=QUICK, evaluation=0.3).wait()
        few_shot = as_sent(spanish(), 4)
        first, second = (
            other.adapt(
                "es", few_shot, method=method, hyperparameters=FINE_TUNED, evaluation=0.5, promote="always"
            ).wait()
            for method in ("mono", "ft")
        )

        assert [job.status for job in (base, first, second)] == [JobStatus.SUCCEEDED] * 3
        wait_until(lambda: [answering(one), answering(other)] == [second.checkpoint_id] * 2)

        RegistryClient(one).roll_back("mtod", "es", expected=2)
        wait_until(lambda: answering(other) == first.checkpoint_id)
        with pytest.raises(RequestRefused) as late:
            RegistryClient(other).roll_back("mtod", "es", expected=2)
        assert late.value.status == 412

        file = tmp_path / "es.tar"
        RegistryClient(other).export_archive(str(second.checkpoint_id), file)
        RegistryClient(one).delete(str(second.checkpoint_id))
        time.sleep(1.1)  # what the other api believes at most
        with pytest.raises(RequestRefused) as gone:
            other.predict_mtod(["hola"], language="es", checkpoint=str(second.checkpoint_id))
        assert gone.value.status == 404
        assert RegistryClient(other).import_archive(file).checkpoint_id == second.checkpoint_id

    kept = client(settings["AWS_ENDPOINT_URL"]).list_objects_v2(Bucket=settings["BUCKET"])["Contents"]
    names = {one["Key"].split("/")[1] for one in kept}
    assert {"datasets", "checkpoints", "deployments", "jobs"} <= names
