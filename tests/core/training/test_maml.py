import importlib.util
import sys

import pytest
import torch
from torch import Tensor, nn

from core.training import maml


class Scaled(nn.Module):
    """Loss w · x, with a frozen and an unused parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(1))
        self.w = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return (self.w * x * self.frozen).sum()


def test_maml_import_skips_other_learn2learn_modules() -> None:
    maml.wrap(Scaled(), inner_lr=0.1, first_order=True)
    imported = {name for name in sys.modules if name.startswith("learn2learn.")}
    assert "learn2learn.algorithms.maml" in imported
    assert not {"learn2learn.vision", "learn2learn.gym", "learn2learn.data"} & imported


def test_maml_import_names_the_remedy_when_learn2learn_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"learn2learn is not installed.*make install"):
        maml._maml_class.__wrapped__()


@pytest.mark.parametrize("first_order", [True, False])
def test_maml_clone_takes_a_step_without_changing_the_model(first_order: bool) -> None:
    model = Scaled()
    clone = maml.wrap(model, inner_lr=0.1, first_order=first_order).clone()
    clone.adapt(clone(torch.tensor([3.0])))
    assert clone.module.w.item() == pytest.approx(1.0 - 0.1 * 3.0)
    assert model.w.item() == 1.0


def test_maml_clone_skips_frozen_and_unused_parameters() -> None:
    clone = maml.wrap(Scaled(), inner_lr=0.1, first_order=True).clone()
    clone.adapt(clone(torch.tensor([3.0])))
    assert clone.module.frozen.item() == clone.module.unused.item() == 1.0
    assert clone.module.w.item() != 1.0
