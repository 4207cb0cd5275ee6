"""What a build is told: known without torch, for the command line says the defaults."""

from dataclasses import dataclass, field

from core.encoders.embedded.corpus import LANGUAGES


@dataclass(frozen=True, slots=True)
class DistillationSettings:
    """How rows, and maybe the body, are trained.

    Attributes:
        epochs: Passes over all pairs; a fraction is allowed.
        rows_lr: Peak rate of the rows (SparseAdam).
        body_lr: Peak rate of the encoder's layers (AdamW); 0 leaves them as they are.
        batch_tokens: Tokens in a batch, padding included; a step takes `PARTS` batches.
        token_weight: Weight of the token loss beside the sentence loss.
        english: English sentences under the new tokenizer, an epoch.
        warmup_steps: Steps in which the rate rises; then it falls to a fiftieth.
    """

    epochs: float = 1.5
    rows_lr: float = 2e-3
    body_lr: float = 1.5e-4
    batch_tokens: int = 900
    token_weight: float = 0.5
    english: int = 12_000
    warmup_steps: int = 50


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What is built.

    Attributes:
        languages: Beside English.
        pieces: New pieces a language, about.
        seed: What all chance comes from.
        distillation: How the rows are trained.
    """

    languages: tuple[str, ...] = LANGUAGES
    pieces: int = 3800
    seed: int = 42
    distillation: DistillationSettings = field(default_factory=DistillationSettings)
