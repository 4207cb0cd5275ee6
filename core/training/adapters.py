"""Which of an encoder's tensors learn: all, none, or low-rank matrices beside them (Hu et al. 2021)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from core.contracts.values import Trainable

if TYPE_CHECKING:
    from peft import LoraConfig

RANK: Final = 8
"""Of the matrices; what the LoRA paper found enough for most tasks."""

SCALE: Final = 2
"""The product of the matrices counts this many times."""


def set_trainable(encoder: nn.Module, trainable: Trainable, *, seed: int) -> None:
    """Let only some of an encoder's tensors learn.

    Args:
        encoder: Changed in place.
        trainable: Which.
        seed: Of the adapters' first weights.
    """
    if trainable is Trainable.ALL:
        return
    encoder.requires_grad_(requires_grad=False)
    if trainable is Trainable.LORA:
        torch.manual_seed(seed)
        _inject(encoder, _new_config(encoder))


def adapters_of(encoder: nn.Module) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return an encoder's adapters as peft keeps them: configuration and tensors."""
    from peft import get_peft_model_state_dict  # noqa: PLC0415  seconds, which most jobs spare

    config: dict[str, Any] = encoder.peft_config["default"].to_dict()  # type: ignore[index, union-attr]
    config["target_modules"] = sorted(config["target_modules"])  # a set: equal adapters give equal files
    return config, get_peft_model_state_dict(encoder)


def attach(encoder: nn.Module, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Give an encoder the adapters that `adapters_of` returned of its like.

    Raises:
        ValueError: The tensors are not those of the configuration.
    """
    from peft import LoraConfig, set_peft_model_state_dict  # noqa: PLC0415  seconds

    _inject(encoder, LoraConfig(**config))
    found: Any = set_peft_model_state_dict(encoder, dict(tensors))  # a named tuple without a type
    missing = [name for name in found.missing_keys if "lora_" in name]
    if missing or found.unexpected_keys:
        raise ValueError(f"adapters without {missing}, and with unknown {found.unexpected_keys}")


def merge(encoder: nn.Module) -> None:
    """Add the adapters' products to the tensors beside which they stand, and take them away."""
    from peft.tuners.tuners_utils import BaseTunerLayer  # noqa: PLC0415  seconds

    for name, module in list(encoder.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, leaf = name.rpartition(".")
            setattr(encoder.get_submodule(parent), leaf, module.get_base_layer())
    del encoder.peft_config


def _new_config(encoder: nn.Module) -> "LoraConfig":
    from peft import LoraConfig  # noqa: PLC0415  seconds

    linear = [name for name, module in encoder.named_modules() if isinstance(module, nn.Linear)]
    return LoraConfig(r=RANK, lora_alpha=SCALE * RANK, target_modules=linear)


def _inject(encoder: nn.Module, config: "LoraConfig") -> None:
    from peft import inject_adapter_in_model  # noqa: PLC0415  seconds

    inject_adapter_in_model(config, encoder)
