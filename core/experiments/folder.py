"""Paths and atomic file access of an experiment's folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from core.contracts.values import Contract
from core.store.serialization import decode_document, encode_document
from core.system.atomic_files import write_atomically

BASE_RUN: Final = "base"
"""Key of the run that trains the base; other runs have the keys of their cells."""

DocumentT = TypeVar("DocumentT", bound=Contract)


@dataclass(frozen=True, slots=True)
class Folder:
    """Folder of an experiment.

    Attributes:
        root: Path of the folder, which is created by the first write.
    """

    root: Path

    @property
    def store(self) -> str:
        """URL of the store of datasets and checkpoints."""
        return str(self.root / "store")

    @property
    def experiment(self) -> Path:
        """Path of the manifest."""
        return self.root / "experiment.json"

    @property
    def results(self) -> Path:
        """Path of all runs and tables as JSON."""
        return self.root / "results.json"

    @property
    def summary(self) -> Path:
        """Path of the tables as Markdown."""
        return self.root / "report.md"

    @property
    def figures(self) -> Path:
        """Path of the folder of the figures."""
        return self.root / "figures"

    def draw(self, name: str) -> Path:
        """Return the path of a draw."""
        return self.root / "draws" / f"{name}.json"

    def run(self, key: str) -> Path:
        """Return the path of a finished run."""
        return self._parent_of(key) / f"{key}.json"

    def error(self, key: str) -> Path:
        """Return the path of a run's failure."""
        return self._parent_of(key) / f"{key}.error.json"

    def write(self, path: Path, document: Contract) -> None:
        """Write a document atomically, with one rename."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, encode_document(document))

    def read(self, path: Path, kind: type[DocumentT]) -> DocumentT | None:
        """Return a document, or None if the file does not exist.

        Raises:
            CorruptArtifact: The file is not a valid document of this class.
        """
        if not path.exists():
            return None
        return decode_document(kind, path.read_bytes(), name=str(path))

    def _parent_of(self, key: str) -> Path:
        return self.root if key == BASE_RUN else self.root / "runs"
