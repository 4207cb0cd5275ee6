"""A real worker, as ``python -m worker.main`` is one, but for what its jobs do."""

from tests.worker.fakes import fake_pipeline
from worker.main import main
from worker.settings import WorkerSettings

if __name__ == "__main__":
    main(WorkerSettings(), pipeline=fake_pipeline, prepare=lambda: None)
