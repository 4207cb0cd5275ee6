"""Where a task's data lies below a folder: as it is published, or as this project's samples do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.contracts.examples import Example
from core.contracts.values import TaskName
from core.errors import Fault, InvalidInput
from core.formats import read_examples, read_questions
from core.system.checksums import file_sha256

LANGUAGE: Final = "XX"
"""Stands for a language's tag in the name of a file."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a task, relative to the data folder.

    Attributes:
        name: What people call it.
        source: Learnt by the base.
        source_evaluation: Measures the base.
        few_shot: Learnt by an adaptation, all of it or some.
        evaluation: Measures an adaptation.
        share: Of the rows of `few_shot`, those that are the few-shot data.
        dev_share: Of the contexts of `evaluation`, those that are the few-shot data of a language that has
            no other file; None where every language must have one.
    """

    name: str
    source: str
    source_evaluation: str
    few_shot: str
    evaluation: str
    share: float = 1.0
    dev_share: float | None = None


LAYOUTS: Final[Mapping[TaskName, tuple[Layout, ...]]] = {
    TaskName.MTOD: (
        Layout(
            name="published",
            source="mtod/en/train-en.conllu",
            source_evaluation="mtod/en/test-en.tsv",
            # The paper's few-shot data is the published development set.
            few_shot="mtod/XX/eval-XX.tsv",
            evaluation="mtod/XX/test-XX.tsv",
        ),
        Layout(
            name="samples",
            source="mtod/en.jsonl",
            source_evaluation="mtod/en.held-out.jsonl",
            few_shot="mtod/XX.few-shot.jsonl",
            evaluation="mtod/XX.held-out.jsonl",
        ),
    ),
    TaskName.QA: (
        Layout(
            name="published",
            source="tydiqa-goldp/train/en.json",
            source_evaluation="tydiqa-goldp/dev/en.json",
            few_shot="tydiqa-goldp/train/XX.json",
            evaluation="tydiqa-goldp/dev/XX.json",
            share=0.1,
            dev_share=0.3,
        ),
        Layout(
            name="samples",
            source="qa/en.json",
            source_evaluation="qa/en.held-out.json",
            few_shot="qa/XX.few-shot.json",
            evaluation="qa/XX.held-out.json",
        ),
    ),
}
"""Task → the layouts that are looked for, in this order."""


@dataclass(frozen=True, slots=True)
class Files:
    """What one language has.

    Attributes:
        few_shot: The file that is learnt from.
        evaluation: The file that measures; the same one where it must serve both.
    """

    few_shot: str
    evaluation: str


@dataclass(frozen=True, slots=True)
class Corpora:
    """The data of an experiment, each file read once.

    Attributes:
        folder: The data folder.
        task: What the files teach.
        layout: How they lie in it.
        languages: Target language → its files.
    """

    folder: Path
    task: TaskName
    layout: Layout
    languages: Mapping[str, Files]
    _read: dict[str, tuple[Example, ...]] = field(default_factory=dict, compare=False, repr=False)
    _hashes: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def files(self) -> list[str]:
        """Every file the experiment reads, sorted."""
        targets = {name for files in self.languages.values() for name in (files.few_shot, files.evaluation)}
        return sorted(targets | {self.layout.source, self.layout.source_evaluation})

    @property
    def hashes(self) -> dict[str, str]:
        """File → SHA-256."""
        return {name: self.sha256(name) for name in self.files}

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file, which was computed once."""
        if name not in self._hashes:
            self._hashes[name] = file_sha256(self.folder / name)
        return self._hashes[name]

    def examples(self, name: str) -> tuple[Example, ...]:
        """Return the examples of a file, in its order.

        Raises:
            InvalidInput: Every fault of the file, with its name and line.
        """
        if name not in self._read:
            read = read_questions if self.task is TaskName.QA else read_examples
            try:
                self._read[name] = tuple(read((self.folder / name).read_bytes(), name=name))
            except InvalidInput as error:
                faults = [Fault(f"{name} {fault.pointer}", fault.detail) for fault in error.faults]
                raise InvalidInput(faults) from error
        return self._read[name]


def find_corpora(folder: Path, task: TaskName, languages: Sequence[str]) -> Corpora:
    """Find the data of an experiment; the files that are there tell how they lie.

    Args:
        folder: The data folder.
        task: What is learnt.
        languages: The target languages.

    Raises:
        InvalidInput: Files are missing; all of them, with the paths that were looked for.
    """
    layouts = LAYOUTS[task]
    layout = next((one for one in layouts if (folder / one.source).is_file()), layouts[0])
    languages_files = {language: _files(folder, layout, language) for language in languages}
    corpora = Corpora(folder, task, layout, languages_files)
    missing = [name for name in corpora.files if not (folder / name).is_file()]
    if missing:
        others = [one.source for one in layouts if one is not layout]
        hint = "" if layout.source not in missing else f", nor {' or '.join(others)} of the other layout"
        raise InvalidInput(
            [
                Fault(str(folder / name), f"is not there{hint if name == layout.source else ''}")
                for name in missing
            ]
        )
    return corpora


def _files(folder: Path, layout: Layout, language: str) -> Files:
    """Return the files of a language; one that has only an evaluation file learns from a part of it."""
    few_shot, evaluation = (name.replace(LANGUAGE, language) for name in (layout.few_shot, layout.evaluation))
    alone = layout.dev_share is not None and not (folder / few_shot).is_file()
    return Files(evaluation if alone else few_shot, evaluation)
