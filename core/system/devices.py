"""Which device computes."""

import torch

from core.errors import Fault, InvalidInput


def resolve_device(name: str) -> str:
    """Return a torch device string.

    Args:
        name: ``auto`` takes a GPU where there is one; anything else is torch's own name.

    Raises:
        InvalidInput: There is no such device here.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        # Computed and brought back, because the device "meta" holds no numbers.
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:
        raise InvalidInput([Fault("/device", f"{name!r} cannot be used here: {error}")]) from error
    return name
