"""Selection of the torch device."""

import torch

from core.errors import Fault, InvalidInput


def resolve_device(name: str) -> str:
    """Return a torch device string, after checking that the device can compute.

    Args:
        name: A torch device, or ``auto`` for a GPU if available, else the CPU.

    Raises:
        InvalidInput: The device is not available.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        # The value is copied back, because the device "meta" accepts tensors but has no values.
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:
        raise InvalidInput([Fault("/device", f"{name!r} cannot be used here: {error}")]) from error
    return name
