"""The folder of an experiment: what it holds, written whole or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from core.contracts.values import Contract
from core.store.serialization import decoded, encoded
from core.system.atomic_files import whole

BASE: Final = "base"
"""The run that makes the base, where the others have the keys of their cells."""

DocumentT = TypeVar("DocumentT", bound=Contract)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where an experiment keeps everything.

    Attributes:
        root: Made when something is written.
    """

    root: Path

    @property
    def store(self) -> str:
        """The datasets and checkpoints."""
        return str(self.root / "store")

    @property
    def experiment(self) -> Path:
        """What was asked for."""
        return self.root / "experiment.json"

    @property
    def results(self) -> Path:
        """Every run and the tables, for programs."""
        return self.root / "results.json"

    @property
    def summary(self) -> Path:
        """The tables, for people."""
        return self.root / "report.md"

    @property
    def figures(self) -> Path:
        """The folder of the figures."""
        return self.root / "figures"

    def draw(self, name: str) -> Path:
        """Return where a draw is told."""
        return self.root / "draws" / f"{name}.json"

    def run(self, key: str) -> Path:
        """Return where the report of a run is kept."""
        return self._of_runs(key) / f"{key}.json"

    def error(self, key: str) -> Path:
        """Return where the reason is kept for which a run has no report."""
        return self._of_runs(key) / f"{key}.error.json"

    def write(self, path: Path, document: Contract) -> None:
        """Put a document in place with one rename."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            partial.write_bytes(encoded(document))

    def read(self, path: Path, kind: type[DocumentT]) -> DocumentT | None:
        """Return a document, or None if it is not there.

        Raises:
            CorruptArtifact: It is there and is something else.
        """
        if not path.exists():
            return None
        return decoded(kind, path.read_bytes(), name=str(path))

    def _of_runs(self, key: str) -> Path:
        return self.root if key == BASE else self.root / "runs"
