"""Duration and peak memory of the demo, in an empty folder and then again.

Memory is the proportional set size (PSS, Linux) of the demo and all its processes together, sampled once a
second; pages that processes share count once.

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
    parser.add_argument("--log", type=Path, help="file for the output of the demo")
    arguments = parser.parse_args()
    lines = ["| run | seconds | peak MB |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for run in ("first", "second"):
            seconds, peak = _run_demo(Path(folder) / "data", arguments.log)
            lines.append(f"| {run} | {seconds:.0f} | {peak / 2**20:.0f} |")
    print("\n".join(lines))


def _run_demo(data: Path, log: Path | None) -> tuple[float, int]:
    """Run the demo on a data folder, and return its seconds and its peak memory in bytes."""
    command = program("app.cli", "demo", "--data", str(data), "--samples", str(ROOT / "samples"))
    start, peak = time.monotonic(), 0
    with (log or Path(os.devnull)).open("ab") as output:
        demo = subprocess.Popen(command, env=program_environment(), stdout=output, stderr=output)
        while demo.poll() is None:
            peak = max(peak, _memory(psutil.Process(demo.pid)))
            time.sleep(SAMPLE_SECONDS)
    if demo.returncode:
        raise SystemExit(f"the demo ended with {demo.returncode}; see its output with --log FILE")
    return time.monotonic() - start, peak


def _memory(process: psutil.Process) -> int:
    """Return the bytes of a process and its descendants, except those that end meanwhile."""
    total = 0
    for member in (process, *_descendants(process)):
        try:
            total += member.memory_full_info().pss
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
