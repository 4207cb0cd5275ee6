"""Import of learn2learn's MAML without the dependencies of the rest of the package.

`import learn2learn` needs gym, torchvision and more, for parts not used here. With empty package modules that
only have a search path, `learn2learn.algorithms.maml` can be imported alone.
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
    spec = importlib.util.find_spec("learn2learn")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("learn2learn is not installed; run `make install`")
    folder = Path(next(iter(spec.submodule_search_locations)))
    for name, path in {"learn2learn": folder, "learn2learn.algorithms": folder / "algorithms"}.items():
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules.setdefault(name, package)
    return importlib.import_module("learn2learn.algorithms.maml").MAML


def wrap(model: nn.Module, *, inner_lr: float, first_order: bool) -> Any:  # noqa: ANN401
    """Wrap a model in learn2learn's MAML.

    Args:
        model: The inner loop updates clones of its trainable parameters.
        inner_lr: α.
        first_order: Whether the outer gradient ignores the derivative of the inner loop.
    """
    # Without both options `adapt` swallows the RuntimeError of a frozen or unused parameter and goes on.
    return _maml_class()(model, lr=inner_lr, first_order=first_order, allow_nograd=True, allow_unused=True)
