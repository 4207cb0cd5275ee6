"""A checkpoint as one file: a tar archive, however large and in little memory.

Tar, because each header tells a file's size before its bytes and no table follows at the end: it is
written front to back, its length is known before its first byte, and it can be looked through without
reading a weight. Not compressed, because weights hardly shrink, and because what was sent is then as
large as what comes out.
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
"""Files in an archive; a checkpoint has about eight."""

_END: Final = bytes(2 * tarfile.BLOCKSIZE)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is about to be sent.

    Attributes:
        size: Its bytes.
        chunks: Its content; files stay open until it has ended.
    """

    size: int
    chunks: Iterator[bytes]


def packed(manifest: CheckpointManifest, folder: Path) -> Archive:
    """Pack a checkpoint: its manifest, then every file that the manifest names.

    The same checkpoint gives the same bytes. All files are opened at once, so that a deletion cannot
    break off what is being sent.

    Args:
        manifest: What the checkpoint is.
        folder: Where its files and its manifest are.

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
    """Return the header, the size and the open file of one name."""
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(2, "missing", str(path))
    with translate_storage_errors("read", name):
        file = files.enter_context(path.open("rb"))
    info = tarfile.TarInfo(name)
    info.size = os.fstat(file.fileno()).st_size
    return info.tobuf(tarfile.USTAR_FORMAT), info.size, file


def _content(parts: list[tuple[bytes, int, BinaryIO]], files: ExitStack) -> Iterator[bytes]:
    """Yield headers and files, a piece at a time."""
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
        name: As the archive says it; nothing about it is known to be safe.
        size: Bytes, all of which are there.
        offset: Where they begin.
    """

    name: str
    size: int
    offset: int

    def extract(self, archive: BinaryIO, target: Path) -> str:
        """Copy the file to a path whose folder exists, and return its SHA-256.

        Raises:
            StoreFull: There is no space for it.
            StoreUnavailable: It cannot be written.
        """
        digest = hashlib.sha256()
        archive.seek(self.offset)
        left = self.size
        with translate_storage_errors("unpack", self.name), target.open("xb") as file:
            while left:
                chunk = archive.read(min(left, CHUNK_BYTES))
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
        return digest.hexdigest()


def members(archive: BinaryIO) -> tuple[list[Member], list[Fault]]:
    """Return what an archive says it holds, and what is wrong with that; nothing is unpacked.

    The headers are walked here, not by `tarfile`, which would follow the extensions that let a
    header of half a kilobyte ask for gigabytes of memory. `tarfile` only decodes each.

    Args:
        archive: All of it, at any position.

    Returns:
        Plain files in their order, and a fault for everything else.
    """
    end = archive.seek(0, os.SEEK_END)
    found: list[Member] = []
    faults: list[Fault] = []
    position = 0
    while position + tarfile.BLOCKSIZE <= end:
        archive.seek(position)
        header = archive.read(tarfile.BLOCKSIZE)
        if not any(header):
            return found, faults
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "replace")
        except tarfile.HeaderError as error:
            return found, [*faults, Fault("", f"byte {position} is not the header of a tar archive: {error}")]
        position += tarfile.BLOCKSIZE
        if len(found) + len(faults) == MAX_MEMBERS:
            return found, [*faults, Fault("", f"the archive has more than {MAX_MEMBERS} files")]
        if fault := _fault(info, left=end - position):
            faults.append(fault)
        else:
            found.append(Member(info.name, info.size, position))
        if not 0 <= info.size <= end - position:
            return found, faults
        position += info.size + _padding(info.size)
    return found, [*faults, Fault("", "the archive breaks off: its closing block is missing")]


def _fault(info: tarfile.TarInfo, *, left: int) -> Fault | None:
    """Return what is wrong with a header, if something is.

    Args:
        info: The header.
        left: Bytes behind it.
    """
    place = f"/{info.name[:200]}"
    if info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
        return Fault(
            place, f"is of tar's type {info.type!r}; only plain files ({tarfile.REGTYPE!r}) are taken"
        )
    if not 0 <= info.size <= left:
        return Fault(place, f"says that it has {info.size} bytes, but {left} follow")
    return None
