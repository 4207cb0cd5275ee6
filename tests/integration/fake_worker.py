"""The worker of ``python -m worker.main`` with a fake pipeline."""

from tests.worker.fakes import fake_pipeline
from worker.main import main
from worker.settings import WorkerSettings

if __name__ == "__main__":
    main(WorkerSettings(), pipeline=fake_pipeline, prepare=lambda: None)
