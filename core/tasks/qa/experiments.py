"""Experiments of the task qa: TyDiQA-GoldP (Clark et al. 2020), and the samples."""

from typing import Final

from core.tasks.experiment_spec import PAPER_EPISODES, ExperimentSpec, Layout

EXPERIMENTS: Final = ExperimentSpec(
    layouts=(
        Layout(
            name="published",
            source="tydiqa-goldp/train/en.json",
            source_evaluation="tydiqa-goldp/dev/en.json",
            few_shot="tydiqa-goldp/train/XX.json",
            evaluation="tydiqa-goldp/dev/XX.json",
            share=0.1,
            dev_share=0.3,
        ),
        Layout(
            name="samples",
            source="qa/en.json",
            source_evaluation="qa/en.held-out.json",
            few_shot="qa/XX.few-shot.json",
            evaluation="qa/XX.held-out.json",
        ),
    ),
    seeds=(42, 44, 40, 163),
    shots_unit="in all",
    paper={
        "fine_tune": {"encoder_lr": 3e-5, "heads_lr": 3e-5, "batch_size": 8},
        "meta": {**PAPER_EPISODES, "inner_lr": 3e-5, "outer_lr": 3e-5, "heads_outer_lr": 3e-5},
    },
    paper_base={"encoder_lr": 3e-5, "heads_lr": 3e-5, "batch_size": 8, "epochs": 5.0},
    paper_base_warmup_steps=500,
)
