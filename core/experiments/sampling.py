"""The few-shot examples of a run, drawn so that anybody can draw them again."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.contracts.examples import Example, MtodExample
from core.contracts.questions import QaExample
from core.contracts.values import Contract, Identifier, LanguageTag
from core.experiments.corpora import Corpora
from core.experiments.folder import Folder
from core.experiments.grid import Cell
from core.store import Store


class Part(Contract):
    """Some rows of a file.

    Attributes:
        file: Relative to the data folder.
        sha256: Of the file.
        rows: Which examples of it, counted from 0.
        dataset_id: What they are in the store.
    """

    file: str
    sha256: str
    rows: tuple[int, ...]
    dataset_id: Identifier


class Draw(Contract):
    """What a run learns from and is measured on.

    Attributes:
        what: How much was drawn: ``full``, ``3-shots``, ``10-percent``.
        number: All chance comes from it.
    """

    language: LanguageTag
    what: str
    number: int
    few_shot: Part
    evaluation: Part


@dataclass(frozen=True, slots=True)
class Rows:
    """Indices into the two files of a language."""

    few_shot: list[int]
    evaluation: list[int]


def draw_number(cell: Cell, corpora: Corpora) -> int:
    """Return the number that a run's examples are drawn by.

    A limited amount has its draw, whatever the seed. Where already the whole few-shot data is a part of a
    larger file, the seed draws it, so that the spread over seeds has that chance in it, too.
    """
    if cell.limited:
        return cell.draw
    files = corpora.languages[cell.language]
    is_drawn = corpora.layout.share < 1 or files.few_shot == files.evaluation
    return cell.seed if is_drawn else 0


def draw_rows(cell: Cell, corpora: Corpora) -> Rows:
    """Return the examples of a run."""
    number = draw_number(cell, corpora)
    rows = _all_rows(cell.language, corpora, number)
    examples = corpora.examples(corpora.languages[cell.language].few_shot)
    classes = [_class(examples[row]) for row in rows.few_shot]
    if cell.shots is not None:
        chosen = some_of_each(classes, cell.shots, number=number)
    elif cell.share is not None:
        chosen = share_of_each(classes, cell.share, number=number)
    else:
        return rows
    return Rows([rows.few_shot[index] for index in chosen], rows.evaluation)


def some_of_each(classes: Sequence[str], count: int, *, number: int) -> list[int]:
    """Draw at most so many of each class; a smaller count by the same number draws some of the same.

    Args:
        classes: The class of each example.
        count: Examples a class.
        number: Two calls with one number draw alike.

    Returns:
        Indices, ascending.
    """
    return sorted(index for members in _shuffled(classes, number) for index in members[:count])


def share_of_each(classes: Sequence[str], share: float, *, number: int) -> list[int]:
    """Draw a share of each class, at least one; a smaller share by the same number draws some of the same.

    Args:
        classes: The class of each example.
        share: Between 0 and 1.
        number: Two calls with one number draw alike.

    Returns:
        Indices, ascending.
    """
    return sorted(
        index
        for members in _shuffled(classes, number)
        for index in members[: max(1, round(share * len(members)))]
    )


def _shuffled(classes: Sequence[str], number: int) -> list[list[int]]:
    """Return the indices of each class, shuffled; classes in the order of their names."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(classes):
        members[name].append(index)
    draw = random.Random(number)  # noqa: S311 - reproducible, not secret
    for name in sorted(members):
        draw.shuffle(members[name])
    return [members[name] for name in sorted(members)]


def _class(example: Example) -> str:
    """Return what draws are balanced by: the intent; questions are all of one kind."""
    return example.intent if isinstance(example, MtodExample) else ""


def _all_rows(language: str, corpora: Corpora, number: int) -> Rows:
    """Return all the few-shot data of a language, and what measures."""
    files, layout = corpora.languages[language], corpora.layout
    learnt, measured = corpora.examples(files.few_shot), corpora.examples(files.evaluation)
    if files.few_shot == files.evaluation and layout.dev_share is not None:
        return _parted(measured, layout.dev_share, number)
    evaluation = list(range(len(measured)))
    if layout.share == 1:
        return Rows(list(range(len(learnt))), evaluation)
    draw = random.Random(number)  # noqa: S311 - reproducible, not secret
    chosen = sorted(draw.sample(range(len(learnt)), round(layout.share * len(learnt))))
    contexts = {_context(example) for example in measured}
    return Rows([row for row in chosen if _context(learnt[row]) not in contexts], evaluation)


def _parted(examples: Sequence[Example], share: float, number: int) -> Rows:
    """Part one file in two, by whole contexts."""
    contexts = sorted({_context(example) for example in examples})
    draw = random.Random(number)  # noqa: S311 - reproducible, not secret
    chosen = set(draw.sample(contexts, round(share * len(contexts))))
    rows = Rows([], [])
    for row, example in enumerate(examples):
        (rows.few_shot if _context(example) in chosen else rows.evaluation).append(row)
    return rows


def _context(example: Example) -> str:
    """Return the text that a question is about; an utterance is about itself."""
    return example.context if isinstance(example, QaExample) else example.text


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of an experiment, each in the store and in a file of its own.

    Attributes:
        corpora: What is drawn from.
        store: Where datasets go.
        folder: Where draws are told.
    """

    corpora: Corpora
    store: Store
    folder: Folder
    _made: dict[str, Draw] = field(default_factory=dict, compare=False, repr=False)

    def of(self, cell: Cell) -> Draw:
        """Return what a run learns from and is measured on; runs that differ otherwise share it."""
        number = draw_number(cell, self.corpora)
        name = f"{cell.language}.{cell.amount}.{number}"
        if name not in self._made:
            self._made[name] = self._draw(cell, number)
            self.folder.write(self.folder.draw(name), self._made[name])
        return self._made[name]

    def _draw(self, cell: Cell, number: int) -> Draw:
        files, rows = self.corpora.languages[cell.language], draw_rows(cell, self.corpora)
        return Draw(
            language=cell.language,
            what=cell.amount,
            number=number,
            few_shot=self._part(files.few_shot, rows.few_shot, cell.language),
            evaluation=self._part(files.evaluation, rows.evaluation, cell.language),
        )

    def _part(self, file: str, rows: Sequence[int], language: str) -> Part:
        examples = self.corpora.examples(file)
        chosen = [examples[row] for row in rows]
        manifest = self.store.datasets.put(chosen, task=self.corpora.task, language=language)
        sha256 = self.corpora.sha256(file)
        return Part(file=file, sha256=sha256, rows=tuple(rows), dataset_id=manifest.dataset_id)
