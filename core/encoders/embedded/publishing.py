"""Writing of a finished build as an artifact, with an evaluation of the stored weights."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from core.encoders.embedded.artifact import Student, read_artifact, write_artifact
from core.encoders.embedded.assembly import assemble_student
from core.encoders.embedded.build import MEASURE, Built
from core.encoders.embedded.build_settings import BuildSettings
from core.encoders.embedded.corpus import Corpus
from core.encoders.embedded.model_card import model_card
from core.encoders.embedded.retrieval import Retrieval, measure_retrieval
from core.progress import ProgressTracker


def publish(
    built: Built, corpora: Sequence[Corpus], settings: BuildSettings, folder: Path, tracker: ProgressTracker
) -> dict[str, Retrieval]:
    """Write the artifact; an existing folder is replaced.

    Args:
        built: The finished build.
        corpora: Parallel text of each language, for the evaluation.
        settings: Settings of the build, for the model card.
        folder: Folder of the artifact.
        tracker: Receives the progress of the evaluation.

    Returns:
        Language → retrieval of the stored student on held-out sentences.
    """
    numbers = np.flatnonzero(built.trainable)
    languages = tuple(corpus.language for corpus in corpora)
    student = Student(numbers, built.rows[numbers], len(built.rows), built.body, languages)
    partial = folder.with_name("partial." + folder.name)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_artifact(partial, student, tokenizer=built.tokenizer.to_str(), card="")
    results = _evaluate(partial, built.tokenizer, corpora, tracker)
    write_artifact(partial, student, tokenizer=built.tokenizer.to_str(), card=model_card(settings, results))
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return results


def _evaluate(
    folder: Path, tokenizer: Tokenizer, corpora: Sequence[Corpus], tracker: ProgressTracker
) -> dict[str, Retrieval]:
    """Evaluate the stored student, whose rows are quantised."""
    model = assemble_student(read_artifact(folder))
    tracker.begin(MEASURE, len(corpora))
    results = {}
    for step, corpus in enumerate(corpora, start=1):
        results[corpus.language] = measure_retrieval(model, tokenizer, corpus.held_out)
        tracker.step(step)
    return results
