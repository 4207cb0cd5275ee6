"""Data files of experiments, in the layout of the published datasets or of this project's samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.contracts.examples import Example
from core.contracts.values import TaskName
from core.errors import Fault, InvalidInput
from core.system.checksums import file_sha256
from core.tasks.experiment_spec import LANGUAGE, Layout
from core.tasks.registry import task_spec


@dataclass(frozen=True, slots=True)
class LanguageFiles:
    """Files of a target language.

    Attributes:
        few_shot: File of the few-shot data.
        evaluation: File of the evaluation data; the same file if it is split for both.
    """

    few_shot: str
    evaluation: str


@dataclass(frozen=True, slots=True)
class Corpora:
    """Data of an experiment; each file is read once.

    Attributes:
        folder: The data folder.
        task: Task of the files.
        layout: Layout of the data folder.
        languages: Target language → its files.
    """

    folder: Path
    task: TaskName
    layout: Layout
    languages: Mapping[str, LanguageFiles]
    _examples: dict[str, tuple[Example, ...]] = field(default_factory=dict, compare=False, repr=False)
    _hashes: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def files(self) -> list[str]:
        """Names of all files of the experiment, sorted."""
        targets = {name for files in self.languages.values() for name in (files.few_shot, files.evaluation)}
        return sorted(targets | {self.layout.source, self.layout.source_evaluation})

    @property
    def hashes(self) -> dict[str, str]:
        """File name → SHA-256."""
        return {name: self.sha256(name) for name in self.files}

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file, which is computed once."""
        if name not in self._hashes:
            self._hashes[name] = file_sha256(self.folder / name)
        return self._hashes[name]

    def examples(self, name: str) -> tuple[Example, ...]:
        """Return the examples of a file in its order.

        Raises:
            InvalidInput: The file has faults; all of them, with file name and line.
        """
        if name not in self._examples:
            parse = task_spec(self.task).read_file
            try:
                self._examples[name] = parse((self.folder / name).read_bytes(), name=name).examples
            except InvalidInput as error:
                faults = [Fault(f"{name} {fault.pointer}", fault.detail) for fault in error.faults]
                raise InvalidInput(faults) from error
        return self._examples[name]


def find_corpora(folder: Path, task: TaskName, languages: Sequence[str]) -> Corpora:
    """Find the data files of an experiment, and detect their layout.

    Args:
        folder: The data folder.
        task: Task of the experiment.
        languages: The target languages.

    Raises:
        InvalidInput: Files are missing; all of them, with their expected paths.
    """
    layouts = task_spec(task).experiments.layouts or (samples_layout(task),)
    layout = next((candidate for candidate in layouts if (folder / candidate.source).is_file()), layouts[0])
    languages_files = {language: _language_files(folder, layout, language) for language in languages}
    corpora = Corpora(folder, task, layout, languages_files)
    missing = [name for name in corpora.files if not (folder / name).is_file()]
    if missing:
        others = [other.source for other in layouts if other is not layout]
        hint = "" if layout.source not in missing else f", nor {' or '.join(others)} of the other layout"
        raise InvalidInput(
            [
                Fault(str(folder / name), f"is not there{hint if name == layout.source else ''}")
                for name in missing
            ]
        )
    return corpora


def samples_layout(task: TaskName) -> Layout:
    """Return the layout of a task whose description has none: JSONL files as in this project's samples."""
    return Layout(
        name="samples",
        source=f"{task}/en.jsonl",
        source_evaluation=f"{task}/en.held-out.jsonl",
        few_shot=f"{task}/{LANGUAGE}.few-shot.jsonl",
        evaluation=f"{task}/{LANGUAGE}.held-out.jsonl",
    )


def _language_files(folder: Path, layout: Layout, language: str) -> LanguageFiles:
    """Return the files of a language; without a few-shot file, the evaluation file is used for both."""
    few_shot, evaluation = (name.replace(LANGUAGE, language) for name in (layout.few_shot, layout.evaluation))
    is_shared = layout.dev_share is not None and not (folder / few_shot).is_file()
    return LanguageFiles(evaluation if is_shared else few_shot, evaluation)
