"""From a finished build to the folder that ships, measured as it will be used."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from core.encoders.embedded.artifact import Student, read_artifact, write_artifact
from core.encoders.embedded.assembly import assembled
from core.encoders.embedded.build import MEASURE, Built
from core.encoders.embedded.build_settings import BuildSettings
from core.encoders.embedded.corpus import Corpus
from core.encoders.embedded.model_card import model_card
from core.encoders.embedded.retrieval import Retrieval, measure_retrieval
from core.progress import ProgressTracker


def publish(
    built: Built, corpora: Sequence[Corpus], settings: BuildSettings, folder: Path, tracker: ProgressTracker
) -> dict[str, Retrieval]:
    """Write the artifact; a folder that is there already is replaced as a whole.

    Returns:
        Language → retrieval of the rows as they ship, on the held-out sentences.
    """
    numbers = np.flatnonzero(built.trainable)
    languages = tuple(corpus.language for corpus in corpora)
    student = Student(numbers, built.rows[numbers], len(built.rows), built.body, languages)
    partial = folder.with_name("partial." + folder.name)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_artifact(partial, student, tokenizer=built.tokenizer.to_str(), card="")
    measured = _measured(partial, built.tokenizer, corpora, tracker)
    write_artifact(partial, student, tokenizer=built.tokenizer.to_str(), card=model_card(settings, measured))
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return measured


def _measured(
    folder: Path, tokenizer: Tokenizer, corpora: Sequence[Corpus], tracker: ProgressTracker
) -> dict[str, Retrieval]:
    """Measure what was written, not what it was written from."""
    model = assembled(read_artifact(folder))
    tracker.begin(MEASURE, len(corpora))
    measured = {}
    for step, corpus in enumerate(corpora, start=1):
        measured[corpus.language] = measure_retrieval(model, tokenizer, corpus.held_out)
        tracker.step(step)
    return measured
