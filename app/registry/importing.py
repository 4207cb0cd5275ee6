"""A checkpoint that comes from elsewhere: everything is checked before anything is in the store."""

import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, BinaryIO, Final

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError, safe_open
from starlette.concurrency import run_in_threadpool

from app.parsing.documents import media_type
from app.parsing.problems import UnsupportedMediaType
from app.parsing.validation_errors import body_faults
from app.registry.archives import TAR, Member, members
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName, Trainable
from core.contracts.weights import WEIGHTS, head_rows, labels_metadata
from core.errors import Conflict, Fault, InvalidInput
from core.store import Store
from core.store.checkpoints import MANIFEST
from core.store.error_translation import translate_storage_errors
from core.store.names import is_file_name

TENSORS: Final = ".safetensors"
TEXTS: Final = frozenset({".json", ".txt"})
"""Configuration, and the vocabularies of tokenizers."""

MAX_MANIFEST_BYTES: Final = 4 * 2**20
"""Four thousand labels with the scores of each fill a quarter of this."""

MAX_TEXT_BYTES: Final = 64 * 2**20
"""The largest vocabulary in use, of 256,000 pieces, takes 34 MB."""


class _Options(BaseModel):
    """The one option that makes transformers ask for code of somebody's own; here it is never run."""

    auto_map: None = None


async def _received(request: Request) -> AsyncIterator[BinaryIO]:
    """Keep the body in a temporary file while the request is answered; its size is the middleware's to watch.

    Raises:
        UnsupportedMediaType: It is not said to be a tar archive.
        StoreFull: There is no space for it.
    """
    if media_type(request) != TAR:
        raise UnsupportedMediaType(f"expected {TAR}, got {media_type(request) or 'no content-type'!r}")
    with tempfile.TemporaryFile(prefix="xmetra-") as file:
        async for chunk in request.stream():
            with translate_storage_errors("keep", "the archive"):
                await run_in_threadpool(file.write, chunk)
        yield file


ReceivedArchive = Annotated[BinaryIO, Depends(_received)]


def import_archive(archive: BinaryIO, store: Store) -> tuple[CheckpointManifest, bool]:
    """Publish the checkpoint in an archive.

    Returns:
        What it is, and whether it is new here.

    Raises:
        InvalidInput: Everything wrong with the archive.
        Conflict: There is another of its name, or its base is not here.
        StoreFull: No space is left.
        StoreUnavailable: The store cannot be written.
    """
    manifest, files = checked(archive)
    with tempfile.TemporaryDirectory(prefix="xmetra-") as name:
        folder = Path(name)
        if faults := list(_unpacked(archive, files, manifest, folder)):
            raise InvalidInput(faults)
        _refuse_stranger(manifest, store)
        is_new = store.checkpoints.publish(folder, manifest=manifest)
    if is_new:
        _withdraw_orphan(manifest, store)
    return manifest, is_new


def checked(archive: BinaryIO) -> tuple[CheckpointManifest, list[Member]]:
    """Return the manifest and the other files of an archive, before anything is unpacked.

    Raises:
        InvalidInput: Everything wrong with types, names, sizes and the manifest.
    """
    found, faults = members(archive)
    by_name = {member.name: member for member in found}
    faults += _repetitions(found)
    manifest: CheckpointManifest | None = None
    if MANIFEST in by_name:
        try:
            manifest = _manifest(archive, by_name.pop(MANIFEST))
        except InvalidInput as error:
            faults += error.faults
    elif not faults:
        faults.append(Fault(f"/{MANIFEST}", "is missing"))
    for member in by_name.values():
        faults += _file_faults(member)
    if manifest is not None:
        faults += _disagreements(manifest, by_name)
    if manifest is None or faults:
        raise InvalidInput(faults)
    return manifest, list(by_name.values())


def _manifest(archive: BinaryIO, member: Member) -> CheckpointManifest:
    """Return the manifest in an archive.

    Raises:
        InvalidInput: Everything wrong with it.
    """
    place = f"/{MANIFEST}"
    if member.size > MAX_MANIFEST_BYTES:
        raise InvalidInput([Fault(place, f"has {member.size} bytes; the limit is {MAX_MANIFEST_BYTES}")])
    archive.seek(member.offset)
    try:
        return CheckpointManifest.model_validate_json(archive.read(member.size))
    except ValidationError as error:
        found = body_faults(error.errors(include_url=False), None)
        raise InvalidInput([Fault(f"{place}{fault.pointer}", fault.detail) for fault in found]) from None


def _repetitions(found: Sequence[Member]) -> Iterator[Fault]:
    """Yield names that occur more than once, and those of files that others need as folders."""
    names = [member.name for member in found]
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents}
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Fault(f"/{name}", f"is there {names.count(name)} times")
        if name in folders:
            yield Fault(f"/{name}", "is a file, and the folder of another one")


def _file_faults(member: Member) -> Iterator[Fault]:
    """Yield what is wrong with the name, the kind or the size of one file."""
    place, suffix = f"/{member.name[:200]}", PurePosixPath(member.name).suffix
    if not is_file_name(member.name):
        yield Fault(place, "is no name for a file of a checkpoint")
    elif suffix not in {TENSORS, *TEXTS}:
        yield Fault(place, f"is of a kind that is not taken; {TENSORS}, {' and '.join(sorted(TEXTS))} are")
    if suffix in TEXTS and member.size > MAX_TEXT_BYTES:
        yield Fault(place, f"has {member.size} bytes; the limit for a text is {MAX_TEXT_BYTES}")


def _disagreements(manifest: CheckpointManifest, files: Mapping[str, Member]) -> Iterator[Fault]:
    """Yield what the manifest says otherwise than the archive, and what no checkpoint can do without."""
    for name in sorted(files.keys() - manifest.files.keys()):
        yield Fault(f"/{name[:200]}", "is not named in the manifest")
    for name in sorted(manifest.files.keys() - files.keys()):
        yield Fault(f"/{MANIFEST}/files", f"{name[:200]!r} is not in the archive")
    if WEIGHTS not in manifest.files:
        yield Fault(f"/{MANIFEST}/files", f"no {WEIGHTS} is named")
    if not manifest.languages:
        yield Fault(f"/{MANIFEST}/languages", "at least one language is needed")


def _unpacked(
    archive: BinaryIO, files: Sequence[Member], manifest: CheckpointManifest, folder: Path
) -> Iterator[Fault]:
    """Unpack into an empty folder, and yield everything that is not what its name or checksum says."""
    for member in files:
        target = folder / member.name
        with translate_storage_errors("unpack", member.name):
            target.parent.mkdir(parents=True, exist_ok=True)
        if member.extract(archive, target) != manifest.files[member.name]:
            yield Fault(f"/{member.name}", "does not have the SHA-256 that the manifest says")
        elif fault := _content_fault(target, manifest):
            yield Fault(f"/{member.name}", fault)


def _content_fault(path: Path, manifest: CheckpointManifest) -> str | None:
    """Return why a file is not what its name or the manifest says, or None if it is."""
    try:
        if path.suffix == TENSORS:
            return _tensors_fault(path, manifest)
        if path.suffix == ".json":
            _Options.model_validate_json(path.read_bytes())
        else:
            path.read_bytes().decode()
    except SafetensorError as error:
        return f"is not a safetensors file: {error}"
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        return "names code of its own (auto_map)" if fault["loc"] else f"is not a JSON object: {fault['msg']}"
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8"
    return None


def _tensors_fault(path: Path, manifest: CheckpointManifest) -> str | None:
    """Return why a file of tensors cannot be this checkpoint's, or None if it can.

    Raises:
        SafetensorError: It is none.
    """
    with safe_open(path, framework="numpy") as tensors:
        if path.name != WEIGHTS:
            return None
        if tensors.metadata() != labels_metadata(manifest.intents, manifest.slots):
            return "was written for other labels than the manifest has"
        names = set(tensors.keys())
        for name, rows in head_rows(manifest.intents, manifest.slots).items():
            found = tensors.get_slice(name).get_shape()[0] if name in names else 0
            if found != rows:
                return f"{name} has {found} rows; the manifest's labels need {rows}"
    return None


def _refuse_stranger(manifest: CheckpointManifest, store: Store) -> None:
    """Refuse what would not work here, or could not be told from another checkpoint.

    Raises:
        Conflict: Another task has a checkpoint of that name, or the base is not here.
    """
    checkpoint_id = manifest.checkpoint_id
    for task in TaskName:
        if task is not manifest.task and store.checkpoints.exists(task, checkpoint_id):
            raise Conflict(f"there is another checkpoint named {checkpoint_id}, of {task}")
    if not _has_base(manifest, store):
        raise Conflict(
            f"checkpoint {checkpoint_id} holds only what was added to {manifest.base_id}, "
            "which is not here: import that one first"
        )


def _withdraw_orphan(manifest: CheckpointManifest, store: Store) -> None:
    """Take a checkpoint back whose base was deleted between our look and our manifest.

    Raises:
        Conflict: It was.
    """
    if not _has_base(manifest, store):
        store.checkpoints.delete(manifest.task, manifest.checkpoint_id, guard=lambda: None)
        raise Conflict(f"checkpoint {manifest.base_id}, which this one was added to, was deleted meanwhile")


def _has_base(manifest: CheckpointManifest, store: Store) -> bool:
    """Whether what a checkpoint was added to is here; a whole one needs nothing."""
    if manifest.trainable is Trainable.ALL or manifest.base_id is None:
        return True
    return store.checkpoints.exists(manifest.task, manifest.base_id)
