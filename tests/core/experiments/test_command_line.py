"""Command lines that reproduce experiments."""

from typing import Any

from core.experiments.command_line import command
from core.experiments.grid import Experiment


def experiment(**changes: Any) -> Experiment:
    fields: dict[str, Any] = {"task": "mtod", "languages": ("es", "th"), "seeds": (42, 35)}
    return Experiment.model_validate(fields | changes)


def test_command_omits_default_options() -> None:
    assert command(experiment()) == (
        "xmetra experiment mtod --data DIR --languages 'es th' --methods all --seeds '42 35' --out DIR"
    )


def test_command_includes_every_changed_option() -> None:
    line = command(
        experiment(
            methods=("ft",),
            shots=(1, 3),
            draws=2,
            shares=(0.1, 1),
            trainable=("heads",),
            schedules=("interleaved",),
            encoder="embedded-en",
            preset="paper",
            settings={"tune": False, "meta": {"inner_steps": 3}},
            base_settings={"epochs": 2.5},
        )
    )
    for option in (
        "--methods ft",
        "--encoder embedded-en",
        "--shots '1 3'",
        "--draws 2",
        "--downsample '0.1 1'",
        "--trainable heads",
        "--schedule interleaved",
        "--preset paper",
        "--set tune=false",
        "--set meta.inner_steps=3",
        "--set-base epochs=2.5",
    ):
        assert f" {option} " in line
