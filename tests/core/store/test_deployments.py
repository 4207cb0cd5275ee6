"""Deployments: order, concurrency and invalid records."""

import threading
from pathlib import Path

import pytest

from core.contracts.values import MTOD, TaskName
from core.errors import CorruptArtifact, InvalidInput, PreconditionFailed
from core.store import Store
from core.store.deployments import Deployments
from tests.core.store.builders import UNSAFE_NAMES

WRITERS = 12


def test_live_is_none_before_the_first_deployment(store: Store) -> None:
    assert store.deployments.live(MTOD, "es") is None
    assert store.deployments.history(MTOD, "es") == []
    assert store.deployments.keys(MTOD) == []


def test_latest_deployment_is_live_and_history_is_newest_first(store: Store) -> None:
    first = store.deployments.deploy(MTOD, "es", "es-1", reason="first", job_id="job-1")
    second = store.deployments.deploy(MTOD, "es", "es-2", reason="better")
    back = store.deployments.deploy(MTOD, "es", "es-1", reason="roll back")
    assert [first.number, second.number, back.number] == [1, 2, 3]
    assert (first.job_id, second.job_id) == ("job-1", None)
    assert store.deployments.live(MTOD, "es") == back
    assert store.deployments.history(MTOD, "es") == [back, second, first]


def test_deployments_are_separate_for_each_key(store: Store) -> None:
    for key in ("th", "base", "es"):
        store.deployments.deploy(MTOD, key, f"{key}-1", reason="first")
    assert store.deployments.keys(MTOD) == ["base", "es", "th"]
    live = store.deployments.live(MTOD, "th")
    assert live is not None
    assert (live.number, live.checkpoint_id) == (1, "th-1")


def test_deployment_keys_are_canonical_language_tags(store: Store) -> None:
    store.deployments.deploy(MTOD, "pt_br", "pt-1", reason="first")
    store.deployments.deploy(MTOD, "PT-BR", "pt-2", reason="second")
    assert store.deployments.keys(MTOD) == ["pt-BR"]
    assert len(store.deployments.history(MTOD, "pt-br")) == 2


def test_deployment_file_is_named_by_its_number(local_store: Store, folder: Path) -> None:
    local_store.deployments.deploy(MTOD, "es", "es-1", reason="first")
    assert [path.name for path in (folder / "deployments" / "mtod" / "es").iterdir()] == ["000001.json"]


def test_concurrent_deployments_all_succeed(store: Store) -> None:
    together = threading.Barrier(WRITERS)
    numbers: list[int] = []

    def deploy(writer: int) -> None:
        together.wait()
        for turn in range(5):
            deployment = store.deployments.deploy(MTOD, "es", f"es-{writer}-{turn}", reason="race")
            numbers.append(deployment.number)

    threads = [threading.Thread(target=deploy, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, WRITERS * 5 + 1))
    history = store.deployments.history(MTOD, "es")
    assert [deployment.number for deployment in history] == list(range(WRITERS * 5, 0, -1))
    assert len({deployment.checkpoint_id for deployment in history}) == WRITERS * 5


def test_deploy_skips_a_number_used_by_a_concurrent_writer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.deployments.deploy(MTOD, "es", "es-1", reason="first")
    with monkeypatch.context() as patch:
        patch.setattr(Deployments, "_numbers", lambda self, folder: [])
        deployment = store.deployments.deploy(MTOD, "es", "es-2", reason="late")
    assert deployment.number == 2
    assert store.deployments.live(MTOD, "es") == deployment


def test_deploy_succeeds_when_the_expected_number_is_live(store: Store) -> None:
    first = store.deployments.deploy(MTOD, "es", "es-1", reason="first", expected=0)
    second = store.deployments.deploy(MTOD, "es", "es-2", reason="better", expected=first.number)
    assert store.deployments.live(MTOD, "es") == second
    assert store.deployments.latest(MTOD, "es") == 2


def test_deploy_refuses_when_another_number_is_live(store: Store) -> None:
    with pytest.raises(PreconditionFailed, match="nothing serves es, where deployment 1 was expected"):
        store.deployments.deploy(MTOD, "es", "es-1", reason="late", expected=1)
    live = store.deployments.deploy(MTOD, "es", "es-1", reason="first")
    for expected in (0, 2):
        with pytest.raises(PreconditionFailed, match="deployment 1 serves es"):
            store.deployments.deploy(MTOD, "es", "es-2", reason="late", expected=expected)
    assert store.deployments.history(MTOD, "es") == [live]


def test_concurrent_deployments_with_equal_expectation_succeed_once(store: Store) -> None:
    store.deployments.deploy(MTOD, "es", "es-0", reason="first")
    together = threading.Barrier(WRITERS)
    outcomes: list[int | None] = []

    def deploy(writer: int) -> None:
        together.wait()
        try:
            deployment = store.deployments.deploy(MTOD, "es", f"es-{writer}", reason="race", expected=1)
            outcomes.append(deployment.number)
        except PreconditionFailed:
            outcomes.append(None)

    threads = [threading.Thread(target=deploy, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [number for number in outcomes if number] == [2]
    assert len(outcomes) == WRITERS
    assert store.deployments.latest(MTOD, "es") == 2


def test_deploy_refuses_when_a_concurrent_writer_is_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.deployments.deploy(MTOD, "es", "es-1", reason="first")
    monkeypatch.setattr(Deployments, "_numbers", lambda self, folder: [])
    with pytest.raises(PreconditionFailed, match="deployment 1 serves es, where nothing was expected"):
        store.deployments.deploy(MTOD, "es", "es-2", reason="late", expected=0)


def test_deployment_numbers_may_exceed_six_digits(local_store: Store, folder: Path) -> None:
    local_store.deployments.deploy(MTOD, "es", "es-1", reason="first")
    home = folder / "deployments" / "mtod" / "es"
    record = (home / "000001.json").read_text()
    (home / "999999.json").write_text(record.replace('"number": 1', '"number": 999999'))
    local_store.deployments.deploy(MTOD, "es", "es-2", reason="last")
    assert (home / "1000000.json").is_file()
    live = local_store.deployments.live(MTOD, "es")
    assert live is not None
    assert live.checkpoint_id == "es-2"


@pytest.mark.parametrize("content", ["", "{", '{"number": 1}'])
def test_invalid_live_record_is_reported_and_repaired_by_deploy(
    local_store: Store, folder: Path, content: str
) -> None:
    first = local_store.deployments.deploy(MTOD, "es", "es-1", reason="first")
    (folder / "deployments" / "mtod" / "es" / "000002.json").write_text(content)
    with pytest.raises(CorruptArtifact, match=r"000002\.json"):
        local_store.deployments.live(MTOD, "es")
    again = local_store.deployments.deploy(MTOD, "es", "es-1", reason="mend")
    assert local_store.deployments.live(MTOD, "es") == again
    assert local_store.deployments.history(MTOD, "es") == [again, first]


def test_record_with_another_number_is_reported_as_corrupt(local_store: Store, folder: Path) -> None:
    local_store.deployments.deploy(MTOD, "es", "es-1", reason="first")
    home = folder / "deployments" / "mtod" / "es"
    (home / "000009.json").write_bytes((home / "000001.json").read_bytes())
    with pytest.raises(CorruptArtifact, match="holds the deployment 1"):
        local_store.deployments.live(MTOD, "es")


def test_temporary_files_are_not_deployments(local_store: Store, folder: Path) -> None:
    home = folder / "deployments" / "mtod" / "es"
    home.mkdir(parents=True)
    (home / ".000001.json.0123.tmp").write_text("{")
    assert local_store.deployments.live(MTOD, "es") is None
    assert local_store.deployments.keys(MTOD) == []
    assert local_store.deployments.deploy(MTOD, "es", "es-1", reason="first").number == 1


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_deploy_refuses_unsafe_names(store: Store, folder: Path, name: str) -> None:
    for key, checkpoint_id, job_id in ((name, "es-1", "job-1"), ("es", name, "job-1"), ("es", "es-1", name)):
        with pytest.raises(InvalidInput):
            store.deployments.deploy(MTOD, key, checkpoint_id, reason="trick", job_id=job_id)
    with pytest.raises(InvalidInput):
        store.deployments.live(MTOD, name)
    with pytest.raises(InvalidInput):
        store.deployments.history(MTOD, name)
    assert not folder.exists()


def test_deployments_refuse_an_unknown_task(store: Store) -> None:
    task: TaskName = "../mtod"
    with pytest.raises(InvalidInput, match="/task"):
        store.deployments.keys(task)


def test_deploy_is_idempotent_for_a_job(store: Store) -> None:
    first = store.deployments.deploy(MTOD, "es", "es-1", reason="better", job_id="job-1")
    back = store.deployments.deploy(MTOD, "es", "es-0", reason="roll back")
    assert store.deployments.deploy(MTOD, "es", "es-1", reason="better", job_id="job-1") == first
    assert store.deployments.history(MTOD, "es") == [back, first]
    assert store.deployments.deploy(MTOD, "th", "th-1", reason="other", job_id="job-1").number == 1


def test_concurrent_attempts_at_a_job_deploy_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = store.deployments.deploy(MTOD, "es", "es-1", reason="better", job_id="job-1")
    with monkeypatch.context() as patch:
        patch.setattr(Deployments, "_numbers", lambda self, folder: [])  # as seen before the first deployment
        assert store.deployments.deploy(MTOD, "es", "es-2", reason="again", job_id="job-1") == first
    assert store.deployments.history(MTOD, "es") == [first]


def test_deploy_ignores_invalid_records_of_a_job(local_store: Store, folder: Path) -> None:
    local_store.deployments.deploy(MTOD, "es", "es-1", reason="better", job_id="job-1")
    (folder / "deployments" / "mtod" / "es" / "000001.json").write_text("torn")
    again = local_store.deployments.deploy(MTOD, "es", "es-1", reason="better", job_id="job-1")
    assert again.number == 2
