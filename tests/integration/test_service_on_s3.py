"""The whole service on S3: a worker and two API processes that share only a bucket and Redis."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.devstack.stack import listening_socket
from core.contracts.examples import MtodExample
from core.contracts.jobs import JobStatus
from core.jobqueue.embedded_redis import EmbeddedRedis
from tests.core.store.s3 import ENVIRONMENT, client, new_bucket, s3_server
from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder
from tests.integration.workers import wait_until
from xmetra_client import Client, NotFound, PreconditionFailed, ServiceUnavailable, ServiceUnreachable

QUICK = {"epochs": 1, "batch_size": 4}
FINE_TUNED = {"fine_tune": {"epochs": 1, "min_steps": 2}}


def environment(folder: Path, name: str, **settings: str) -> dict[str, str]:
    """Return the environment of a separate machine: its own temporary folder, and no local store."""
    temporary = folder / name
    temporary.mkdir()
    own = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "XMETRA_"))}
    return {**own, **ENVIRONMENT, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", **settings}


@contextlib.contextmanager
def process(
    *arguments: str, environment: dict[str, str], log: Path, sockets: tuple[int, ...] = ()
) -> Iterator[None]:
    """Run a command of the service for the duration of a block."""
    command = [sys.executable, "-m", "app.cli", *arguments]
    with (
        log.open("wb") as log_file,
        subprocess.Popen(
            command, env=environment, stdout=log_file, stderr=subprocess.STDOUT, pass_fds=sockets
        ) as child,
    ):
        try:
            yield
        finally:
            child.terminate()
            child.wait(timeout=30)


@contextlib.contextmanager
def api(folder: Path, name: str, settings: dict[str, str]) -> Iterator[Client]:
    """Run an API, and yield a client for it."""
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
            Client(url) as api_client,
        ):
            wait_until(lambda: is_ready(api_client), seconds=60)
            yield api_client


def is_ready(api_client: Client) -> bool:
    try:
        api_client.ready()
    except (ServiceUnreachable, ServiceUnavailable):
        return False
    return True


def request_examples(examples: list[MtodExample], times: int) -> list[dict[str, object]]:
    """Return the JSON of examples, each repeated with a different text."""
    return [
        {**example.model_dump(mode="json"), "text": f"{example.text} {number}"}
        for number in range(times)
        for example in examples
    ]


def serving_checkpoint(api_client: Client) -> str:
    """Return the id of the checkpoint that serves Spanish."""
    return api_client.predict_mtod(["despiértame mañana"], language="es").checkpoints["es"]


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


def test_language_is_adapted_served_and_rolled_back_on_s3(tmp_path: Path, settings: dict[str, str]) -> None:
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english(), spanish()))
    worker = environment(tmp_path, "worker", **settings)
    with (
        process("worker", environment=worker, log=tmp_path / "worker.log"),
        api(tmp_path, "one", settings) as first_api,
        api(tmp_path, "other", settings) as second_api,
    ):
        source = first_api.store_dataset("en", request_examples(english(), 6))
        base = first_api.pretrain("en", source, encoder=str(encoder), settings=QUICK, evaluation=0.3).wait()
        few_shot = request_examples(spanish(), 4)
        first_job, second_job = (
            second_api.adapt(
                "es", few_shot, method=method, hyperparameters=FINE_TUNED, evaluation=0.5, promote="always"
            ).wait()
            for method in ("mono", "ft")
        )

        assert [job.status for job in (base, first_job, second_job)] == [JobStatus.SUCCEEDED] * 3
        wait_until(
            lambda: (
                [serving_checkpoint(first_api), serving_checkpoint(second_api)]
                == [second_job.checkpoint_id] * 2
            )
        )

        first_api.roll_back("mtod", "es", expected=2)
        wait_until(lambda: serving_checkpoint(second_api) == first_job.checkpoint_id)
        with pytest.raises(PreconditionFailed) as conflict:
            second_api.roll_back("mtod", "es", expected=2)
        assert conflict.value.status == 412

        file = tmp_path / "es.tar"
        second_api.export_archive(str(second_job.checkpoint_id), file)
        first_api.delete_checkpoint(str(second_job.checkpoint_id))
        time.sleep(1.1)  # how long the other API may cache the checkpoint
        with pytest.raises(NotFound) as missing:
            second_api.predict_mtod(["hola"], language="es", checkpoint=str(second_job.checkpoint_id))
        assert missing.value.status == 404
        assert second_api.import_archive(file).checkpoint_id == second_job.checkpoint_id

    objects = client(settings["AWS_ENDPOINT_URL"]).list_objects_v2(Bucket=settings["BUCKET"])["Contents"]
    names = {item["Key"].split("/")[1] for item in objects}
    assert {"datasets", "checkpoints", "deployments", "jobs"} <= names
