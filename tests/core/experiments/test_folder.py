"""Paths and atomic writes of an experiment's folder."""

from pathlib import Path

import pytest

from core.errors import CorruptArtifact
from core.experiments import folder as folders
from core.experiments.folder import BASE_RUN, Folder
from core.experiments.records import JobError
from core.experiments.statistics import Spread, spread


def test_folder_reads_what_it_wrote(folder: Folder) -> None:
    document = spread([0.1, 0.2])
    folder.write(folder.draw("es.full.0"), document)
    assert folder.read(folder.root / "draws" / "es.full.0.json", Spread) == document
    assert [path.name for path in (folder.root / "draws").iterdir()] == ["es.full.0.json"]


def test_folder_write_keeps_old_file_when_interrupted(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(folder.results, spread([1.0]))

    def interrupt(_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(folders, "encode_document", interrupt)
    with pytest.raises(KeyboardInterrupt):
        folder.write(folder.results, spread([2.0]))
    assert folder.read(folder.results, Spread) == spread([1.0])


def test_folder_read_returns_none_if_missing_and_raises_if_invalid(folder: Folder) -> None:
    assert folder.read(folder.results, Spread) is None
    folder.write(folder.results, JobError(kind="NotFound", reason="gone"))
    with pytest.raises(CorruptArtifact, match=r"results\.json cannot be read"):
        folder.read(folder.results, Spread)


def test_folder_paths_of_runs_and_base() -> None:
    folder = Folder(Path("out"))
    assert folder.run("es.ft.full.seed-42") == Path("out/runs/es.ft.full.seed-42.json")
    assert folder.error("es.ft.full.seed-42") == Path("out/runs/es.ft.full.seed-42.error.json")
    assert folder.run(BASE_RUN) == Path("out/base.json")
    assert folder.error(BASE_RUN) == Path("out/base.error.json")
