import pytest

from app.parsing.paths import route_path


@pytest.mark.parametrize(
    ("root_path", "path", "expected"),
    [
        ("", "/adapt", "/adapt"),
        ("/api", "/api/adapt", "/adapt"),
        ("/api/", "/api/adapt", "/adapt"),
        ("/v1/nlu", "/v1/nlu/jobs/a/events", "/jobs/a/events"),
        ("/api", "/api/api/adapt", "/api/adapt"),
        ("/api", "/api/", "/"),
        ("/api", "/adapt", "/adapt"),
        ("/api", "/apix/adapt", "/apix/adapt"),
        ("/api", "/apix", "/apix"),
        ("/api", "/adapt/api/", "/adapt/api/"),
        ("/api", "/api", "/api"),
        ("/", "/adapt", "/adapt"),
    ],
)
def test_route_path_removes_the_root_path_only_as_whole_segments(
    root_path: str, path: str, expected: str
) -> None:
    assert route_path({"path": path, "root_path": root_path}) == expected


def test_route_path_returns_the_path_when_the_server_sends_no_root_path() -> None:
    assert route_path({"path": "/adapt"}) == "/adapt"
