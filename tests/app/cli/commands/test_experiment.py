"""``xmetra experiment``: what it asks, what it lists, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.contracts.jobs import AdaptJob, JobRecord
from core.contracts.reports import Report
from core.experiments import runners
from core.experiments.folder import Folder
from core.experiments.records import Failed, Failure, Kept
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
    """List the runs on the samples."""

    def listed(*arguments: str) -> Result:
        return run("experiment", *arguments, "--data", SAMPLE_FOLDER, "--out", str(out), "--dry-run")

    return listed


def test_a_dry_run_lists_every_run_with_its_examples_and_does_nothing(dry: Run, out: Path) -> None:
    result = dry("mtod", "--languages", "es, th", "--seeds", "42 35", "--shots", "3", "--draws", "1")
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert ["es.ft.full.seed-42", "120", "to", "do"] in lines
    assert ["th.x-metra-ada.3-shots.draw-0.seed-35", "36", "to", "do"] in lines
    assert result.out.splitlines()[-1] == "40 runs after one base: 40 to do"
    assert not out.exists()


def test_several_values_may_be_words_of_their_own(dry: Run) -> None:
    words = dry("mtod", "--languages", "es", "th", "--seeds", "42", "35", "--methods", "ft", "mono")
    one = dry("mtod", "--languages", "es th", "--seeds", "42 35", "--methods", "ft mono")
    assert words.code == 0
    assert words.out == one.out


def test_a_dry_run_as_json_is_one_document(dry: Run) -> None:
    result = dry("qa", "--languages", "sw", "--methods", "pre ft", "--seeds", "1", "--json")
    (cell,) = json.loads(result.out)["cells"]
    assert (cell["key"], cell["method"], cell["state"]) == ("sw.ft.full.seed-1", "ft", "to do")


def test_the_seeds_are_the_paper_s_if_nobody_says(dry: Run) -> None:
    for task, seeds in (("mtod", {42, 35, 119, 40}), ("qa", {42, 44, 40, 163})):
        cells = json.loads(dry(task, "--languages", "es", "--methods", "ft", "--json").out)["cells"]
        assert {cell["seed"] for cell in cells} == seeds


def test_a_dry_run_tells_what_was_done_and_what_failed_before(dry: Run, out: Path) -> None:
    folder = Folder(out)
    for path in (folder.run("es.ft.full.seed-42"), folder.error("es.mono.full.seed-42")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    result = dry("mtod", "--languages", "es", "--seeds", "42")
    assert result.out.splitlines()[-1] == "5 runs after one base: 1 done, 1 failed before, 3 to do"


def test_every_option_that_cannot_be_used_is_told_at_once(dry: Run) -> None:
    result = dry(
        *("mtod", "--languages", "es en", "--methods", "ft best", "--seeds", "x", "--shots", "0"),
        *("--draws", "0", "--downsample", "2", "--trainable", "tail", "--schedule", "never"),
        *("--set", "meta.inner_stepz=1", "--set", "seed=3", "--set", "no", "--set-base", "epochs=-1"),
    )
    assert result.code == 2
    told = [line.strip().split(": ")[0] for line in result.err.splitlines()[1:]]
    assert sorted(set(told)) == [
        "--downsample",
        "--draws",
        "--languages",
        "--methods",
        "--schedule",
        "--seeds",
        "--set",
        "--set meta.inner_stepz",
        "--set-base epochs",
        "--shots",
        "--trainable",
    ]


def test_settings_that_contradict_a_schedule_are_told(dry: Run) -> None:
    result = dry(
        *("mtod", "--languages", "es", "--schedule", "interleaved"),
        *("--set", "meta.inner_loop=learn2learn"),
    )
    assert result.code == 2
    assert "--set meta: the interleaved schedule needs inner_loop fused" in result.err


def test_missing_files_are_told_all_at_once(dry: Run) -> None:
    result = dry("mtod", "--languages", "fi ko")
    assert result.code == 2
    assert [line.strip().split(": ")[0] for line in result.err.splitlines()[1:]] == [
        f"{SAMPLE_FOLDER}/mtod/{language}.{kind}.jsonl"
        for language in ("fi", "ko")
        for kind in ("few-shot", "held-out")
    ]


Failing = Callable[[JobRecord], Failed | None]


def in_this_process(monkeypatch: pytest.MonkeyPatch, failing: Failing = lambda _: None) -> None:
    """Do jobs where the test is: a process of its own costs seconds."""

    def apart(store_url: str, *, device: str, threads: int) -> runners.Runner:
        here = runners.run_here(Store(store_url), device=device)

        def do(record: JobRecord, monitor: Monitor) -> Report | Failed:
            return failing(record) or here(record, monitor)

        return do

    monkeypatch.setattr(runners, "run_apart", apart)


@pytest.fixture
def experiment(run: Run, tmp_path: Path, out: Path) -> Run:
    """Run fine-tuning with a tiny encoder on a few utterances."""
    # They bring torch, which must not be there when other tests are collected: some make an api then.
    from tests.core.experiments.laboratory import write_samples
    from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder

    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english(), spanish()))
    data = write_samples(tmp_path / "data")

    def done(*arguments: str) -> Result:
        return run(
            *("experiment", "mtod", "--data", str(data), "--out", str(out), "--languages", "es"),
            *("--encoder", str(encoder), "--methods", "ft", "--device", "cpu", *QUICK, *arguments),
        )

    return done


def test_an_experiment_ends_with_its_table_and_where_its_files_are(
    experiment: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    result = experiment("--seeds", "42,35")
    assert result.code == 0
    assert "es.ft.full.seed-35: fine-tune" in result.err
    assert "intent accuracy" in result.out
    assert " ± " in result.out
    for name in ("results.json", "report.md", "figures"):
        assert (out / name).exists()
        assert str(out / name) in result.out
    kept = Folder(out).read(out / "experiment.json", Kept)
    assert kept is not None
    assert (kept.experiment.seeds, kept.hyperparameters.tune) == ((42, 35), False)
    assert Folder(out).read(out / "draws" / "es.full.0.json", Draw) is not None


def test_as_json_it_is_one_document_on_stdout(experiment: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    in_this_process(monkeypatch)
    answer = json.loads(experiment("--seeds", "42", "--json").out)
    assert [row["variant"]["method"] for row in answer["table"]] == ["pre", "ft"]
    assert set(answer) == {"table", "comparisons", "failures", "files"}


def test_runs_that_failed_are_told_at_the_end_and_are_exit_code_1(
    experiment: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(record: JobRecord) -> Failed | None:
        is_first = isinstance(record.request, AdaptJob) and record.request.hyperparameters.seed == 42
        return Failed(kind="TrainingDiverged", reason="the loss is nan") if is_first else None

    in_this_process(monkeypatch, failing)
    result = experiment("--seeds", "42 35")
    assert result.code == 1
    assert "1 failed; the same command tries again:" in result.err
    assert "es.ft.full.seed-42: the loss is nan" in result.err
    assert "ft" in result.out
    assert Folder(out).read(out / "runs" / "es.ft.full.seed-42.error.json", Failure) is not None
    in_this_process(monkeypatch)
    assert experiment("--seeds", "42 35").code == 0


def test_other_settings_in_the_same_folder_are_refused(
    experiment: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    experiment("--seeds", "42")
    result = experiment("--seeds", "42", "--set", "fine_tune.epochs=2")
    assert result.code == 2
    assert "fine_tune.epochs is 1.0 there and 2.0 now" in result.err
