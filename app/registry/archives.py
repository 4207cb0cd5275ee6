"""Checkpoints as tar archives, written and indexed in little memory whatever their size.

Tar, because each header states a file's size before its bytes and no table follows at the end: an archive is
written front to back, its length is known before its first byte, and it can be indexed without reading the
weights. Not compressed, because weights hardly shrink, and because the size of an upload then bounds the size
of its content.
"""

import hashlib
import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from core.contracts.reports import CheckpointManifest
from core.errors import Conflict, CorruptArtifact, Fault
from core.store.checkpoints import MANIFEST
from core.store.error_translation import translate_storage_errors

TAR: Final = "application/x-tar"

CHUNK_BYTES: Final = 1 << 20

MAX_MEMBERS: Final = 100
"""Maximum of files in an archive; a checkpoint has about eight."""

_END: Final = bytes(2 * tarfile.BLOCKSIZE)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive to be sent.

    Attributes:
        size: Size in bytes.
        chunks: The content; the files stay open until it is exhausted.
    """

    size: int
    chunks: Iterator[bytes]


def pack(manifest: CheckpointManifest, folder: Path) -> Archive:
    """Pack a checkpoint: its manifest, then every file that the manifest names.

    Equal checkpoints give equal bytes. All files are opened at the start, so that a deletion cannot truncate
    an archive that is being sent.

    Args:
        manifest: Manifest of the checkpoint.
        folder: Folder of its files and its manifest.

    Raises:
        CorruptArtifact: A file is missing.
        Conflict: A name is too long, or a file too large, for a tar archive.
        StoreUnavailable: A file cannot be read.
    """
    files = ExitStack()
    try:
        parts = [_part(folder, name, files) for name in (MANIFEST, *sorted(manifest.files))]
    except ValueError as error:
        files.close()
        raise Conflict(f"checkpoint {manifest.checkpoint_id} cannot be archived: {error}") from error
    except FileNotFoundError as error:
        files.close()
        missing = Path(str(error.filename)).name
        raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {missing} is missing") from error
    except BaseException:
        files.close()
        raise
    size = sum(len(header) + length + _padding(length) for header, length, _ in parts)
    return Archive(size + len(_END), _content(parts, files))


def _part(folder: Path, name: str, files: ExitStack) -> tuple[bytes, int, BinaryIO]:
    """Return the header, the size and the open file of a name."""
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(2, "missing", str(path))
    with translate_storage_errors("read", name):
        file = files.enter_context(path.open("rb"))
    info = tarfile.TarInfo(name)
    info.size = os.fstat(file.fileno()).st_size
    return info.tobuf(tarfile.USTAR_FORMAT), info.size, file


def _content(parts: list[tuple[bytes, int, BinaryIO]], files: ExitStack) -> Iterator[bytes]:
    """Yield headers and files in chunks."""
    with files:
        for header, size, file in parts:
            yield header
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
            yield bytes(_padding(size))
        yield _END


def _padding(size: int) -> int:
    """Return the bytes between the end of a file and the next header."""
    return -size % tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True)
class Member:
    """A plain file in an archive.

    Attributes:
        name: Name in the archive, not validated.
        size: Size in bytes; all of them are in the archive.
        offset: Offset of the first byte.
    """

    name: str
    size: int
    offset: int

    def extract(self, archive: BinaryIO, target: Path) -> str:
        """Copy the file to a path whose folder exists, and return its SHA-256.

        Raises:
            StoreFull: No space is left.
            StoreUnavailable: The file cannot be written.
        """
        digest = hashlib.sha256()
        archive.seek(self.offset)
        remaining = self.size
        with translate_storage_errors("unpack", self.name), target.open("xb") as file:
            while remaining:
                chunk = archive.read(min(remaining, CHUNK_BYTES))
                digest.update(chunk)
                file.write(chunk)
                remaining -= len(chunk)
        return digest.hexdigest()


def members(archive: BinaryIO) -> tuple[list[Member], list[Fault]]:
    """Index an archive without unpacking it.

    The headers are walked here and not by `tarfile`, which follows extensions by which a header of half a
    kilobyte allocates gigabytes of memory. `tarfile` only decodes each header.

    Args:
        archive: The whole archive, at any position.

    Returns:
        The plain files in their order, and a fault for everything else.
    """
    end = archive.seek(0, os.SEEK_END)
    files: list[Member] = []
    faults: list[Fault] = []
    position = 0
    while position + tarfile.BLOCKSIZE <= end:
        archive.seek(position)
        header = archive.read(tarfile.BLOCKSIZE)
        if not any(header):
            return files, faults
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "replace")
        except tarfile.HeaderError as error:
            return files, [*faults, Fault("", f"byte {position} is not the header of a tar archive: {error}")]
        position += tarfile.BLOCKSIZE
        if len(files) + len(faults) == MAX_MEMBERS:
            return files, [*faults, Fault("", f"the archive has more than {MAX_MEMBERS} files")]
        if fault := _fault(info, remaining=end - position):
            faults.append(fault)
        else:
            files.append(Member(info.name, info.size, position))
        if not 0 <= info.size <= end - position:
            return files, faults
        position += info.size + _padding(info.size)
    return files, [*faults, Fault("", "the archive breaks off: its closing block is missing")]


def _fault(info: tarfile.TarInfo, *, remaining: int) -> Fault | None:
    """Return the fault of a header, or None.

    Args:
        info: The header.
        remaining: Number of bytes that follow it.
    """
    place = f"/{info.name[:200]}"
    if info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
        return Fault(
            place, f"is of tar's type {info.type!r}; only plain files ({tarfile.REGTYPE!r}) are taken"
        )
    if not 0 <= info.size <= remaining:
        return Fault(place, f"says that it has {info.size} bytes, but {remaining} follow")
    return None
