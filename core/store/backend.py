"""What the rooms of the store ask of whoever keeps the files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class Backend(Protocol):
    """Files by key; a key is a relative path with forward slashes, checked by the caller.

    Every method raises `StoreFull` when space has run out and `StoreUnavailable` when the files
    cannot be reached. A file whose name starts with a dot is never listed.
    """

    def read(self, key: str) -> bytes | None:
        """Return the whole file, or None if there is none."""

    def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return those of the files that can be read, in the order of the keys; others are logged."""

    def write(self, key: str, data: bytes) -> None:
        """Put a file in place, all at once, over what is there."""

    def create(self, key: str, data: bytes) -> bool:
        """Put a file in place only if there is none; return False if somebody was first."""

    def append(self, key: str, lines: bytes) -> None:
        """Add whole lines to a file, on a line of their own even if its last one is torn."""

    def upload(self, key: str, source: Path) -> None:
        """Put a copy of a local file in place, however large."""

    def download(self, key: str, target: Path) -> None:
        """Copy a file to a local path whose folder exists."""

    def files(self, folder: str) -> list[str]:
        """Return the keys below a folder, relative to it and sorted; none if there is no folder."""

    def stamps(self, folder: str, name: str) -> Mapping[str, str]:
        """Return each child of a folder that holds the file `name` → a stamp of that file.

        A stamp says nothing but whether a file changed since the last look.
        """

    def remove(self, key: str) -> None:
        """Remove a file, if it is there."""

    def remove_all(self, folder: str) -> None:
        """Remove every file below a folder, hidden ones too, in any order; none need be there."""

    def folder(self, key: str) -> Path | None:
        """Return the local path of a folder, or None where files are kept elsewhere."""
