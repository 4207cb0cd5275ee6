import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from core.contracts.jobs import Progress
from core.encoders.embedded.artifact import ROWS
from core.encoders.embedded.assembly import base_model, load_student
from core.encoders.embedded.build import Build
from core.encoders.embedded.build_settings import BuildSettings, DistillationSettings
from core.encoders.embedded.minilm import base_vocabulary
from core.encoders.embedded.publishing import publish
from core.encoders.embedded.retrieval import top_1
from core.errors import Conflict, JobCancelled
from tests.core.vectors import mean_states

HOURS = {"one": "la una", "two": "las dos", "three": "las tres", "four": "las cuatro", "five": "las cinco"}
COMMANDS = {
    "wake me at {}": "despiértame a {}",
    "set an alarm for {}": "pon una alarma para {}",
    "remind me at {} to call mom": "recuérdame a {} llamar a mamá",
    "will it rain at {}": "va a llover a {}",
}
SETTINGS = BuildSettings(("es",), pieces=120, distillation=DistillationSettings(epochs=2.0, batch_tokens=200))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parallel")
    rows = [
        f"{english.format(hour)}\t{spanish.format(hora)}\tmassive"
        for english, spanish in COMMANDS.items()
        for hour, hora in HOURS.items()
    ]
    news = ["it will be cold tomorrow\tmañana hará frío\tntrex", "nobody came\tno vino nadie\tntrex"]
    text = "\n".join(["en\ttarget\torigin", *rows, *news]) + "\n"
    (folder / "en-es.tsv.gz").write_bytes(gzip.compress(text.encode()))
    return folder


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run_build(data: Path, folder: Path) -> list[Progress]:
    """Run and publish a build, and return its progress reports."""
    reports: list[Progress] = []
    build = Build(data, folder, SETTINGS, reports.append)
    publish(build.run(), build.corpora, SETTINGS, folder / "artifact", build.tracker)
    return reports


@dataclass(frozen=True)
class Finished:
    """A finished build.

    Attributes:
        folder: Its folder.
        reports: Its progress reports.
    """

    folder: Path
    reports: list[Progress]


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("build")
    torch.set_num_threads(1)
    return Finished(folder, run_build(data, folder))


def test_published_student_encodes_english_like_the_base(finished: Finished) -> None:
    model, tokenizer = load_student(finished.folder / "artifact")
    batch = tokenizer("wake me at two", return_tensors="pt")
    with torch.inference_mode():
        ours, theirs = (
            encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
            for encoder in (model, base_model())
        )
    assert torch.cosine_similarity(ours, theirs, dim=-1).min() > 0.99
    assert len(tokenizer) > len(base_vocabulary())


def test_published_student_places_translations_near_english(finished: Finished) -> None:
    model, tokenizer = load_student(finished.folder / "artifact")
    english = [template.format("two") for template in COMMANDS]
    spanish = [template.format("las dos") for template in COMMANDS.values()]
    vectors = [mean_states(model, tokenizer, texts).numpy() for texts in (spanish, english)]
    assert top_1(*vectors) == 1.0


def test_model_card_names_sources_and_results(finished: Finished) -> None:
    card = (finished.folder / "artifact" / "README.md").read_text(encoding="utf-8")
    assert all(name in card for name in ("MASSIVE", "NTREX-128", "Tatoeba", "TICO-19", "all-MiniLM-L6-v2"))
    assert "| Spanish (es) |" in card


def test_build_does_not_repeat_finished_stages(data: Path, finished: Finished) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.folder.iterdir() if path.is_file()}
    run_build(data, finished.folder)
    after = {path: path.stat().st_mtime_ns for path in finished.folder.iterdir() if path.is_file()}
    assert after == before


def test_build_is_deterministic_when_interrupted(data: Path, finished: Finished, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "distillation" and progress.step == 2:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        Build(data, tmp_path, SETTINGS, stop).run()
    run_build(data, tmp_path)
    resumed, uninterrupted = (folder / "artifact" / ROWS for folder in (tmp_path, finished.folder))
    assert resumed.read_bytes() == uninterrupted.read_bytes()


def test_build_rejects_folder_with_other_settings(data: Path, finished: Finished) -> None:
    with pytest.raises(Conflict, match="other settings"):
        Build(data, finished.folder, replace(SETTINGS, seed=7), lambda _: None)


def test_build_reports_progress_from_0_to_100(finished: Finished) -> None:
    percents = [report.percent for report in finished.reports]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)
    assert {"sentence", "token"} in [report.metrics.keys() for report in finished.reports]
