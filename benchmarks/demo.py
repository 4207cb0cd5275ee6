"""The demo as a newcomer runs it, in an empty folder and then again: seconds, and the most memory held.

Memory is the proportional set size (PSS, Linux) of the demo and all its processes together, sampled
once a second, so that pages which processes share count once.

    python -m benchmarks.demo
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from app.devstack.subprocesses import program, program_environment

SAMPLE_SECONDS = 1.0
ROOT = Path(__file__).parent.parent


def main() -> None:
    """Run the demo twice and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--log", type=Path, help="a file for what the demo prints")
    arguments = parser.parse_args()
    lines = ["| run | seconds | peak MB |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for run in ("first", "second"):
            seconds, peak = _watched(Path(folder) / "data", arguments.log)
            lines.append(f"| {run} | {seconds:.0f} | {peak / 2**20:.0f} |")
    print("\n".join(lines))


def _watched(data: Path, log: Path | None) -> tuple[float, int]:
    """Run the demo on a data folder; return its seconds and its most bytes."""
    command = program("app.cli", "demo", "--data", str(data), "--samples", str(ROOT / "samples"))
    began, peak = time.monotonic(), 0
    with (log or Path(os.devnull)).open("ab") as output:
        demo = subprocess.Popen(command, env=program_environment(), stdout=output, stderr=output)
        while demo.poll() is None:
            peak = max(peak, _held(psutil.Process(demo.pid)))
            time.sleep(SAMPLE_SECONDS)
    if demo.returncode:
        raise SystemExit(f"the demo ended with {demo.returncode}; --log FILE keeps what it says")
    return time.monotonic() - began, peak


def _held(process: psutil.Process) -> int:
    """Return the bytes of a process and all its descendants; one that ends meanwhile counts nothing."""
    total = 0
    for one in (process, *_descendants(process)):
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        children: list[psutil.Process] = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return children


if __name__ == "__main__":
    main()
