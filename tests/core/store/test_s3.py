"""The store on S3, configured by a URL and the environment variables of AWS."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.contracts.jobs import JobEvent, JobStatus
from core.contracts.reports import CheckpointManifest, Deployment
from core.contracts.values import MTOD
from core.errors import CorruptArtifact, NotFound, PreconditionFailed, StoreUnavailable
from core.store import Store
from core.store.remote import RemoteBackend
from tests.core.store.builders import NOON, checkpoint_folder, checkpoint_manifest, contents, examples, job
from tests.core.store.s3 import ENVIRONMENT, S3, client, new_bucket, s3_server
from tests.repository import ROOT

WRITERS = 4
CHECKPOINT = "xmetra/checkpoints/mtod/es-1"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, S3]]:
    with s3_server() as running, pytest.MonkeyPatch.context() as patch:
        endpoint, _ = running
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in (ENVIRONMENT | {"AWS_ENDPOINT_URL": endpoint}).items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def endpoint(server: tuple[str, S3]) -> str:
    return server[0]


@pytest.fixture
def bucket(endpoint: str) -> str:
    return new_bucket(endpoint)


@pytest.fixture
def url(bucket: str) -> str:
    return f"s3://{bucket}/xmetra"


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    return Store(url, cache_folder=tmp_path / "cache")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return checkpoint_folder(tmp_path / "trained", weights=b"weights" * 1000)


@pytest.fixture
def manifest(trained: Path) -> CheckpointManifest:
    return checkpoint_manifest(trained)


class TestRoundTrips:
    def test_check_passes_and_leaves_no_objects(self, store: Store, bucket: str, endpoint: str) -> None:
        store.check()
        assert client(endpoint).list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_dataset_round_trips(self, store: Store, url: str) -> None:
        manifest = store.datasets.put(examples(), task=MTOD, language="es")
        another = Store(url)
        assert another.datasets.manifest(manifest.dataset_id) == manifest
        assert list(another.datasets.load(manifest.dataset_id)) == examples()

    def test_checkpoint_round_trips(
        self, store: Store, trained: Path, manifest: CheckpointManifest, tmp_path: Path
    ) -> None:
        assert store.checkpoints.publish(trained, manifest=manifest)
        assert not store.checkpoints.publish(trained, manifest=manifest)
        assert store.checkpoints.list(MTOD) == [manifest]
        copy = store.checkpoints.fetch(MTOD, "es-1")
        assert copy.is_relative_to(tmp_path / "cache")
        assert {**contents(copy), "manifest.json": b""} == {**contents(trained), "manifest.json": b""}

    def test_deleted_checkpoint_leaves_no_objects(
        self, store: Store, trained: Path, manifest: CheckpointManifest, bucket: str, endpoint: str
    ) -> None:
        store.checkpoints.publish(trained, manifest=manifest)
        store.checkpoints.delete(MTOD, "es-1", guard=lambda: None)
        assert store.checkpoints.list(MTOD) == []
        assert client(endpoint).list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_job_and_events_round_trip(self, store: Store, url: str) -> None:
        store.jobs.save(job())
        ended = job().model_copy(update={"status": JobStatus.SUCCEEDED, "ended_at": NOON})
        store.jobs.save(ended)
        events = [
            JobEvent(event="status", at=NOON, data={"status": status}) for status in ("queued", "running")
        ]
        for event in events:
            store.jobs.append_events("job-1", [event])
        another = Store(url)
        assert another.jobs.load("job-1") == ended
        assert another.jobs.events("job-1") == events
        assert another.jobs.list() == [ended]

    def test_changes_of_other_writers_are_visible_immediately(self, store: Store, url: str) -> None:
        another = Store(url)
        assert (another.jobs.list(), another.deployments.live(MTOD, "es")) == ([], None)
        store.jobs.save(job())
        live = store.deployments.deploy(MTOD, "es", "es-1", reason="first")
        assert another.jobs.list() == [job()]
        assert another.deployments.live(MTOD, "es") == live
        changed = job().model_copy(update={"status": JobStatus.FAILED})
        store.jobs.save(changed)
        assert another.jobs.list() == [changed]

    def test_deployments_round_trip(self, store: Store, url: str) -> None:
        first = store.deployments.deploy(MTOD, "es", "es-1", reason="first", job_id="job-1")
        second = store.deployments.deploy(MTOD, "es", "es-2", reason="better", expected=1)
        assert Store(url).deployments.history(MTOD, "es") == [second, first]
        assert Store(url).deployments.keys(MTOD) == ["es"]


class TestExclusiveCreation:
    def test_deployment_uses_a_conditional_put(
        self, store: Store, server: tuple[str, S3], bucket: str
    ) -> None:
        store.deployments.deploy(MTOD, "es", "es-1", reason="first")
        key = f"/{bucket}/xmetra/deployments/mtod/es/000001.json"
        assert ("PUT", key, "*") in server[1].requests

    def test_server_refuses_a_second_conditional_put(self, url: str) -> None:
        backend = RemoteBackend(url)
        assert backend.create("a", b"first")
        assert not backend.create("a", b"second")
        assert backend.read("a") == b"first"

    def test_concurrent_threads_with_equal_expectation_deploy_once(self, url: str) -> None:
        together = threading.Barrier(WRITERS)
        won: list[Deployment] = []
        refused: list[PreconditionFailed] = []

        def deploy(writer: int) -> None:
            store = Store(url)
            together.wait()
            try:
                won.append(store.deployments.deploy(MTOD, "es", f"es-{writer}", reason="race", expected=0))
            except PreconditionFailed as error:
                refused.append(error)

        race(deploy)
        assert (len(won), len(refused)) == (1, WRITERS - 1)
        assert Store(url).deployments.history(MTOD, "es") == won

    def test_concurrent_threads_without_expectation_all_deploy(self, url: str) -> None:
        together = threading.Barrier(WRITERS)

        def deploy(writer: int) -> None:
            store = Store(url)
            together.wait()
            for turn in range(3):
                store.deployments.deploy(MTOD, "es", f"es-{writer}-{turn}", reason="race")

        race(deploy)
        history = Store(url).deployments.history(MTOD, "es")
        assert [deployment.number for deployment in history] == list(range(WRITERS * 3, 0, -1))
        assert len({deployment.checkpoint_id for deployment in history}) == WRITERS * 3

    def test_concurrent_processes_with_equal_expectation_deploy_once(self, url: str) -> None:
        command = [sys.executable, "-c", RACER, url]
        processes = [
            subprocess.Popen([*command, name], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for name in ("es-1", "es-2")
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.flush()
        outputs = sorted(process.communicate()[0].decode().strip() for process in processes)
        assert outputs[1] == "refused"
        assert outputs[0] in {"es-1", "es-2"}
        (live,) = Store(url).deployments.history(MTOD, "es")
        assert live.checkpoint_id == outputs[0]

    def test_concurrent_writers_of_one_checkpoint_id_publish_once(self, url: str, tmp_path: Path) -> None:
        together = threading.Barrier(WRITERS)
        published: list[CheckpointManifest] = []

        def publish(writer: int) -> None:
            folder = checkpoint_folder(tmp_path / str(writer))
            manifest = checkpoint_manifest(folder, method=f"ft-{writer}")
            together.wait()
            try:
                Store(url).checkpoints.publish(folder, manifest=manifest)
            except Exception:  # noqa: BLE001  a conflict; the published one is checked below
                return
            published.append(manifest)

        race(publish)
        assert len(published) == 1
        assert Store(url).checkpoints.manifest(MTOD, "es-1") == published[0]


class TestPartialAndDamagedCheckpoints:
    def test_partially_uploaded_checkpoint_does_not_exist(
        self,
        store: Store,
        trained: Path,
        manifest: CheckpointManifest,
        bucket: str,
        endpoint: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        real = RemoteBackend.upload

        def die(backend: RemoteBackend, key: str, source: Path) -> None:
            if key.endswith("report.json"):
                raise KeyboardInterrupt
            real(backend, key, source)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(RemoteBackend, "upload", die)
            store.checkpoints.publish(trained, manifest=manifest)

        assert client(endpoint).list_objects_v2(Bucket=bucket)["KeyCount"] > 0
        assert store.checkpoints.list(MTOD) == []
        assert not store.checkpoints.exists(MTOD, "es-1")
        with pytest.raises(NotFound):
            store.checkpoints.fetch(MTOD, "es-1")
        assert store.checkpoints.publish(trained, manifest=manifest), "the next attempt is not hindered"
        assert store.checkpoints.list(MTOD) == [manifest]

    def test_fetch_downloads_once_and_again_when_damaged(
        self, store: Store, trained: Path, manifest: CheckpointManifest, server: tuple[str, S3], bucket: str
    ) -> None:
        store.checkpoints.publish(trained, manifest=manifest)
        weights = f"/{bucket}/{CHECKPOINT}/model.safetensors"

        def downloads() -> int:
            return sum(1 for method, path, _ in server[1].requests if (method, path) == ("GET", weights))

        copy = store.checkpoints.fetch(MTOD, "es-1")
        store.checkpoints.fetch(MTOD, "es-1")
        assert downloads() == 1
        (copy / "model.safetensors").write_bytes(b"damaged on this disk")
        store.checkpoints.fetch(MTOD, "es-1")
        assert downloads() == 2
        assert (copy / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()

    @pytest.mark.parametrize("change", [b"other weights", None])
    def test_fetch_refuses_a_damaged_object(
        self,
        change: bytes | None,
        store: Store,
        trained: Path,
        manifest: CheckpointManifest,
        bucket: str,
        endpoint: str,
        tmp_path: Path,
    ) -> None:
        store.checkpoints.publish(trained, manifest=manifest)
        place: dict[str, Any] = {"Bucket": bucket, "Key": f"{CHECKPOINT}/model.safetensors"}
        if change is None:
            client(endpoint).delete_object(**place)
        else:
            client(endpoint).put_object(**place, Body=change)
        with pytest.raises(CorruptArtifact, match=r"model\.safetensors"):
            store.checkpoints.fetch(MTOD, "es-1")
        assert contents(tmp_path / "cache") == {}


class TestConnection:
    def test_check_reports_a_missing_bucket(self, endpoint: str) -> None:
        with pytest.raises(StoreUnavailable):
            Store("s3://xmetra-no-such-bucket/here").check()

    def test_endpoint_can_be_configured_for_fsspec_only(self, endpoint: str, bucket: str) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "AWS_ENDPOINT_URL"}
        environment["FSSPEC_S3_ENDPOINT_URL"] = endpoint
        subprocess.run(
            [sys.executable, "-c", CHECKER, f"s3://{bucket}/here"], cwd=ROOT, env=environment, check=True
        )


RACER = """
import sys
from core.contracts.values import MTOD
from core.errors import PreconditionFailed
from core.store import Store
store = Store(sys.argv[1])
store.deployments.live(MTOD, "es")
print("ready", flush=True)
sys.stdin.readline()
try:
    store.deployments.deploy(MTOD, "es", sys.argv[2], reason="race", expected=0)
    print(sys.argv[2])
except PreconditionFailed:
    print("refused")
"""

CHECKER = """
import sys
from core.store import Store
Store(sys.argv[1]).check()
"""


def race(write: Any) -> None:
    """Run all writers concurrently."""
    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
