"""A job from its request to a published checkpoint."""

from core.pipeline.entry import Outcome, run

__all__ = ["Outcome", "run"]
