"""The commands of ``xmetra``, without their code."""

from typing import Final

from app.cli.lazy_group import CommandEntry
from app.cli.multi_value_options import MultiValueCommand

SERVICE: Final = "Run the service"
TRAINING: Final = "Train models"
MODELS: Final = "Use models"
RESEARCH: Final = "Experiments and encoders"

COMMANDS: Final = (
    CommandEntry(
        name="up",
        panel=SERVICE,
        summary="Start the whole service on this machine: Redis, one worker and the API.",
        target="app.cli.commands.up:up",
    ),
    CommandEntry(
        name="serve",
        panel=SERVICE,
        summary="Start the API; it needs Redis, and a worker that uses the same store.",
        target="app.cli.commands.serve:serve",
    ),
    CommandEntry(
        name="worker",
        panel=SERVICE,
        summary="Start a worker, which trains models; run one for each device.",
        target="app.cli.commands.worker:worker",
    ),
    CommandEntry(
        name="demo",
        panel=SERVICE,
        summary="Adapt a new service to Spanish, Thai and Swahili samples, and show its predictions.",
        target="app.cli.commands.demo:demo",
    ),
    CommandEntry(
        name="keys",
        panel=SERVICE,
        summary="Create, list and revoke the API keys of a service.",
        target="app.cli.commands.keys:application",
    ),
    CommandEntry(
        name="pretrain",
        panel=TRAINING,
        summary="Train a base on examples of the source language; every adaptation starts from a base.",
        target="app.cli.commands.train:pretrain",
    ),
    CommandEntry(
        name="adapt",
        panel=TRAINING,
        summary="Adapt the base to a language with a few labelled utterances or answered questions.",
        target="app.cli.commands.train:adapt",
    ),
    CommandEntry(
        name="first-base",
        panel=TRAINING,
        summary="Train a base on the samples if the service has none.",
        target="app.cli.commands.first_base:first_base",
    ),
    CommandEntry(
        name="jobs",
        panel=TRAINING,
        summary="List, show, watch and cancel jobs.",
        target="app.cli.commands.jobs:application",
    ),
    CommandEntry(
        name="predict",
        panel=MODELS,
        summary="Predict the intent and slots of utterances.",
        target="app.cli.commands.predict:predict",
    ),
    CommandEntry(
        name="ask",
        panel=MODELS,
        summary="Answer questions on a text.",
        target="app.cli.commands.ask:ask",
    ),
    CommandEntry(
        name="evaluate",
        panel=MODELS,
        summary="Measure a model on labelled utterances, or on questions with their answers.",
        target="app.cli.commands.predict:evaluate",
    ),
    CommandEntry(
        name="models",
        panel=MODELS,
        summary="List, deploy, roll back, export, import and delete models.",
        target="app.cli.commands.models:application",
    ),
    CommandEntry(
        name="experiment",
        panel=RESEARCH,
        summary="Run the paper's experiment on a data set: every method in every language with every seed.",
        target="app.cli.commands.experiment:experiment",
        command_class=MultiValueCommand,
    ),
    CommandEntry(
        name="encoder",
        panel=RESEARCH,
        summary="Build the embedded multilingual encoder.",
        target="app.cli.commands.encoder:application",
    ),
)
"""Commands in the order of the help page.

A summary is the first line of the docstring of the command, or of the help of its `typer.Typer`.
"""
