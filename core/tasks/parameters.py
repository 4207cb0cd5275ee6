"""The tensors of a network that learn, parted by how fast they may move."""

from torch import nn

ADAPTER_MARK = "lora_"
"""In the names of tensors that peft adds to an encoder."""


def pretrained_parameters(encoder: nn.Module) -> list[nn.Parameter]:
    """Return the encoder's own tensors that learn: small rates."""
    return [p for name, p in encoder.named_parameters() if p.requires_grad and ADAPTER_MARK not in name]


def new_parameters(network: nn.Module, encoder: nn.Module) -> list[nn.Parameter]:
    """Return the network's tensors that learn and began at random, heads and adapters: larger rates."""
    old = {id(p) for p in pretrained_parameters(encoder)}
    return [p for p in network.parameters() if p.requires_grad and id(p) not in old]
