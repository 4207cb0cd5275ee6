"""Throughput and latency of the API, compared with the model alone.

Every request has a single utterance. A run measures the model with one utterance at a time (no batching), the
model with all utterances at once (the ceiling), and the API over TCP with 1, 8 and 64 clients, each of which
sends its next request after the response; in the last row they use two languages with separate models. Heads
are random, because the duration of a pass hardly depends on them. The clients are a separate process on the
same cores.

    python -m benchmarks.load --seconds 10
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from app.devstack.subprocesses import program, program_environment
from core.contracts.values import MTOD
from core.formats import read_examples
from core.store import Store
from core.system.compute import configure_computing

SAMPLES = Path(__file__).parent.parent / "samples" / "mtod"
PORT = 8765
LANGUAGES = ("es", "th")


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--encoder", default="embedded")
    arguments = parser.parse_args()
    texts = [example.text for example in read_examples((SAMPLES / "es.held-out.jsonl").read_bytes())]
    with tempfile.TemporaryDirectory() as folder:
        _in_subprocess(_publish, folder, arguments.encoder)
        print("| what | requests a second | p50 ms | p99 ms |\n|---|---|---|---|")
        _in_subprocess(_measure_model, folder, texts, arguments.seconds)
        with _service(folder):
            for clients in (1, 8, 64):
                _in_subprocess(
                    _measure_api, f"{clients} clients", clients, LANGUAGES[:1], texts, arguments.seconds
                )
            _in_subprocess(_measure_api, "64 clients, two languages", 64, LANGUAGES, texts, arguments.seconds)


def _in_subprocess(work: object, *arguments: object) -> None:
    """Run a function in a new process, so that measurements do not affect each other."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)  # type: ignore[arg-type]
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def _publish(folder: str, encoder: str) -> None:
    """Publish a base, and a separate model for each language."""
    configure_computing()
    from benchmarks.untrained import publish_untrained  # noqa: PLC0415 - torch after the threads are set

    examples = read_examples((SAMPLES / "en.jsonl").read_bytes())
    store = Store(folder)
    for key in ("base", *LANGUAGES):
        language = "en" if key == "base" else key
        checkpoint = publish_untrained(store, examples, encoder=encoder, language=language)
        store.deployments.deploy(MTOD, key, checkpoint, reason="to measure load")


def _measure_model(folder: str, texts: Sequence[str], seconds: float) -> None:
    """Measure the model without the API: one text at a time, then all at once."""
    configure_computing()
    from core.predictor import Predictor  # noqa: PLC0415 - torch after the threads are set

    store = Store(folder)
    deployment = store.deployments.live(MTOD, LANGUAGES[0])
    assert deployment is not None
    model = Predictor.open(store, store.checkpoints.manifest(MTOD, deployment.checkpoint_id))
    model.predict(texts)
    times = list(_timed(lambda index: model.predict([texts[index % len(texts)]]), seconds))
    _row("the model, one at a time", len(times) / sum(times), times)
    times = list(_timed(lambda _: model.predict(texts), seconds))
    _row(f"the model, {len(texts)} at once (the ceiling)", len(times) * len(texts) / sum(times), ())


def _timed(step: Callable[[int], object], seconds: float) -> Iterator[float]:
    """Yield the seconds of each call, for a number of seconds."""
    end = time.perf_counter() + seconds
    index = 0
    while (start := time.perf_counter()) < end:
        step(index)
        index += 1
        yield time.perf_counter() - start


@contextmanager
def _service(folder: str) -> Iterator[None]:
    """Run the API within a context."""
    environment = program_environment() | {
        "XMETRA_STORE_URL": folder,
        "XMETRA_REDIS_URL": "redis://127.0.0.1:1",
    }
    command = program("app.cli", "serve", "--port", str(PORT))
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as api:
        try:
            while not _is_live():
                time.sleep(0.2)
            yield
        finally:
            api.terminate()


def _is_live() -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{PORT}/health/live", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _measure_api(
    name: str, clients: int, languages: Sequence[str], texts: Sequence[str], seconds: float
) -> None:
    """Measure concurrent clients, after a warm-up."""
    asyncio.run(_run_clients(clients, languages, texts, min(3.0, seconds)))
    start = time.perf_counter()
    times = asyncio.run(_run_clients(clients, languages, texts, seconds))
    _row(name, len(times) / (time.perf_counter() - start), times)


async def _run_clients(
    clients: int, languages: Sequence[str], texts: Sequence[str], seconds: float
) -> list[float]:
    """Return the seconds of every request."""
    end = time.perf_counter() + seconds
    coroutines = [
        _client(languages[client % len(languages)], [*texts[client:], *texts[:client]], end)
        for client in range(clients)
    ]
    return [duration for times in await asyncio.gather(*coroutines) for duration in times]


async def _client(language: str, texts: Sequence[str], end: float) -> list[float]:
    """Send requests one after the other on a connection. A minimal client takes little CPU time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    times: list[float] = []
    while (start := time.perf_counter()) < end:
        body = json.dumps({"utterances": [texts[len(times) % len(texts)]], "language": language}).encode()
        writer.write(
            b"POST /predict/mtod HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        answer = await reader.readexactly(int(length.partition(b":")[2]))
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise SystemExit(answer.decode())
        times.append(time.perf_counter() - start)
    writer.close()
    return times


def _row(name: str, rate: float, times: Sequence[float]) -> None:
    """Print a row of the table."""
    if not times:
        print(f"| {name} | {rate:.0f} | | |", flush=True)
        return
    cuts = statistics.quantiles(times, n=100)
    print(f"| {name} | {rate:.0f} | {1000 * cuts[49]:.1f} | {1000 * cuts[98]:.1f} |", flush=True)


if __name__ == "__main__":
    print(f"{len(os.sched_getaffinity(0))} cores")
    main()
