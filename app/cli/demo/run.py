"""The main job, shown: a service learns languages from a few examples each, and answers in them.

Everything goes over HTTP, as a stranger's own program would do it; only the starting and stopping of
the service is done from inside.
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
from app.client.sync_client import Client
from app.devstack.stack import Stack
from app.schemas.responses import JobView, MtodPredictions, QaPredictions
from core.contracts.examples import MtodExample
from core.contracts.questions import QaExample
from core.contracts.values import Method, TaskName
from core.formats import read_examples, read_questions
from core.tasks.qa.metrics import best_texts, evaluate_answers

SHOWN: Final = 3
USUAL_SLOTS: Final = 2


def run_demo(
    data: Path,
    *,
    samples: Path,
    baselines: Sequence[Method] = (),
    key: str | None = None,
    as_json: bool = False,
) -> None:
    """Start the service, make what bases are missing, adapt them, show what came of it, stop.

    Args:
        data: The data folder; a base made in it before is used again.
        samples: The folder of the sample files.
        baselines: Other methods to train beside, for comparison.
        key: For a service that is told of a file of keys.
        as_json: Print the records of the adaptations and the predictions as JSON instead.

    Raises:
        JobFailed: A base or an adaptation did not succeed.
    """
    taught = demo_tasks(samples)
    console = messages()
    began = time.monotonic()
    with Stack(data) as stack:
        with console.status("starting Redis, a worker and the API"):
            stack.wait_until_ready()
        console.print(f"the service listens at {stack.url}; its data is in {data}/")
        with Client(stack.url, key=key) as client:
            _demonstrate(client, taught, baselines=baselines, as_json=as_json)
        console.print("stopping everything", style="dim")
    console.print(f"done in {time.monotonic() - began:.0f} seconds", style="dim")


def _demonstrate(
    client: Client, taught: Sequence[DemoTask], *, baselines: Sequence[Method], as_json: bool
) -> None:
    """Do the demo against a service that runs."""
    bases = {demo_task.task: _base(client, demo_task) for demo_task in taught}
    lessons = [
        teach(client, demo_task, run, base_id=bases[demo_task.task], baselines=baselines, as_json=as_json)
        for demo_task in taught
        for run in demo_task.courses
    ]
    if as_json:
        write_json({f"{lesson.task.value}/{lesson.language}": lesson.as_json() for lesson in lessons})
        return
    results().print("\n3. POST /predict: held-out examples, as the service now understands them")
    for lesson in lessons:
        lesson.show()


def _base(client: Client, demo_task: DemoTask) -> str:
    """Return the base of a demo_task, made if it is not there."""
    base_id = find_base(client, demo_task)
    if base_id is None:
        return make_base(client, demo_task, messages())
    messages().print(
        f"1. the English base {base_id} for {demo_task.name} was made from the same data before: used again"
    )
    return base_id


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of one language.

    Attributes:
        task: What was learnt.
        language: BCP-47.
        job: The adaptation as it ended.
        shown: Held-out examples.
        answer: What the service then said to them.
    """

    task: TaskName
    language: str
    job: JobView
    shown: Sequence[Any]
    answer: MtodPredictions | QaPredictions

    def as_json(self) -> dict[str, Any]:
        """Return the record of the adaptation and the predictions."""
        return {"job": self.job.model_dump(mode="json"), "predictions": self.answer.model_dump(mode="json")}

    def show(self) -> None:
        """Print what the service says to examples it never saw, and whether that is right."""
        results().print()
        if isinstance(self.answer, QaPredictions):
            show_answers(self.shown, self.answer)
        else:
            show_predictions(self.shown, self.answer)


def teach(
    client: Client,
    demo_task: DemoTask,
    run: DemoRun,
    *,
    base_id: str,
    baselines: Sequence[Method],
    as_json: bool,
) -> Lesson:
    """Have a language learnt, show what that brought, and ask for some predictions."""
    language = run.language
    job = adapt(client, demo_task, run, base_id=base_id, baselines=baselines, console=messages())
    if not as_json:
        show_outcome(job, as_json=False)
    held_out = demo_task.held_out(language)
    if demo_task.task is TaskName.MTOD:
        utterances = chosen_utterances(read_examples(held_out.read_bytes(), name=held_out.name))
        understood = client.predict_mtod([example.text for example in utterances], language=language)
        return Lesson(demo_task.task, language, job, utterances, understood)
    questions = chosen_questions(read_questions(held_out.read_bytes(), name=held_out.name))
    asked = [{"question": one.question, "context": one.context} for one in questions]
    answered = client.predict_qa(asked, language=language, top_k=1)
    return Lesson(demo_task.task, language, job, questions, answered)


def chosen_utterances(examples: Sequence[MtodExample]) -> list[MtodExample]:
    """Return a few examples of different intents with about two slots each; always the same ones."""
    usual: dict[str, MtodExample] = {}
    for example in sorted(examples, key=lambda one: (abs(len(one.slots) - USUAL_SLOTS), one.text)):
        usual.setdefault(example.intent, example)
    return list(usual.values())[:SHOWN]


def chosen_questions(examples: Sequence[QaExample]) -> list[QaExample]:
    """Return the first question on each of a few contexts."""
    first: dict[str, QaExample] = {}
    for example in examples:
        first.setdefault(example.context, example)
    return list(first.values())[:SHOWN]


def show_predictions(examples: Sequence[MtodExample], answer: MtodPredictions) -> None:
    """Print what the service now says to utterances, and whether that is right."""
    right = [
        example.intent == prediction.intent.name
        and {(slot.slot, slot.start, slot.end) for slot in example.slots}
        == {(slot.slot, slot.start, slot.end) for slot in prediction.slots}
        for example, prediction in zip(examples, answer.predictions, strict=True)
    ]
    results().print(predictions_table(answer.predictions, right=right))


def show_answers(examples: Sequence[QaExample], answer: QaPredictions) -> None:
    """Print what the service now answers, and whether that is right."""
    right = evaluate_answers(examples, best_texts(answer.predictions)).exact
    questions, contexts = [one.question for one in examples], [one.context for one in examples]
    results().print(answers_table(questions, contexts, answer.predictions, right=right))
