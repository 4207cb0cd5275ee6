"""What a checkpoint's file of weights says of its heads, where its checksum covers it."""

import json
from collections.abc import Sequence
from typing import Final

WEIGHTS: Final = "model.safetensors"

INTENT_HEAD: Final = "intent_head.weight"
SLOT_HEAD: Final = "slot_head.weight"


def labels_metadata(intents: Sequence[str], slots: Sequence[str]) -> dict[str, str]:
    """Return what the rows of the heads stand for, as the file's metadata.

    One entry only: safetensors writes several in any order, and equal models would differ in bytes.
    """
    return {"labels": json.dumps({"intents": intents, "slots": slots})}


def head_rows(intents: Sequence[str], slots: Sequence[str]) -> dict[str, int]:
    """Return how many rows each head has: one for an intent, two for a slot type and one for no slot."""
    return {INTENT_HEAD: len(intents), SLOT_HEAD: 1 + 2 * len(slots)} if intents else {}
