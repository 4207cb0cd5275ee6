"""Every failure of a disk or an object store, told in the words of `core.errors`."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import StoreFull, StoreUnavailable

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})

_CLIENT_PACKAGES = frozenset(
    {"adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "paramiko", "s3fs"}
)
"""Libraries below fsspec whose errors are no `OSError`.

A list, not ``except Exception``: a timeout or a cancellation that interrupts us here is not the
store's failure, and must pass.
"""


@contextmanager
def translate_storage_errors(action: str, key: str) -> Iterator[None]:
    """Turn what the file system raises into `StoreFull` or `StoreUnavailable`.

    Args:
        action: What was tried: ``read``, ``write``…
        key: On which file; never the store's URL, which may hold a password.
    """
    try:
        yield
    except Exception as error:
        if not _is_of_the_store(error):
            raise
        raise _translated(error, f"cannot {action} {key}") from error


def _is_of_the_store(error: Exception) -> bool:
    """Tell a failure of the store from a bug of ours and from somebody's interruption."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _CLIENT_PACKAGES


def _translated(error: Exception, what: str) -> StoreFull | StoreUnavailable:
    """Return our error; the system's own words come without the path it would add."""
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return StoreFull(f"{what}: the store has no space left")
    reason = error.strerror if isinstance(error, OSError) else None
    return StoreUnavailable(f"{what}: {reason or type(error).__name__}")
