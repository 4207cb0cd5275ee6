"""Translation of errors of disks and object stores to `core.errors`."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import StoreFull, StoreUnavailable

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})

_CLIENT_PACKAGES = frozenset(
    {"adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "paramiko", "s3fs"}
)
"""Packages below fsspec whose errors are not subclasses of `OSError`.

An explicit list instead of ``except Exception``, because a timeout or a cancellation that is raised during
storage access is not a storage error and must propagate.
"""


@contextmanager
def translate_storage_errors(action: str, key: str) -> Iterator[None]:
    """Translate storage errors to `StoreFull` or `StoreUnavailable`.

    Args:
        action: The attempted action, such as ``read`` or ``write``.
        key: Key of the file; never the store's URL, which may contain a password.
    """
    try:
        yield
    except Exception as error:
        if not _is_storage_error(error):
            raise
        raise _translate(error, f"cannot {action} {key}") from error


def _is_storage_error(error: Exception) -> bool:
    """Return whether an error was raised by the storage, and not by a bug or a cancellation."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _CLIENT_PACKAGES


def _translate(error: Exception, action: str) -> StoreFull | StoreUnavailable:
    """Return the translated error; its message excludes the path in the system's message."""
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return StoreFull(f"{action}: the store has no space left")
    reason = error.strerror if isinstance(error, OSError) else None
    return StoreUnavailable(f"{action}: {reason or type(error).__name__}")
