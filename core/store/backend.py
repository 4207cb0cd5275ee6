"""Interface of storage backends."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class Backend(Protocol):
    """Files by key; a key is a relative path with forward slashes, validated by the caller.

    Every method raises `StoreFull` if no space is left and `StoreUnavailable` if the storage cannot be
    accessed. Files whose names start with a dot are never listed.
    """

    def read(self, key: str) -> bytes | None:
        """Return the content of a file, or None if it does not exist."""

    def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the content of each file that can be read, in the order of the keys; others are logged."""

    def write(self, key: str, data: bytes) -> None:
        """Write a file atomically, replacing an existing one."""

    def create(self, key: str, data: bytes) -> bool:
        """Write a file atomically if it does not exist, and return whether it was written."""

    def append(self, key: str, lines: bytes) -> None:
        """Append whole lines to a file, on a new line if its last line is incomplete."""

    def upload(self, key: str, source: Path) -> None:
        """Copy a local file of any size into the store."""

    def download(self, key: str, target: Path) -> None:
        """Copy a file to a local path; its folder must exist."""

    def files(self, folder: str) -> list[str]:
        """Return the keys below a folder, relative to it and sorted; none if it does not exist."""

    def stamps(self, folder: str, name: str) -> Mapping[str, str]:
        """Return each child folder that contains the file `name` → a stamp of that file.

        A stamp is opaque; it differs whenever the file has changed.
        """

    def remove(self, key: str) -> None:
        """Remove a file if it exists."""

    def remove_all(self, folder: str) -> None:
        """Remove all files below a folder, hidden ones too, in any order; it need not exist."""

    def folder(self, key: str) -> Path | None:
        """Return the local path of a folder, or None if the storage is not local."""
