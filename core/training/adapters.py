"""Selection of the encoder tensors that are trained: all, none, or LoRA adapters (Hu et al. 2021)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from core.contracts.values import Trainable

if TYPE_CHECKING:
    from peft import LoraConfig

RANK: Final = 8
"""Rank of the adapter matrices; enough for most tasks according to the LoRA paper."""

SCALE: Final = 2
"""Scaling of the adapters' product, alpha / rank."""


def set_trainable(encoder: nn.Module, trainable: Trainable, *, seed: int) -> None:
    """Freeze all tensors of an encoder except those to be trained.

    Args:
        encoder: Changed in place.
        trainable: The tensors to train; low-rank adapters are injected for LoRA.
        seed: Seed of the adapters' initial weights.
    """
    if trainable is Trainable.ALL:
        return
    encoder.requires_grad_(requires_grad=False)
    if trainable is Trainable.LORA:
        torch.manual_seed(seed)
        _inject(encoder, _new_config(encoder))


def adapter_state(encoder: nn.Module) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the configuration and the tensors of an encoder's adapters in peft's format."""
    from peft import get_peft_model_state_dict  # noqa: PLC0415  seconds, which most jobs save

    config: dict[str, Any] = encoder.peft_config["default"].to_dict()  # type: ignore[index, union-attr]
    config["target_modules"] = sorted(config["target_modules"])  # a set: equal adapters give equal files
    return config, get_peft_model_state_dict(encoder)


def load_adapters(encoder: nn.Module, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Inject adapters into an encoder and load their weights.

    Args:
        encoder: Of the same architecture as the one the adapters come from; changed in place.
        config: The configuration from `adapter_state`.
        tensors: The tensors from `adapter_state`.

    Raises:
        ValueError: The tensors do not match the configuration.
    """
    from peft import LoraConfig, set_peft_model_state_dict  # noqa: PLC0415  seconds

    _inject(encoder, LoraConfig(**config))
    load_result: Any = set_peft_model_state_dict(encoder, dict(tensors))  # a named tuple without a type
    missing = [name for name in load_result.missing_keys if "lora_" in name]
    if missing or load_result.unexpected_keys:
        raise ValueError(f"adapters without {missing}, and with unknown {load_result.unexpected_keys}")


def merge_adapters(encoder: nn.Module) -> None:
    """Add the adapters' products to the base weights, and remove the adapters."""
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
