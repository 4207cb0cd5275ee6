"""Parameter groups of a network: pre-trained tensors, and tensors that were initialised at random."""

from torch import nn

ADAPTER_MARK = "lora_"
"""Part of the names of tensors that peft adds to an encoder."""


def pretrained_parameters(encoder: nn.Module) -> list[nn.Parameter]:
    """Return the trainable pre-trained tensors of an encoder, which need small learning rates."""
    return [p for name, p in encoder.named_parameters() if p.requires_grad and ADAPTER_MARK not in name]


def new_parameters(network: nn.Module, encoder: nn.Module) -> list[nn.Parameter]:
    """Return the trainable tensors of heads and adapters, which need larger learning rates."""
    pretrained = {id(p) for p in pretrained_parameters(encoder)}
    return [p for p in network.parameters() if p.requires_grad and id(p) not in pretrained]
