import gzip
from collections.abc import Iterator
from dataclasses import replace
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
DOINGS = {
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
        for english, spanish in DOINGS.items()
        for hour, hora in HOURS.items()
    ]
    news = ["it will be cold tomorrow\tmañana hará frío\tntrex", "nobody came\tno vino nadie\tntrex"]
    text = "\n".join(["en\ttarget\torigin", *rows, *news]) + "\n"
    (folder / "en-es.tsv.gz").write_bytes(gzip.compress(text.encode()))
    return folder


@pytest.fixture(autouse=True)
def one_thread_for_all() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def built(data: Path, folder: Path, settings: BuildSettings = SETTINGS) -> list[Progress]:
    told: list[Progress] = []
    work = Build(data, folder, settings, told.append)
    publish(work.run(), work.corpora, settings, folder / "artifact", work.tracker)
    return told


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    torch.set_num_threads(1)
    built(data, folder)
    return folder


def test_what_ships_is_a_plain_encoder_that_reads_english_as_before(finished: Path) -> None:
    model, tokenizer = load_student(finished / "artifact")
    batch = tokenizer("wake me at two", return_tensors="pt")
    with torch.inference_mode():
        ours, theirs = (
            one(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
            for one in (model, base_model())
        )
    assert torch.cosine_similarity(ours, theirs, dim=-1).min() > 0.99
    assert len(tokenizer) > len(base_vocabulary())


def test_a_translation_comes_near_its_english(finished: Path) -> None:
    model, tokenizer = load_student(finished / "artifact")
    english = [one.format("two") for one in DOINGS]
    spanish = [one.format("las dos") for one in DOINGS.values()]
    found = [mean_states(model, tokenizer, texts).numpy() for texts in (spanish, english)]
    assert top_1(*found) == 1.0


def test_the_card_names_its_sources_and_tells_what_was_measured(finished: Path) -> None:
    card = (finished / "artifact" / "README.md").read_text(encoding="utf-8")
    assert all(name in card for name in ("MASSIVE", "NTREX-128", "Tatoeba", "TICO-19", "all-MiniLM-L6-v2"))
    assert "| Spanish (es) |" in card


def test_a_finished_build_is_not_done_again(data: Path, finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.iterdir() if path.is_file()}
    built(data, finished)
    assert {path: path.stat().st_mtime_ns for path in finished.iterdir() if path.is_file()} == before


def test_one_seed_builds_the_same_and_an_interruption_changes_nothing(
    data: Path, finished: Path, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "distillation" and progress.step == 2:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        Build(data, tmp_path, SETTINGS, stop).run()
    built(data, tmp_path)
    ours, theirs = (folder / "artifact" / ROWS for folder in (tmp_path, finished))
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_folder_of_another_build_is_not_mixed_up(data: Path, finished: Path) -> None:
    with pytest.raises(Conflict, match="other settings"):
        Build(data, finished, replace(SETTINGS, seed=7), lambda _: None)


def test_progress_is_told_from_nought_to_the_end(data: Path, tmp_path: Path) -> None:
    told = built(data, tmp_path)
    assert [one.percent for one in told] == sorted(one.percent for one in told)
    assert (told[0].percent, told[-1].percent) == (0, 100)
    assert {"sentence", "token"} in [one.metrics.keys() for one in told]
