"""The whole build, stage by stage in a folder: what was finished is not done again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import chain, count
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from core.encoders.embedded.alignment import align
from core.encoders.embedded.assembly import base_model
from core.encoders.embedded.build_settings import BuildSettings
from core.encoders.embedded.corpus import read_corpus
from core.encoders.embedded.distillation import PARTS, Distillation, epoch
from core.encoders.embedded.initial_rows import Evidence, initial_rows
from core.encoders.embedded.minilm import base_folder, base_vocabulary
from core.encoders.embedded.teacher import TeacherStates, teacher_states
from core.encoders.embedded.training_examples import Example
from core.encoders.embedded.vocabulary import build_tokenizer, learn_pieces
from core.errors import Conflict
from core.progress import Monitor, ProgressTracker
from core.system.atomic_files import whole

LONGEST: Final = 126
"""Pieces of a sentence that are aligned: what MiniLM was trained to read."""

SAVE_EVERY: Final = 500
"""Steps of distillation that an interruption may cost."""

# What each stage costs beside the others, for the progress: seconds a language on two cores, about.
PIECES, TEACHER, ALIGN, ROWS, DISTIL = "pieces", "teacher", "alignment", "rows", "distillation"
SECONDS: Final = {PIECES: 4.0, TEACHER: 5.0, ALIGN: 10.0, ROWS: 1.0}
TOKENS_A_SECOND: Final = 1500.0

MEASURE: Final = "measure"
MEASURE_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Built:
    """A finished student.

    Attributes:
        tokenizer: The multilingual one.
        rows: [pieces, width].
        trainable: [pieces]; the rows that are not simply the base's.
        body: The encoder's layers, where they were trained; otherwise empty.
    """

    tokenizer: Tokenizer
    rows: NDArray[np.float32]
    trainable: NDArray[np.bool_]
    body: dict[str, NDArray[np.float32]]


class Build:
    """A build and its folder.

    Args:
        data: Folder of the parallel text.
        folder: Where every stage leaves what it made.
        settings: What is built.
        monitor: Told of the progress.

    Attributes:
        corpora: The parallel text, a language each.
        tracker: Where the work stands; its last stage, `MEASURE`, is for who publishes.

    Raises:
        Conflict: The folder holds a build with other settings.
        InvalidInput: A language's parallel text cannot be read.
    """

    def __init__(self, data: Path, folder: Path, settings: BuildSettings, monitor: Monitor) -> None:
        self._folder, self._settings = folder, settings
        folder.mkdir(parents=True, exist_ok=True)
        _same_settings(folder / "settings.json", settings)
        self.corpora = [read_corpus(data, language, seed=settings.seed) for language in settings.languages]
        costs = {stage: seconds * len(self.corpora) for stage, seconds in SECONDS.items()}
        costs[DISTIL] = self._tokens() * settings.distillation.epochs / TOKENS_A_SECOND
        costs[MEASURE] = MEASURE_SECONDS * len(self.corpora)
        self.tracker = ProgressTracker(monitor, costs)

    def run(self) -> Built:
        """Do what is left to do."""
        tokenizer = self._tokenizer()
        teacher = self._teacher()
        alignments = self._alignments(tokenizer)
        rows, trainable = self._initial_rows(tokenizer, alignments)
        return self._distil(tokenizer, teacher, alignments, (rows, trainable))

    @cached_property
    def english(self) -> list[str]:
        """All English sentences, each once."""
        return list(dict.fromkeys(pair.english for corpus in self.corpora for pair in corpus.train))

    @cached_property
    def english_pieces(self) -> list[list[int]]:
        """The English sentences under the base's own tokenizer."""
        own = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
        own.no_padding()
        own.no_truncation()
        return _encoded(own, self.english)

    def _tokens(self) -> int:
        """Return about how many tokens an epoch has: four characters each, or two where few are latin."""
        return sum(len(pair.target) // 3 + 2 for corpus in self.corpora for pair in corpus.train)

    def _tokenizer(self) -> Tokenizer:
        path = self._folder / "tokenizer.json"
        self.tracker.begin(PIECES, len(self.corpora))
        if not path.exists():
            learnt = {}
            for step, corpus in enumerate(self.corpora, start=1):
                texts = [pair.target for pair in corpus.train]
                learnt[corpus.language] = learn_pieces(
                    texts, language=corpus.language, size=self._settings.pieces
                )
                self.tracker.step(step)
            with whole(path) as partial:
                build_tokenizer(base_vocabulary(), learnt).save(str(partial))
        return Tokenizer.from_file(str(path))

    def _teacher(self) -> TeacherStates:
        path = self._folder / "teacher.npz"
        self.tracker.begin(TEACHER, len(self.english))
        if not path.exists():
            teacher_states(base_model(), self.english_pieces, tell=self.tracker.step).save(path)
        return TeacherStates.load(path)

    def _alignments(self, tokenizer: Tokenizer) -> dict[str, list[Example]]:
        """Return every language's sentences with their squared alignments."""
        number = {sentence: index for index, sentence in enumerate(self.english)}
        self.tracker.begin(ALIGN, len(self.corpora))
        found: dict[str, list[Example]] = {}
        for step, corpus in enumerate(self.corpora, start=1):
            english = [number[pair.english] for pair in corpus.train]
            target = _encoded(tokenizer, [pair.target for pair in corpus.train])
            matrices = align([self.english_pieces[index] for index in english], target)
            found[corpus.language] = [
                Example(pieces, index, np.square(matrix))
                for pieces, index, matrix in zip(target, english, matrices, strict=True)
            ]
            self.tracker.step(step)
        return found

    def _initial_rows(
        self, tokenizer: Tokenizer, alignments: dict[str, list[Example]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        path = self._folder / "rows.safetensors"
        self.tracker.begin(ROWS, len(alignments))
        if not path.exists():
            base = base_model().get_parameter("embeddings.word_embeddings.weight").detach().numpy()
            evidence = Evidence(tokenizer.get_vocab_size(), len(base))
            evidence.add_english(_encoded(tokenizer, self.english))
            for step, examples in enumerate(alignments.values(), start=1):
                evidence.add_language(self.english_pieces, examples)
                self.tracker.step(step)
            placed = initial_rows(base, evidence, seed=self._settings.seed)
            trainable = placed.trainable.astype(np.uint8)
            with whole(path) as partial:
                save_file({"rows": placed.embeddings, "trainable": trainable}, partial)
        arrays = load_file(path)
        return arrays["rows"], arrays["trainable"].astype(bool)

    def _distil(
        self,
        tokenizer: Tokenizer,
        teacher: TeacherStates,
        alignments: dict[str, list[Example]],
        start: tuple[NDArray[np.float32], NDArray[np.bool_]],
    ) -> Built:
        settings = self._settings.distillation
        translations = [example for examples in alignments.values() for example in examples]
        english = [
            Example(pieces, index, np.eye(len(pieces), dtype=np.float32) if pieces == own else None)
            for index, (pieces, own) in enumerate(
                zip(_encoded(tokenizer, self.english), self.english_pieces, strict=True)
            )
        ]
        draw = partial(epoch, translations, english, settings, seed=self._settings.seed)
        steps = max(1, round(len(draw(number=0)) * settings.epochs / PARTS))
        student = Distillation(base_model(), start[0], start[1], teacher, settings, steps)
        path = self._folder / "student.safetensors"
        if path.exists():
            student.restore(load_file(path))
        self.tracker.begin(DISTIL, student.steps)

        def tell(step: int, losses: Mapping[str, float]) -> None:
            if step % SAVE_EVERY == 0 or step == student.steps:
                with whole(path) as partial:
                    save_file(student.state(), partial)
            self.tracker.step(step, losses)

        drawn = chain.from_iterable(draw(number=number) for number in count())
        student.train(drawn, tell)
        return Built(tokenizer, student.rows.detach().numpy(), start[1], student.body())


def _encoded(tokenizer: Tokenizer, sentences: Sequence[str]) -> list[list[int]]:
    """Return the piece numbers of sentences, without special tokens, cut where the base stops reading."""
    found = tokenizer.encode_batch(list(sentences), add_special_tokens=False)
    return [encoding.ids[:LONGEST] for encoding in found]


def _same_settings(path: Path, settings: BuildSettings) -> None:
    """Keep the settings in the folder, or check that they are the ones that are kept."""
    written = json.dumps(asdict(settings), indent=1)
    if not path.exists():
        with whole(path) as partial:
            partial.write_text(written, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != written:
        raise Conflict(
            f"{path.parent} holds a build with other settings (settings.json); take another folder"
        )
