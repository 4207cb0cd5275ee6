"""Build of the embedded encoder in stages; finished stages are not repeated."""

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
from core.system.atomic_files import atomic_file, write_atomically

LONGEST: Final = 126
"""Maximum number of tokens of a sentence, as in the training of MiniLM."""

SAVE_EVERY: Final = 500
"""Steps of distillation between two saves, and lost by an interruption at most."""

# Approximate costs of the stages for the progress: seconds per language on two cores.
PIECES, TEACHER, ALIGN, ROWS, DISTIL = "pieces", "teacher", "alignment", "rows", "distillation"
SECONDS: Final = {PIECES: 4.0, TEACHER: 5.0, ALIGN: 10.0, ROWS: 1.0}
TOKENS_A_SECOND: Final = 1500.0

MEASURE: Final = "measure"
MEASURE_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Built:
    """Result of a build: a trained student.

    Attributes:
        tokenizer: The multilingual tokenizer.
        rows: Embeddings, [pieces, width].
        trainable: [pieces]; whether a row was trained and thus differs from the base.
        body: Layers of the encoder by name; empty if they were not trained.
    """

    tokenizer: Tokenizer
    rows: NDArray[np.float32]
    trainable: NDArray[np.bool_]
    body: dict[str, NDArray[np.float32]]


class Build:
    """A build in a folder.

    Args:
        data: Folder of the parallel text.
        folder: Folder of the results of the stages.
        settings: Settings of the build.
        monitor: Receives the progress.

    Attributes:
        corpora: The parallel text of each language.
        tracker: Progress of the build; its last stage, `MEASURE`, belongs to `publishing.publish`.

    Raises:
        Conflict: The folder has a build with other settings.
        InvalidInput: A language's parallel text cannot be read.
    """

    def __init__(self, data: Path, folder: Path, settings: BuildSettings, monitor: Monitor) -> None:
        self._folder, self._settings = folder, settings
        folder.mkdir(parents=True, exist_ok=True)
        _check_settings(folder / "settings.json", settings)
        self.corpora = [read_corpus(data, language, seed=settings.seed) for language in settings.languages]
        costs = {stage: seconds * len(self.corpora) for stage, seconds in SECONDS.items()}
        costs[DISTIL] = self._epoch_tokens() * settings.distillation.epochs / TOKENS_A_SECOND
        costs[MEASURE] = MEASURE_SECONDS * len(self.corpora)
        self.tracker = ProgressTracker(monitor, costs)

    def run(self) -> Built:
        """Run the unfinished stages."""
        tokenizer = self._tokenizer()
        teacher = self._teacher()
        alignments = self._alignments(tokenizer)
        rows, trainable = self._initial_rows(tokenizer, alignments)
        return self._distil(tokenizer, teacher, alignments, (rows, trainable))

    @cached_property
    def english(self) -> list[str]:
        """All distinct English sentences."""
        return list(dict.fromkeys(pair.english for corpus in self.corpora for pair in corpus.train))

    @cached_property
    def english_pieces(self) -> list[list[int]]:
        """Token ids of the English sentences from the base's tokenizer."""
        base_tokenizer = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
        base_tokenizer.no_padding()
        base_tokenizer.no_truncation()
        return _token_ids(base_tokenizer, self.english)

    def _epoch_tokens(self) -> int:
        """Return the approximate number of tokens of an epoch, at three characters per token."""
        return sum(len(pair.target) // 3 + 2 for corpus in self.corpora for pair in corpus.train)

    def _tokenizer(self) -> Tokenizer:
        path = self._folder / "tokenizer.json"
        self.tracker.begin(PIECES, len(self.corpora))
        if not path.exists():
            pieces_of = {}
            for step, corpus in enumerate(self.corpora, start=1):
                texts = [pair.target for pair in corpus.train]
                pieces_of[corpus.language] = learn_pieces(
                    texts, language=corpus.language, size=self._settings.pieces
                )
                self.tracker.step(step)
            with atomic_file(path) as temporary:
                build_tokenizer(base_vocabulary(), pieces_of).save(str(temporary))
        return Tokenizer.from_file(str(path))

    def _teacher(self) -> TeacherStates:
        path = self._folder / "teacher.npz"
        self.tracker.begin(TEACHER, len(self.english))
        if not path.exists():
            teacher_states(base_model(), self.english_pieces, report=self.tracker.step).save(path)
        return TeacherStates.load(path)

    def _alignments(self, tokenizer: Tokenizer) -> dict[str, list[Example]]:
        """Return the sentences of each language with their squared alignments."""
        number = {sentence: index for index, sentence in enumerate(self.english)}
        self.tracker.begin(ALIGN, len(self.corpora))
        examples: dict[str, list[Example]] = {}
        for step, corpus in enumerate(self.corpora, start=1):
            english = [number[pair.english] for pair in corpus.train]
            target = _token_ids(tokenizer, [pair.target for pair in corpus.train])
            matrices = align([self.english_pieces[index] for index in english], target)
            examples[corpus.language] = [
                Example(pieces, index, np.square(matrix))
                for pieces, index, matrix in zip(target, english, matrices, strict=True)
            ]
            self.tracker.step(step)
        return examples

    def _initial_rows(
        self, tokenizer: Tokenizer, alignments: dict[str, list[Example]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        path = self._folder / "rows.safetensors"
        self.tracker.begin(ROWS, len(alignments))
        if not path.exists():
            base = base_model().get_parameter("embeddings.word_embeddings.weight").detach().numpy()
            evidence = Evidence(tokenizer.get_vocab_size(), len(base))
            evidence.add_english(_token_ids(tokenizer, self.english))
            for step, examples in enumerate(alignments.values(), start=1):
                evidence.add_language(self.english_pieces, examples)
                self.tracker.step(step)
            initial = initial_rows(base, evidence, seed=self._settings.seed)
            trainable = initial.trainable.astype(np.uint8)
            with atomic_file(path) as temporary:
                save_file({"rows": initial.embeddings, "trainable": trainable}, temporary)
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
            Example(pieces, index, np.eye(len(pieces), dtype=np.float32) if pieces == base_ids else None)
            for index, (pieces, base_ids) in enumerate(
                zip(_token_ids(tokenizer, self.english), self.english_pieces, strict=True)
            )
        ]
        batches_of_epoch = partial(epoch, translations, english, settings, seed=self._settings.seed)
        steps = max(1, round(len(batches_of_epoch(number=0)) * settings.epochs / PARTS))
        student = Distillation(base_model(), start[0], start[1], teacher, settings, steps)
        path = self._folder / "student.safetensors"
        if path.exists():
            student.restore(load_file(path))
        self.tracker.begin(DISTIL, student.steps)

        def report(step: int, losses: Mapping[str, float]) -> None:
            if step % SAVE_EVERY == 0 or step == student.steps:
                with atomic_file(path) as temporary:
                    save_file(student.state(), temporary)
            self.tracker.step(step, losses)

        batches = chain.from_iterable(batches_of_epoch(number=number) for number in count())
        student.train(batches, report)
        return Built(tokenizer, student.rows.detach().numpy(), start[1], student.body())


def _token_ids(tokenizer: Tokenizer, sentences: Sequence[str]) -> list[list[int]]:
    """Return the token ids of sentences without special tokens, truncated to the base's maximum length."""
    encodings = tokenizer.encode_batch(list(sentences), add_special_tokens=False)
    return [encoding.ids[:LONGEST] for encoding in encodings]


def _check_settings(path: Path, settings: BuildSettings) -> None:
    """Write the settings to a new folder, or check that they equal those of an earlier start."""
    document = json.dumps(asdict(settings), indent=1)
    if not path.exists():
        write_atomically(path, document.encode())
    elif path.read_text(encoding="utf-8") != document:
        raise Conflict(
            f"{path.parent} holds a build with other settings (settings.json); take another folder"
        )
