"""Which device computes, and what is said of one that is not here."""

import pytest
import torch

from core.errors import InvalidInput
from core.system.devices import resolve_device

HAS_GPU = torch.cuda.is_available()


def test_the_cpu_is_always_there() -> None:
    assert resolve_device("cpu") == "cpu"


def test_auto_takes_a_gpu_where_there_is_one() -> None:
    assert resolve_device("auto") == ("cuda" if HAS_GPU else "cpu")


@pytest.mark.parametrize("name", ["", "gpu", "CPU ", "cuda:999", "../cpu", "meta"])
def test_a_device_that_cannot_compute_here_is_told_by_name(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be used here") as refused:
        resolve_device(name)

    assert refused.value.faults[0].pointer == "/device"
    assert repr(name) in refused.value.faults[0].detail


@pytest.mark.skipif(HAS_GPU, reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_told() -> None:
    with pytest.raises(InvalidInput, match="'cuda' cannot be used here"):
        resolve_device("cuda")
