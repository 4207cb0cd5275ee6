"""Settings of a build. Torch-free, because the command line shows the defaults."""

from dataclasses import dataclass, field

from core.encoders.embedded.corpus import LANGUAGES


@dataclass(frozen=True, slots=True)
class DistillationSettings:
    """Settings of the training of rows and, optionally, of the encoder's layers.

    Attributes:
        epochs: Passes over all pairs; may be fractional.
        rows_lr: Peak learning rate of the rows (SparseAdam).
        body_lr: Peak learning rate of the encoder's layers (AdamW); 0 to freeze them.
        batch_tokens: Number of tokens in a batch, padding included; a step has `PARTS` batches.
        token_weight: Weight of the token loss relative to the sentence loss.
        english: Number of English sentences per epoch, with the new tokenizer.
        warmup_steps: Steps in which the learning rate rises; then it falls to a fiftieth.
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
    """Settings of a build.

    Attributes:
        languages: Languages other than English.
        pieces: Approximate number of new vocabulary entries per language.
        seed: Random seed.
        distillation: Settings of the training.
    """

    languages: tuple[str, ...] = LANGUAGES
    pieces: int = 3800
    seed: int = 42
    distillation: DistillationSettings = field(default_factory=DistillationSettings)
