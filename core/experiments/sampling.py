"""Reproducible random samples of few-shot examples."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.contracts.examples import Example
from core.contracts.values import Contract, Identifier, LanguageTag
from core.experiments.corpora import Corpora
from core.experiments.folder import Folder
from core.experiments.grid import Cell
from core.store import Store


class Subset(Contract):
    """Some examples of a file.

    Attributes:
        file: Path relative to the data folder.
        sha256: SHA-256 of the file.
        rows: Indices of the examples, from 0.
        dataset_id: Id of their dataset in the store.
    """

    file: str
    sha256: str
    rows: tuple[int, ...]
    dataset_id: Identifier


class Draw(Contract):
    """Few-shot and evaluation examples of a run.

    Attributes:
        language: BCP-47 tag of the target language.
        what: Amount of few-shot data: ``full``, ``3-shots``, ``10-percent``.
        number: Random seed of the draw.
        few_shot: Few-shot examples.
        evaluation: Evaluation examples.
    """

    language: LanguageTag
    what: str
    number: int
    few_shot: Subset
    evaluation: Subset


@dataclass(frozen=True, slots=True)
class RowIndices:
    """Indices of examples in the two files of a language."""

    few_shot: list[int]
    evaluation: list[int]


def draw_seed(cell: Cell, corpora: Corpora) -> int:
    """Return the random seed of a run's draw.

    For a limited amount it is the index of the draw, whatever the training seed. If all the few-shot data is
    itself a sample of a larger file, it is the training seed, so that the standard deviation over seeds
    includes this randomness.
    """
    if cell.limited:
        return cell.draw
    files = corpora.languages[cell.language]
    is_sampled = corpora.layout.share < 1 or files.few_shot == files.evaluation
    return cell.seed if is_sampled else 0


def sample_rows(cell: Cell, corpora: Corpora) -> RowIndices:
    """Return the indices of a run's examples."""
    seed = draw_seed(cell, corpora)
    rows = _unlimited_rows(cell.language, corpora, seed)
    examples = corpora.examples(corpora.languages[cell.language].few_shot)
    classes = [examples[row].stratum for row in rows.few_shot]
    if cell.shots is not None:
        selected = sample_per_class(classes, cell.shots, seed=seed)
    elif cell.share is not None:
        selected = sample_share_per_class(classes, cell.share, seed=seed)
    else:
        return rows
    return RowIndices([rows.few_shot[index] for index in selected], rows.evaluation)


def sample_per_class(classes: Sequence[str], count: int, *, seed: int) -> list[int]:
    """Sample at most `count` examples of each class; for the same seed, smaller samples are subsets.

    Args:
        classes: The class of each example.
        count: Number of examples per class.
        seed: Random seed.

    Returns:
        Indices, ascending.
    """
    return sorted(index for members in _shuffled_classes(classes, seed) for index in members[:count])


def sample_share_per_class(classes: Sequence[str], share: float, *, seed: int) -> list[int]:
    """Sample a share of each class, at least one example; for the same seed, smaller samples are subsets.

    Args:
        classes: The class of each example.
        share: Between 0 and 1.
        seed: Random seed.

    Returns:
        Indices, ascending.
    """
    return sorted(
        index
        for members in _shuffled_classes(classes, seed)
        for index in members[: max(1, round(share * len(members)))]
    )


def _shuffled_classes(classes: Sequence[str], seed: int) -> list[list[int]]:
    """Return the shuffled indices of each class; classes are sorted by name."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(classes):
        members[name].append(index)
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    for name in sorted(members):
        generator.shuffle(members[name])
    return [members[name] for name in sorted(members)]


def _unlimited_rows(language: str, corpora: Corpora, seed: int) -> RowIndices:
    """Return all few-shot examples and all evaluation examples of a language."""
    files, layout = corpora.languages[language], corpora.layout
    few_shot, evaluation = corpora.examples(files.few_shot), corpora.examples(files.evaluation)
    if files.few_shot == files.evaluation and layout.dev_share is not None:
        return _split_by_context(evaluation, layout.dev_share, seed)
    evaluation_rows = list(range(len(evaluation)))
    if layout.share == 1:
        return RowIndices(list(range(len(few_shot))), evaluation_rows)
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    sample = sorted(generator.sample(range(len(few_shot)), round(layout.share * len(few_shot))))
    contexts = {example.passage for example in evaluation}
    return RowIndices([row for row in sample if few_shot[row].passage not in contexts], evaluation_rows)


def _split_by_context(examples: Sequence[Example], share: float, seed: int) -> RowIndices:
    """Split a file into few-shot and evaluation examples that have no contexts in common."""
    contexts = sorted({example.passage for example in examples})
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    few_shot_contexts = set(generator.sample(contexts, round(share * len(contexts))))
    rows = RowIndices([], [])
    for row, example in enumerate(examples):
        (rows.few_shot if example.passage in few_shot_contexts else rows.evaluation).append(row)
    return rows


@dataclass(frozen=True, slots=True)
class Sampler:
    """Samples the examples of runs, and writes them to the store and to the experiment's folder.

    Attributes:
        corpora: Data to sample from.
        store: Receives the datasets.
        folder: Receives the descriptions of draws.
    """

    corpora: Corpora
    store: Store
    folder: Folder
    _draws: dict[str, Draw] = field(default_factory=dict, compare=False, repr=False)

    def draw(self, cell: Cell) -> Draw:
        """Return the examples of a run; runs with the same language, amount and draw seed share them."""
        seed = draw_seed(cell, self.corpora)
        name = f"{cell.language}.{cell.amount}.{seed}"
        if name not in self._draws:
            self._draws[name] = self._new_draw(cell, seed)
            self.folder.write(self.folder.draw(name), self._draws[name])
        return self._draws[name]

    def _new_draw(self, cell: Cell, seed: int) -> Draw:
        files, rows = self.corpora.languages[cell.language], sample_rows(cell, self.corpora)
        return Draw(
            language=cell.language,
            what=cell.amount,
            number=seed,
            few_shot=self._put_subset(files.few_shot, rows.few_shot, cell.language),
            evaluation=self._put_subset(files.evaluation, rows.evaluation, cell.language),
        )

    def _put_subset(self, file: str, rows: Sequence[int], language: str) -> Subset:
        examples = self.corpora.examples(file)
        selected = [examples[row] for row in rows]
        manifest = self.store.datasets.put(selected, task=self.corpora.task, language=language)
        sha256 = self.corpora.sha256(file)
        return Subset(file=file, sha256=sha256, rows=tuple(rows), dataset_id=manifest.dataset_id)
