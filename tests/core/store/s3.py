"""S3 server for the tests: moto on a free port of the loopback interface."""

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
"""Environment variables that a user sets in addition to the endpoint."""


class Quiet(WSGIRequestHandler):
    """Request handler with persistent connections, as S3 has, and without a log of requests."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Suppress the log message."""


class S3:
    """The WSGI application, with a record of its requests.

    S3 evaluates conditional puts atomically. moto checks the condition before the put, so its requests are
    serialised here; otherwise races between writers would test moto's locks instead of ours.

    Attributes:
        requests: Method, path and ``If-None-Match`` header of each request.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str | None]] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        with self._lock:
            request = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_IF_NONE_MATCH"))
            self.requests.append(request)
            response: Iterable[bytes] = self._moto(environ, start_response)
            return response


@contextmanager
def s3_server() -> Iterator[tuple[str, S3]]:
    """Run the server, and yield its endpoint and application."""
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
    """Return an S3 client, for direct access to the objects of a store."""
    return boto3.client("s3", endpoint_url=endpoint)


def new_bucket(endpoint: str) -> str:
    """Create a bucket with a unique name, and return the name."""
    name = f"xmetra-{uuid4().hex}"
    client(endpoint).create_bucket(Bucket=name)
    return name
