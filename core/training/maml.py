"""learn2learn's MAML, imported without the parts of its package that cannot be.

`import learn2learn` needs gym, torchvision and more, for parts not used here. Under package modules
that hold nothing but their folders, `learn2learn.algorithms.maml` imports on its own.
"""

import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn


@cache
def _maml_class() -> Any:  # noqa: ANN401 - learn2learn has no types
    """Return learn2learn's `MAML` class."""
    found = importlib.util.find_spec("learn2learn")
    if found is None or not found.submodule_search_locations:
        raise ImportError("learn2learn is not installed; `make install` does it")
    folder = Path(next(iter(found.submodule_search_locations)))
    for name, path in {"learn2learn": folder, "learn2learn.algorithms": folder / "algorithms"}.items():
        bare = ModuleType(name)
        bare.__path__ = [str(path)]
        sys.modules.setdefault(name, bare)
    return importlib.import_module("learn2learn.algorithms.maml").MAML


def wrap(model: nn.Module, *, inner_lr: float, first_order: bool) -> Any:  # noqa: ANN401
    """Wrap a model in learn2learn's MAML.

    Args:
        model: Its trainable tensors are what the inner loop changes, in clones.
        inner_lr: α.
        first_order: Whether the outer gradient passes over the inner loop's own derivative.
    """
    # Without both options `adapt` swallows the RuntimeError of a frozen or unused tensor and goes on.
    return _maml_class()(model, lr=inner_lr, first_order=first_order, allow_nograd=True, allow_unused=True)
