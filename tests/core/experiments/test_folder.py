"""The files of an experiment: whole, readable again, and each in its place."""

from pathlib import Path

import pytest

from core.errors import CorruptArtifact
from core.experiments import folder as folders
from core.experiments.folder import BASE, Folder
from core.experiments.records import Failed
from core.experiments.statistics import Spread, spread


def test_what_is_written_can_be_read_again(folder: Folder) -> None:
    document = spread([0.1, 0.2])
    folder.write(folder.draw("es.full.0"), document)
    assert folder.read(folder.root / "draws" / "es.full.0.json", Spread) == document
    assert [path.name for path in (folder.root / "draws").iterdir()] == ["es.full.0.json"]


def test_a_write_that_is_cut_off_leaves_what_was_there(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(folder.results, spread([1.0]))

    def cut_off(_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(folders, "encoded", cut_off)
    with pytest.raises(KeyboardInterrupt):
        folder.write(folder.results, spread([2.0]))
    assert folder.read(folder.results, Spread) == spread([1.0])


def test_what_is_not_there_is_none_and_what_is_something_else_is_told(folder: Folder) -> None:
    assert folder.read(folder.results, Spread) is None
    folder.write(folder.results, Failed(kind="NotFound", reason="gone"))
    with pytest.raises(CorruptArtifact, match=r"results\.json cannot be read"):
        folder.read(folder.results, Spread)


def test_runs_lie_together_and_the_base_beside_them() -> None:
    folder = Folder(Path("out"))
    assert folder.run("es.ft.full.seed-42") == Path("out/runs/es.ft.full.seed-42.json")
    assert folder.error("es.ft.full.seed-42") == Path("out/runs/es.ft.full.seed-42.error.json")
    assert folder.run(BASE) == Path("out/base.json")
    assert folder.error(BASE) == Path("out/base.error.json")
