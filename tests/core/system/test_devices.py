"""Selection of the torch device."""

import pytest
import torch

from core.errors import InvalidInput
from core.system.devices import resolve_device

HAS_GPU = torch.cuda.is_available()


def test_resolve_device_accepts_the_cpu() -> None:
    assert resolve_device("cpu") == "cpu"


def test_resolve_device_auto_prefers_a_gpu() -> None:
    assert resolve_device("auto") == ("cuda" if HAS_GPU else "cpu")


@pytest.mark.parametrize("name", ["", "gpu", "CPU ", "cuda:999", "../cpu", "meta"])
def test_resolve_device_refuses_a_device_that_cannot_compute(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be used here") as refused:
        resolve_device(name)

    assert refused.value.faults[0].pointer == "/device"
    assert repr(name) in refused.value.faults[0].detail


@pytest.mark.skipif(HAS_GPU, reason="needs a machine without a GPU")
def test_resolve_device_refuses_a_missing_gpu() -> None:
    with pytest.raises(InvalidInput, match="'cuda' cannot be used here"):
        resolve_device("cuda")
