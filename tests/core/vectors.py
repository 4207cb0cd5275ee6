"""Sentence vectors from plain Hugging Face classes."""

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase


def mean_states(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> torch.Tensor:
    """Return the unit mean of each text's last-layer states: [texts, width]."""
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = model.eval()(**batch).last_hidden_state  # [texts, tokens, width]
    mask = batch["attention_mask"].unsqueeze(2)  # [texts, tokens, 1]
    return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
