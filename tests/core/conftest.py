from pathlib import Path

import pytest
import torch
from hypothesis import settings

from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder

# A busy machine is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT whose vocabulary is made of the tests' own utterances; never written to."""
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder"), "bert", texts_of(english(), spanish()))


@pytest.fixture
def one_thread() -> None:
    """Sums in one order: what is compared to the last bit must not depend on the machine's cores."""
    torch.set_num_threads(1)
