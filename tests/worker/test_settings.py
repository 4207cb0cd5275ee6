import pytest
from pydantic import ValidationError

from worker.settings import WorkerSettings


def test_worker_settings_default_to_local_redis_and_folder() -> None:
    settings = WorkerSettings()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.store_url == ".data/store"
    assert settings.job_timeout_seconds is None


def test_worker_settings_read_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XMETRA_REDIS_URL", "rediss://redis.example:6380/1")
    monkeypatch.setenv("XMETRA_THREADS", "4")
    monkeypatch.setenv("XMETRA_LOG_FORMAT", "json")
    settings = WorkerSettings()
    assert (settings.redis_url, settings.threads, settings.log_format) == (
        "rediss://redis.example:6380/1",
        4,
        "json",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XMETRA_THREADS", "-1"),
        ("XMETRA_JOB_TIMEOUT_SECONDS", "0"),
        ("XMETRA_CANCEL_GRACE_SECONDS", "-1"),
        ("XMETRA_LOG_LEVEL", "LOUD"),
        ("XMETRA_LOG_FORMAT", "xml"),
    ],
)
def test_worker_settings_refuse_invalid_values(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("XMETRA_").lower()):
        WorkerSettings()
