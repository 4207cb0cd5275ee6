"""The description of a task's experiments: where its data lies, the paper's seeds and hyperparameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LANGUAGE: Final = "XX"
"""Placeholder for a language tag in a file name."""

NestedSettings = Mapping[str, Any]
"""Settings by name; those of a nested model are in a nested mapping."""

META_BATCH: Final = 4

EPISODES: Final = 2500
"""Number of episodes in each stage, as in the paper."""

PAPER_EPISODES: Final[NestedSettings] = {
    "inner_steps": 5,
    "k_shot": 6,
    "q_shot": 6,
    "meta_batch_size": META_BATCH,
    "meta_train_steps": EPISODES // META_BATCH,
    "meta_adapt_steps": EPISODES // META_BATCH,
}
"""Meta-learning settings of the paper that all tasks share."""


@dataclass(frozen=True, slots=True)
class Layout:
    """File names of a task, relative to the data folder.

    Attributes:
        name: Name of the layout.
        source: Training data of the base.
        source_evaluation: Evaluation data of the base.
        few_shot: Few-shot data of an adaptation.
        evaluation: Evaluation data of an adaptation.
        share: Share of the rows of `few_shot` that is used as few-shot data.
        dev_share: Share of the contexts of `evaluation` that is used as few-shot data if a language has no
            `few_shot` file; None if every language must have one.
    """

    name: str
    source: str
    source_evaluation: str
    few_shot: str
    evaluation: str
    share: float = 1.0
    dev_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSpec:
    """What the experiment runner knows of a task.

    Attributes:
        layouts: Layouts of the data, in the order in which they are tried.
        seeds: Default seeds; the paper's where it has some.
        shots_unit: What a number of shots is counted by, for people.
        paper: Hyperparameters of an adaptation in the paper.
        paper_base: Settings of the base in the paper.
        paper_base_warmup_steps: Warm-up of the base in the paper, if it is given in steps.
    """

    layouts: tuple[Layout, ...] = ()
    seeds: tuple[int, ...] = (42, 35, 119, 40)
    shots_unit: str = "in all"
    paper: NestedSettings = field(default_factory=dict)
    paper_base: NestedSettings = field(default_factory=dict)
    paper_base_warmup_steps: int | None = None
