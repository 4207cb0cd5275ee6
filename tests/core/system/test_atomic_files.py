"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from core.system.atomic_files import whole


def test_what_was_written_takes_the_files_place(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("old", encoding="utf-8")
    with whole(path) as partial:
        partial.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError, match="disk"), whole(path) as partial:
        partial.write_text("ne", encoding="utf-8")
        raise RuntimeError("disk")
    assert path.read_text(encoding="utf-8") == "old"
