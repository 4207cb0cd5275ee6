"""An S3 for the tests: moto's server, on a free port of loopback."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "someone",
    "AWS_SECRET_ACCESS_KEY": "something",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a user sets beside the endpoint."""


class Quiet(WSGIRequestHandler):
    """Keeps connections as S3 does, and tells nobody of every request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class S3:
    """The application, and what it was asked.

    S3 decides on a conditional put at once. moto looks first and puts then, so requests come to it one
    at a time here; without that, a race between two writers would try moto's locks and not ours.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str | None]] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        with self._lock:
            asked = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_IF_NONE_MATCH"))
            self.seen.append(asked)
            answer: Iterable[bytes] = self._moto(environ, start_response)
            return answer


@contextmanager
def s3_server() -> Iterator[tuple[str, S3]]:
    """Run an S3, and give its endpoint and what keeps its books."""
    s3 = S3()
    server = make_server("127.0.0.1", 0, s3, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", s3
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(endpoint: str) -> Any:
    """Return Amazon's own client, by which a test looks behind the store's back."""
    return boto3.client("s3", endpoint_url=endpoint)


def new_bucket(endpoint: str) -> str:
    """Make a bucket of a test's own, and return its name."""
    name = f"xmetra-{uuid4().hex}"
    client(endpoint).create_bucket(Bucket=name)
    return name
