from pathlib import Path
from typing import Any

import pytest

from tests.app.fake_service import MOMENT, FakeService, Reply
from xmetra_client import Client, InvalidArgument, NotFound, PreconditionFailed

CHECKPOINT = {
    "checkpoint_id": "es-2",
    "task": "mtod",
    "method": "ft",
    "languages": ["en", "es"],
    "dataset_ids": {},
    "encoder": "embedded",
    "files": {},
    "bytes": 3,
    "created_at": MOMENT.isoformat(),
}
LIVE = {"number": 2, "checkpoint_id": "es-2", "reason": "better", "created_at": MOMENT.isoformat()}
LANGUAGE = {"task": "mtod", "language": "es", "live": LIVE, "adapted": True, "scores": None, "history": []}


def test_checkpoints_are_filtered_and_returned(service: FakeService, client: Client) -> None:
    service.answer("GET /checkpoints", {"checkpoints": [], "next_cursor": "after"})
    service.answer("GET /checkpoints/es-2", CHECKPOINT)

    assert client.checkpoints(task="mtod", limit=5).next_cursor == "after"
    assert client.checkpoint("es-2").languages == ["en", "es"]
    assert service.requests[0].path == "/checkpoints?task=mtod&limit=5"


def test_delete_checkpoint_returns_none(service: FakeService, client: Client) -> None:
    service.answer("DELETE /checkpoints/es-2", Reply("", 204))

    client.delete_checkpoint("es-2")

    assert [request.method for request in service.requests] == ["DELETE"]


@pytest.mark.parametrize(
    ("expected", "header"), [(None, {}), (0, {"if-none-match": "*"}), (1, {"if-match": '"1"'})]
)
def test_deploy_and_roll_back_send_the_expected_deployment(
    service: FakeService, client: Client, expected: int | None, header: dict[str, str]
) -> None:
    service.answer("PUT /languages/mtod/es", LANGUAGE)
    service.answer("POST /languages/mtod/es/rollback", LANGUAGE)

    assert client.deploy("mtod", "es", "es-2", reason="better", expected=expected).live.number == 2
    assert client.roll_back("mtod", "es", expected=expected).live.checkpoint_id == "es-2"

    for request in service.requests:
        conditions = {name: request.headers[name] for name in request.headers if name.startswith("if-")}
        assert conditions == header
    assert service.requests[0].json == {"checkpoint_id": "es-2", "reason": "better"}


def test_deploy_raises_when_another_deployment_is_live(service: FakeService, client: Client) -> None:
    service.answer("PUT /languages/mtod/es", Reply({"title": "Changed", "detail": "2 is live"}, 412))

    with pytest.raises(PreconditionFailed, match="2 is live"):
        client.deploy("mtod", "es", "es-2", expected=1)


def test_language_returns_the_history(service: FakeService, client: Client) -> None:
    service.answer("GET /languages/mtod/base", {**LANGUAGE, "history": [{**LIVE, "available": False}]})

    assert [past.available for past in client.language("mtod", "base").history] == [False]


def test_export_archive_writes_the_whole_file(service: FakeService, client: Client, tmp_path: Path) -> None:
    content = bytes(range(256)) * 999
    service.answer("GET /checkpoints/es-2/archive", Reply(content, media_type="application/x-tar"))
    file = tmp_path / "es.tar"

    assert client.export_archive("es-2", file) == len(content)
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_export_archive_leaves_no_file_when_refused(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        client.export_archive("missing", tmp_path / "es.tar")
    assert list(tmp_path.iterdir()) == []


def test_import_archive_uploads_the_file(service: FakeService, client: Client, tmp_path: Path) -> None:
    service.answer("POST /checkpoints", Reply(CHECKPOINT, 201))
    file = tmp_path / "es.tar"
    file.write_bytes(b"the archive")

    assert client.import_archive(file).checkpoint_id == "es-2"
    request = service.requests[0]
    assert (request.headers["content-type"], request.headers["content-length"]) == ("application/x-tar", "11")
    assert request.body == b"the archive"


def test_import_archive_names_a_file_that_does_not_exist(client: Client, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="there is no file"):
        client.import_archive(tmp_path / "es.tar")


@pytest.mark.parametrize("name", ["", "../languages", "a b"])
def test_invalid_name_is_not_sent(service: FakeService, client: Client, name: str) -> None:
    calls: tuple[Any, ...] = (
        lambda: client.checkpoint(name),
        lambda: client.language(name, "es"),
        lambda: client.language("mtod", name),
        lambda: client.delete_checkpoint(name),
    )
    for call in calls:
        with pytest.raises(InvalidArgument):
            call()
    assert service.requests == []
