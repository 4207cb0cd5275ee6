import pytest
from pydantic import ValidationError

from app.settings import Settings


def test_settings_read_prefixed_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XMETRA_STORE_URL", "s3://bucket/xmetra")
    monkeypatch.setenv("XMETRA_MAX_BODY_BYTES", "4096")
    monkeypatch.setenv("STORE_URL", "elsewhere")

    settings = Settings()

    assert settings.store_url == "s3://bucket/xmetra"
    assert settings.max_body_bytes == 4096


def test_settings_ignore_empty_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"XMETRA_{name.upper()}", "")

    assert Settings() == Settings.model_construct()


def test_settings_refuse_invalid_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XMETRA_BATCH_TOKENS", "0")

    with pytest.raises(ValidationError, match="batch_tokens"):
        Settings()
