"""Run the demo: start a service, adapt it to languages from a few examples each, and predict in them.

All requests go over HTTP through the public client; only starting and stopping the service is internal.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.cli.demo.scenarios import DemoRun, DemoTask, adapt, demo_tasks, find_base, make_base
from app.cli.rendering.answers import answers_table
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.job_outcome import show_outcome
from app.cli.rendering.tables import predictions_table
from app.cli.service_connection import connect
from app.devstack.stack import Stack
from core.contracts.examples import MtodExample
from core.contracts.qa_examples import QaExample
from core.contracts.values import MTOD, Method, TaskName
from core.formats import read_examples, read_questions
from core.tasks.qa.metrics import best_texts, evaluate_answers
from xmetra_client import Client
from xmetra_client.models import JobView, MtodPredictions, QaPredictions

EXAMPLES_SHOWN: Final = 3
"""Predictions displayed for each language."""

TYPICAL_SLOTS: Final = 2
"""Number of slots that displayed utterances have if possible."""


def run_demo(
    data: Path,
    *,
    samples: Path,
    baselines: Sequence[Method] = (),
    key: str | None = None,
    as_json: bool = False,
) -> None:
    """Start the service, train missing bases, adapt them, print scores and predictions, stop the service.

    Args:
        data: The data folder; bases from an earlier run are reused.
        samples: The folder of the sample files.
        baselines: Methods to train for comparison.
        key: API key; needed if the settings of the service name a file of keys.
        as_json: Print jobs and predictions as JSON instead of tables.

    Raises:
        JobFailed: A pretraining or an adaptation failed or was cancelled.
    """
    tasks = demo_tasks(samples)
    console = messages()
    started_at = time.monotonic()
    with Stack(data) as stack:
        with console.status("starting Redis, a worker and the API"):
            stack.wait_until_ready()
        console.print(f"the service listens at {stack.url}; its data is in {data}/")
        with connect(stack.url, key) as client:
            _run_tasks(client, tasks, baselines=baselines, as_json=as_json)
        console.print("stopping everything", style="dim")
    console.print(f"done in {time.monotonic() - started_at:.0f} seconds", style="dim")


def _run_tasks(
    client: Client, tasks: Sequence[DemoTask], *, baselines: Sequence[Method], as_json: bool
) -> None:
    """Run all adaptations against a running service, then print the predictions."""
    bases = {demo_task.task: _find_or_make_base(client, demo_task) for demo_task in tasks}
    outcomes = [
        adapt_and_predict(
            client, demo_task, run, base_id=bases[demo_task.task], baselines=baselines, as_json=as_json
        )
        for demo_task in tasks
        for run in demo_task.runs
    ]
    if as_json:
        write_json({f"{outcome.task}/{outcome.language}": outcome.as_json() for outcome in outcomes})
        return
    results().print("\n3. POST /predict: predictions for held-out examples")
    for outcome in outcomes:
        outcome.print_table()


def _find_or_make_base(client: Client, demo_task: DemoTask) -> str:
    """Return the checkpoint id of a task's base, and train the base if it does not exist."""
    base_id = find_base(client, demo_task)
    if base_id is None:
        return make_base(client, demo_task, messages())
    messages().print(f"1. reusing the English base {base_id} for {demo_task.name}, trained on the same data")
    return base_id


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """The outcome of one adaptation.

    Attributes:
        task: Name of the task.
        language: BCP-47 tag of the language.
        job: The adaptation job after it ended.
        examples: Held-out examples.
        response: Predictions for the examples.
    """

    task: TaskName
    language: str
    job: JobView
    examples: Sequence[Any]
    response: MtodPredictions | QaPredictions

    def as_json(self) -> dict[str, Any]:
        """Return the job and the predictions."""
        return {"job": self.job.model_dump(mode="json"), "predictions": self.response.model_dump(mode="json")}

    def print_table(self) -> None:
        """Print the predictions and whether each is correct."""
        results().print()
        if isinstance(self.response, QaPredictions):
            print_answers(self.examples, self.response)
        else:
            print_predictions(self.examples, self.response)


def adapt_and_predict(
    client: Client,
    demo_task: DemoTask,
    run: DemoRun,
    *,
    base_id: str,
    baselines: Sequence[Method],
    as_json: bool,
) -> DemoOutcome:
    """Adapt a base to a language, print the scores, and predict a few held-out examples.

    Args:
        client: Connection to the service.
        demo_task: The task and its samples.
        run: The adaptation.
        base_id: Checkpoint id of the base.
        baselines: Methods to train for comparison.
        as_json: Print no scores.

    Raises:
        JobFailed: The adaptation failed or was cancelled.
    """
    language = run.language
    job = adapt(client, demo_task, run, base_id=base_id, baselines=baselines, console=messages())
    if not as_json:
        show_outcome(job, as_json=False)
    held_out = demo_task.held_out(language)
    if demo_task.task == MTOD:
        utterances = select_utterances(read_examples(held_out.read_bytes(), name=held_out.name))
        predictions = client.predict_mtod([example.text for example in utterances], language=language)
        return DemoOutcome(demo_task.task, language, job, utterances, predictions)
    questions = select_questions(read_questions(held_out.read_bytes(), name=held_out.name))
    pairs = [{"question": example.question, "context": example.context} for example in questions]
    answers = client.predict_qa(pairs, language=language, top_k=1)
    return DemoOutcome(demo_task.task, language, job, questions, answers)


def select_utterances(examples: Sequence[MtodExample]) -> list[MtodExample]:
    """Return a few examples of different intents with about two slots each, whatever their order."""
    by_intent: dict[str, MtodExample] = {}
    for example in sorted(
        examples, key=lambda candidate: (abs(len(candidate.slots) - TYPICAL_SLOTS), candidate.text)
    ):
        by_intent.setdefault(example.intent, example)
    return list(by_intent.values())[:EXAMPLES_SHOWN]


def select_questions(examples: Sequence[QaExample]) -> list[QaExample]:
    """Return the first question on each of the first few contexts."""
    by_context: dict[str, QaExample] = {}
    for example in examples:
        by_context.setdefault(example.context, example)
    return list(by_context.values())[:EXAMPLES_SHOWN]


def print_predictions(examples: Sequence[MtodExample], response: MtodPredictions) -> None:
    """Print the predictions for utterances; one is correct if its intent and all its slots are."""
    correct = [
        example.intent == prediction.intent.name
        and {(slot.slot, slot.start, slot.end) for slot in example.slots}
        == {(slot.slot, slot.start, slot.end) for slot in prediction.slots}
        for example, prediction in zip(examples, response.predictions, strict=True)
    ]
    results().print(predictions_table(response.predictions, correct=correct))


def print_answers(examples: Sequence[QaExample], response: QaPredictions) -> None:
    """Print the answers to questions; one is correct if it matches a gold answer exactly."""
    correct = evaluate_answers(examples, best_texts(response.predictions)).exact
    questions = [example.question for example in examples]
    contexts = [example.context for example in examples]
    results().print(answers_table(questions, contexts, response.predictions, correct=correct))
