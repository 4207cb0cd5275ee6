"""The documentation page works without internet."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.security.api_keys import Scope, new_key
from app.security.key_store import edit_keys
from tests.app.service import Service, problem, running

URL = re.compile(r"""(?:src|href)=["']([^"']+)["']|url: ["']([^"']+)["']""")


def urls(page: str) -> list[str]:
    return [script or description for script, description in URL.findall(page)]


def test_docs_page_refers_to_files_of_this_service_only(fresh: Service) -> None:
    page = fresh.http.get("/docs")

    assert page.status_code == 200
    assert "//" not in re.sub(r"^\s*//.*$", "", page.text, flags=re.MULTILINE)
    assert urls(page.text) == [
        "/docs/assets/swagger-ui.css",
        "/docs/assets/favicon.png",
        "/docs/assets/swagger-ui-bundle.js",
        "/openapi.json",
    ]


def test_redoc_redirects_to_the_docs_page(fresh: Service) -> None:
    response = fresh.http.get("/redoc", follow_redirects=False)

    assert (response.status_code, response.headers["location"]) == (307, "/docs")


def test_docs_page_asks_no_validator_on_the_internet(fresh: Service) -> None:
    assert '"validatorUrl": null' in fresh.http.get("/docs").text


@pytest.mark.parametrize(
    ("name", "media_type", "beginning"),
    [
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8", b"/*"),
        ("swagger-ui.css", "text/css; charset=utf-8", b"."),
        ("favicon.png", "image/png", b"\x89PNG"),
    ],
)
def test_docs_asset_has_its_content_type_and_may_be_cached(
    fresh: Service, name: str, media_type: str, beginning: bytes
) -> None:
    response = fresh.http.get(f"/docs/assets/{name}")

    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert response.headers["cache-control"] == "public, max-age=86400"
    assert response.headers["etag"]
    assert response.content.startswith(beginning)


def test_docs_assets_support_openapi_3_1(fresh: Service) -> None:
    version = re.search(r'PACKAGE_VERSION:"(\d+)\.', fresh.http.get("/docs/assets/swagger-ui-bundle.js").text)

    assert version is not None
    assert int(version[1]) >= 5
    assert fresh.http.get("/openapi.json").json()["openapi"].startswith("3.1")


@pytest.mark.parametrize("name", ["swagger-ui.js", "..%2Fcore.py", "redoc.standalone.js"])
def test_docs_has_no_other_assets(fresh: Service, name: str) -> None:
    problem(fresh.http.get(f"/docs/assets/{name}"), 404)


def test_docs_page_needs_no_key(redis_url: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys.jsonl"
    with edit_keys(keys) as stored:
        stored.append(new_key("an administrator", [Scope.ADMIN])[1])
    with running(redis_url, tmp_path, keys_file=keys) as service:
        page = service.http.get("/docs")
        assert page.status_code == 200
        assert [service.http.get(url).status_code for url in urls(page.text)] == [200] * 4
        assert service.http.get("/jobs").status_code == 401


def test_docs_page_behind_a_proxy_has_the_prefix_of_the_proxy(fresh: Service) -> None:
    with TestClient(fresh.http.app, root_path="/nlu") as http:
        assert all(url.startswith("/nlu/") for url in urls(http.get("/docs").text))
