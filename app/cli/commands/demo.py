"""``xmetra demo``: a service that learns three languages from samples."""

from app.cli.demo.run import run_demo
from app.cli.options import DEFAULT_DATA, SAMPLES, AsJson, Baselines, DataFolder, Key, Samples


def demo(
    *,
    data: DataFolder = DEFAULT_DATA,
    samples: Samples = SAMPLES,
    baseline: Baselines = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Adapt a new service to Spanish, Thai and Swahili samples, and show its predictions.

    It starts the processes of `xmetra up`, trains the English bases unless the data folder has them, adapts
    them to each language over HTTP, compares the results with the bases, and stops the processes.

    Example: [bold]xmetra demo --baseline ft[/]
    """
    run_demo(data, samples=samples, baselines=tuple(baseline or ()), key=key, as_json=as_json)
