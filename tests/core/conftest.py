from pathlib import Path

import pytest
import torch
from hypothesis import settings

from core.contracts.hyperparameters import FineTuneSettings
from core.tasks.mtod.learner import MtodLearner
from core.training.finetune import fine_tune
from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder, tiny_learner
from tests.core.training.toys import silent_tracker

# No deadline: on a busy machine an example may take longer.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT with the vocabulary of the tests' utterances; read-only."""
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder"), "bert", texts_of(english(), spanish()))


@pytest.fixture(scope="session")
def trained_learner(bert_folder: Path) -> MtodLearner:
    """A learner that has memorised the English utterances; read-only.

    It trains for twice as long as any seed needed, because another processor rounds differently.
    """
    learner = tiny_learner(bert_folder, english())
    settings = FineTuneSettings(epochs=120, batch_size=10, min_steps=1, encoder_lr=2e-3, heads_lr=1e-2)
    fine_tune(learner, learner.features(english()), settings, seed=1, tracker=silent_tracker("fine-tune"))
    return learner


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Use one thread, so that sums are added in the same order and results are equal bit by bit."""
    torch.set_num_threads(1)
