"""``xmetra experiment``: its options, its dry run, its results and its exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.contracts.jobs import AdaptJob, JobRecord
from core.contracts.reports import Report
from core.experiments import runners
from core.experiments.folder import Folder
from core.experiments.records import ExperimentManifest, Failure, JobError
from core.experiments.sampling import Draw
from core.progress import Monitor
from core.store import Store
from tests.app.cli.running import Result, Run
from tests.repository import SAMPLES

SAMPLE_FOLDER = str(SAMPLES)

QUICK = (
    *("--set", "tune=false", "--set", "fine_tune.epochs=1", "--set", "fine_tune.min_steps=1"),
    *("--set-base", "epochs=1"),
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "experiment"


@pytest.fixture
def dry(run: Run, out: Path) -> Run:
    """Run a dry run on the samples."""

    def run_dry(*arguments: str) -> Result:
        return run("experiment", *arguments, "--data", SAMPLE_FOLDER, "--out", str(out), "--dry-run")

    return run_dry


def test_dry_run_lists_every_run_with_its_examples_and_writes_nothing(dry: Run, out: Path) -> None:
    result = dry("mtod", "--languages", "es, th", "--seeds", "42 35", "--shots", "3", "--draws", "1")
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert ["es.ft.full.seed-42", "120", "to", "do"] in lines
    assert ["th.x-metra-ada.3-shots.draw-0.seed-35", "36", "to", "do"] in lines
    assert result.out.splitlines()[-1] == "40 runs after one base: 40 to do"
    assert not out.exists()


def test_experiment_accepts_several_values_as_separate_arguments(dry: Run) -> None:
    separate = dry("mtod", "--languages", "es", "th", "--seeds", "42", "35", "--methods", "ft", "mono")
    joined = dry("mtod", "--languages", "es th", "--seeds", "42 35", "--methods", "ft mono")
    assert separate.code == 0
    assert separate.out == joined.out


def test_dry_run_prints_one_json_document(dry: Run) -> None:
    result = dry("qa", "--languages", "sw", "--methods", "pre ft", "--seeds", "1", "--json")
    (cell,) = json.loads(result.out)["cells"]
    assert (cell["key"], cell["method"], cell["state"]) == ("sw.ft.full.seed-1", "ft", "to do")


def test_experiment_uses_the_seeds_of_the_paper_by_default(dry: Run) -> None:
    for task, seeds in (("mtod", {42, 35, 119, 40}), ("qa", {42, 44, 40, 163})):
        cells = json.loads(dry(task, "--languages", "es", "--methods", "ft", "--json").out)["cells"]
        assert {cell["seed"] for cell in cells} == seeds


def test_dry_run_counts_runs_that_are_done_and_that_failed(dry: Run, out: Path) -> None:
    folder = Folder(out)
    for path in (folder.run("es.ft.full.seed-42"), folder.error("es.mono.full.seed-42")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    result = dry("mtod", "--languages", "es", "--seeds", "42")
    assert result.out.splitlines()[-1] == "5 runs after one base: 1 done, 1 failed before, 3 to do"


def test_experiment_reports_all_invalid_options_at_once(dry: Run) -> None:
    result = dry(
        *("mtod", "--languages", "es en", "--methods", "ft best", "--seeds", "x", "--shots", "0"),
        *("--draws", "0", "--downsample", "2", "--trainable", "tail", "--schedule", "never"),
        *("--set", "meta.inner_stepz=1", "--set", "seed=3", "--set", "no", "--set-base", "epochs=-1"),
    )
    assert result.code == 2
    places = [line.strip().split(": ")[0] for line in result.err.splitlines()[1:]]
    assert sorted(places) == [
        "--downsample",
        "--draws",
        "--languages",
        "--methods",
        "--schedule",
        "--seeds",
        "--set",
        "--set meta.inner_stepz",
        "--set no",
        "--set-base epochs",
        "--shots",
        "--trainable",
    ]


def test_experiment_reports_settings_that_contradict_the_schedule(dry: Run) -> None:
    result = dry(
        *("mtod", "--languages", "es", "--schedule", "interleaved"),
        *("--set", "meta.inner_loop=learn2learn"),
    )
    assert result.code == 2
    assert "--set meta: the interleaved schedule needs inner_loop fused" in result.err


def test_experiment_reports_all_missing_files_at_once(dry: Run) -> None:
    result = dry("mtod", "--languages", "fi ko")
    assert result.code == 2
    assert [line.strip().split(": ")[0] for line in result.err.splitlines()[1:]] == [
        f"{SAMPLE_FOLDER}/mtod/{language}.{kind}.jsonl"
        for language in ("fi", "ko")
        for kind in ("few-shot", "held-out")
    ]


FailureOf = Callable[[JobRecord], JobError | None]


def run_in_this_process(monkeypatch: pytest.MonkeyPatch, failure_of: FailureOf = lambda _: None) -> None:
    """Run jobs in the process of the test: another process takes seconds to start."""

    def in_process_runner(store_url: str, *, device: str, threads: int) -> runners.Runner:
        run_job = runners.in_process_runner(Store(store_url), device=device)

        def run_or_fail(record: JobRecord, monitor: Monitor) -> Report | JobError:
            return failure_of(record) or run_job(record, monitor)

        return run_or_fail

    monkeypatch.setattr(runners, "subprocess_runner", in_process_runner)


@pytest.fixture
def experiment(run: Run, tmp_path: Path, out: Path) -> Run:
    """Run fine-tuning with a tiny encoder on a few utterances."""
    # Imported here: they import torch, and some test modules create an API, without torch, when collected.
    from tests.core.experiments.small_experiments import write_samples
    from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder

    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english(), spanish()))
    data = write_samples(tmp_path / "data")

    def run_experiment(*arguments: str) -> Result:
        return run(
            *("experiment", "mtod", "--data", str(data), "--out", str(out), "--languages", "es"),
            *("--encoder", str(encoder), "--methods", "ft", "--device", "cpu", *QUICK, *arguments),
        )

    return run_experiment


def test_experiment_prints_its_table_and_the_paths_of_its_files(
    experiment: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in_this_process(monkeypatch)
    result = experiment("--seeds", "42,35")
    assert result.code == 0
    assert "es.ft.full.seed-35: fine-tune" in result.err
    assert "intent accuracy" in result.out
    assert " ± " in result.out
    for name in ("results.json", "report.md", "figures"):
        assert (out / name).exists()
        assert str(out / name) in result.out
    manifest = Folder(out).read(out / "experiment.json", ExperimentManifest)
    assert manifest is not None
    assert (manifest.experiment.seeds, manifest.hyperparameters.tune) == ((42, 35), False)
    assert Folder(out).read(out / "draws" / "es.full.0.json", Draw) is not None


def test_experiment_prints_one_json_document(experiment: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run_in_this_process(monkeypatch)
    document = json.loads(experiment("--seeds", "42", "--json").out)
    assert [row["variant"]["method"] for row in document["table"]] == ["pre", "ft"]
    assert set(document) == {"table", "comparisons", "failures", "files"}


def test_experiment_exits_with_1_and_lists_the_runs_that_failed(
    experiment: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_first_seed(record: JobRecord) -> JobError | None:
        is_first = isinstance(record.request, AdaptJob) and record.request.hyperparameters.seed == 42
        return JobError(kind="TrainingDiverged", reason="the loss is nan") if is_first else None

    run_in_this_process(monkeypatch, fail_first_seed)
    result = experiment("--seeds", "42 35")
    assert result.code == 1
    assert "1 failed; the same command tries again:" in result.err
    assert "es.ft.full.seed-42: the loss is nan" in result.err
    assert "ft" in result.out
    assert Folder(out).read(out / "runs" / "es.ft.full.seed-42.error.json", Failure) is not None
    run_in_this_process(monkeypatch)
    assert experiment("--seeds", "42 35").code == 0


def test_experiment_refuses_a_folder_of_other_settings(
    experiment: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in_this_process(monkeypatch)
    experiment("--seeds", "42")
    result = experiment("--seeds", "42", "--set", "fine_tune.epochs=2")
    assert result.code == 2
    assert "fine_tune.epochs is 1.0 there and 2.0 now" in result.err
