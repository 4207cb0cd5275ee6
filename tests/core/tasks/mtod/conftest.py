from collections.abc import Callable
from functools import cache

import pytest

from core.tasks.mtod.features import Featurizer
from tests.core.tasks.mtod.writing_systems import script_encoder


@pytest.fixture(scope="session")
def featurizer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Featurizer]:
    """Return the featurizer of a tokenizer named in `writing_systems.TOKENIZERS`; each is built once."""

    @cache
    def build(name: str) -> Featurizer:
        return Featurizer(script_encoder(name, tmp_path_factory.mktemp(name)))

    return build
