"""A task that a plug-in package brings: adapted and predicted with over HTTP, command line and client.

The task (`tests.integration.ner`) is registered by an entry point of a package in a temporary folder. The
stack consists of the real processes of `xmetra up`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.core.tiny import tiny_encoder_folder
from tests.repository import ROOT
from xmetra_client import Client

NAMES = ("Ana", "Luis", "Carmen", "Pedro", "Eva", "Rosa", "Juan", "Marta")
PLACES = ("Lima", "Quito", "Oslo", "Cairo", "Rome", "Paris", "Bonn", "Riga")
SETTINGS = ("min_steps=80", "batch_size=8", "encoder_lr=3e-3", "heads_lr=1e-2")


def sentences(template: str) -> list[dict[str, Any]]:
    """Return sentences with a person and a place."""
    examples = []
    for name, place in zip((*NAMES, *NAMES), (*PLACES, *PLACES[::-1]), strict=True):
        text = template.format(name=name, place=place)
        entities = [
            {"label": label, "start": text.index(value), "end": text.index(value) + len(value)}
            for label, value in (("person", name), ("place", place))
        ]
        examples.append({"text": text, "entities": entities})
    return examples


ENGLISH, SPANISH = sentences("{name} lives in {place} today"), sentences("{name} vive en {place} hoy")


@dataclass
class Stack:
    """A running `xmetra up` that knows the third task.

    Attributes:
        url: Address of the API.
        folder: Holds the files of the test.
        environment: Environment variables of all its processes.
    """

    url: str
    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> Any:
        """Run a command of `xmetra` with `--json`, and return its document."""
        command = [sys.executable, "-m", "app.cli", *arguments, "--url", self.url, "--json"]
        completed = subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        assert completed.returncode == 0, completed.stderr
        return json.loads(completed.stdout)

    def file(self, name: str, examples: list[dict[str, Any]]) -> str:
        """Write examples as JSONL, and return the path."""
        path = self.folder / name
        path.write_text("".join(f"{json.dumps(example)}\n" for example in examples), encoding="utf-8")
        return str(path)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("third-task")
    package = folder / "plugins" / "acme_ner-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-ner\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[xmetra.tasks]\nner = tests.integration.ner.spec:SPEC\n")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder / "plugins"), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "app.cli", "up", "--data", str(folder / "data"), "--port", "0", "--json"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Stack(_document(process)["url"], folder, environment)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def _document(process: subprocess.Popen[str]) -> dict[str, str]:
    """Return the JSON document that `xmetra up` prints when it is ready."""
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        assert line, "xmetra up ended early"
        text += line
    document: dict[str, str] = json.loads(text)
    return document


@pytest.fixture(scope="module")
def adapted(stack: Stack) -> Stack:
    """A stack with an English base, and Spanish adapted from it by the command line."""
    texts = [example["text"] for example in (*ENGLISH, *SPANISH)]
    encoder = tiny_encoder_folder(stack.folder, "bert", texts)
    options = [argument for setting in SETTINGS for argument in ("--set", setting)]
    base = stack.run(
        "pretrain",
        "en",
        stack.file("en.jsonl", ENGLISH),
        "--task",
        "ner",
        "--encoder",
        str(encoder),
        *options,
    )
    assert base["status"] == "succeeded"
    nested = [argument for setting in SETTINGS for argument in ("--set", f"fine_tune.{setting}")]
    job = stack.run(
        "adapt", "es", stack.file("es.jsonl", SPANISH), "--task", "ner", "--method", "ft", *nested
    )
    assert job["status"] == "succeeded"
    assert job["report"]["result"]["evaluation"].keys() == {"examples", "entity_f1"}
    return stack


def places(prediction: dict[str, Any]) -> list[str]:
    """Return the places of a prediction as they stand in its text."""
    return [
        prediction["text"][entity["start"] : entity["end"]]
        for entity in prediction["entities"]
        if entity["label"] == "place"
    ]


def test_third_task_predicts_over_http(adapted: Stack) -> None:
    body = {"inputs": ["Eva vive en Oslo hoy"], "language": "es"}
    response = httpx.post(f"{adapted.url}/predict/ner", json=body, timeout=60)
    assert response.status_code == 200, response.text
    (prediction,) = response.json()["predictions"]
    assert prediction["adapted"]
    assert places(prediction) == ["Oslo"]


def test_third_task_adapts_over_http_by_meta_learning(adapted: Stack) -> None:
    body = {
        "task": "ner",
        "language": "fr",
        "examples": sentences("{name} habite à {place} ici"),
        "method": "x-metra-ada",
        "hyperparameters": {"meta": {"meta_train_steps": 3, "meta_adapt_steps": 3}},
        "promote": "always",
        "extend_labels": True,
    }
    response = httpx.post(f"{adapted.url}/adapt", json=body, timeout=60)
    assert response.status_code == 202, response.text
    with Client(adapted.url) as client:
        job = client.job(response.json()["job_id"]).wait()
    assert job.status == "succeeded"
    assert job.plan is not None
    assert [stage.name for stage in job.plan.stages] == ["meta-train", "meta-adapt"]


def test_third_task_reports_unknown_labels_at_their_pointers(adapted: Stack) -> None:
    examples = [*SPANISH[:3], {"text": "hoy", "entities": [{"label": "day", "start": 0, "end": 3}]}]
    body = {"task": "ner", "language": "es", "examples": examples, "dry_run": True}
    response = httpx.post(f"{adapted.url}/adapt", json=body, timeout=60)
    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/examples/3/entities/0/label"]


def test_third_task_predicts_by_command_line(adapted: Stack) -> None:
    document = adapted.run("predict", "es", "Eva vive en Oslo hoy", "--task", "ner")
    assert places(document["predictions"][0]) == ["Oslo"]


def test_third_task_is_evaluated_by_command_line(adapted: Stack) -> None:
    document = adapted.run("evaluate", "es", adapted.file("es.test.jsonl", SPANISH), "--task", "ner")
    assert document["entity_f1"] > 0.8


def test_third_task_predicts_and_evaluates_by_client(adapted: Stack) -> None:
    with Client(adapted.url) as client:
        response = client.predict("ner", ["Eva vive en Oslo hoy"], language="es")
        assert places(dict(response.predictions[0])) == ["Oslo"]
        result = client.evaluate("es", SPANISH, task="ner")
        assert result.adapted
        assert dict(result.evaluation)["entity_f1"] > 0.8


def test_third_task_is_described_in_openapi(adapted: Stack) -> None:
    description = httpx.get(f"{adapted.url}/openapi.json", timeout=60).json()
    assert "/predict/ner" in description["paths"]
    assert {"NerPredictRequest", "NerPredictions", "NerAdaptRequest", "NerEvaluation"} <= set(
        description["components"]["schemas"]
    )


def test_third_task_is_ready_and_listed(adapted: Stack) -> None:
    assert httpx.get(f"{adapted.url}/health/ready", timeout=60).json()["model"]["status"] == "ok"
    tasks = httpx.get(f"{adapted.url}/languages", timeout=60).json()["tasks"]
    assert {task["task"] for task in tasks} == {"mtod", "qa", "ner"}
