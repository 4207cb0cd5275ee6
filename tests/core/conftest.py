from pathlib import Path

import pytest
import torch
from hypothesis import settings

from core.contracts.hyperparameters import FineTuneSettings
from core.tasks.mtod.learner import MtodLearner
from core.training.finetune import fine_tune
from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder, tiny_learner
from tests.core.training.toys import silent_tracker

# A busy machine is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT whose vocabulary is made of the tests' own utterances; never written to."""
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder"), "bert", texts_of(english(), spanish()))


@pytest.fixture(scope="session")
def taught(bert_folder: Path) -> MtodLearner:
    """A learner that has learnt the English utterances by heart; never trained further.

    It trains for twice as long as any seed was seen to need: another processor rounds differently.
    """
    learner = tiny_learner(bert_folder, english())
    settings = FineTuneSettings(epochs=120, batch_size=10, min_steps=1, encoder_lr=2e-3, heads_lr=1e-2)
    fine_tune(learner, learner.features(english()), settings, seed=1, tracker=silent_tracker("fine-tune"))
    return learner


@pytest.fixture
def one_thread() -> None:
    """Sums in one order: what is compared to the last bit must not depend on the machine's cores."""
    torch.set_num_threads(1)
