"""Without preloading, the api answers what needs no model without torch: it stays light till it predicts."""

import subprocess
import sys
from pathlib import Path

from tests.repository import ROOT

SCRIPT = """
import sys
from fastapi.testclient import TestClient
import app.main
from app.settings import Settings

assert "torch" not in sys.modules, "importing app.main"
api = app.main.create_app(Settings(redis_url="unix:///none.sock", store_url=sys.argv[1], preload=False))
with TestClient(api) as http:
    assert http.get("/health/live").status_code == 200
    assert http.get("/openapi.json").status_code == 200
    assert http.get("/languages").status_code == 200
    assert http.get("/health/ready").status_code == 503
    bad = {"language": "espanol", "examples": [{"text": "", "intent": "a"}]}
    assert http.post("/adapt", json=bad).status_code == 422
    good = {"language": "es", "examples": [{"text": "a", "intent": "a"}]}
    assert http.post("/adapt", json=good).status_code == 503
    heavy = {"torch", "transformers", "sklearn", "pandas"} & set(sys.modules)
    assert not heavy, heavy
"""


def test_api_does_not_import_torch_before_it_predicts(tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )

    assert completed.returncode == 0, completed.stderr
