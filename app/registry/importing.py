"""Import of checkpoint archives, which are validated completely before anything is stored."""

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
from core.contracts.values import Trainable
from core.contracts.weights import WEIGHTS, labels_metadata
from core.errors import Conflict, Fault, InvalidInput
from core.store import Store
from core.store.checkpoints import MANIFEST
from core.store.error_translation import translate_storage_errors
from core.store.names import is_file_name
from core.tasks.registry import task_names, task_spec

TENSORS: Final = ".safetensors"
TEXTS: Final = frozenset({".json", ".txt"})
"""Configuration, and the vocabularies of tokenizers."""

MAX_MANIFEST_BYTES: Final = 4 * 2**20
"""Four thousand labels with the scores of each fill a quarter of this."""

MAX_TEXT_BYTES: Final = 64 * 2**20
"""The largest vocabulary in use, of 256,000 pieces, takes 34 MB."""


class _Options(BaseModel):
    """The option by which transformers loads foreign code; it is refused.

    Attributes:
        auto_map: Class → module of a repository.
    """

    auto_map: None = None


async def _received(request: Request) -> AsyncIterator[BinaryIO]:
    """Yield the body in a temporary file; the middleware limits its size.

    Raises:
        UnsupportedMediaType: The content type is not that of a tar archive.
        StoreFull: No space is left.
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
        Its manifest, and whether it is new in this store.

    Raises:
        InvalidInput: All faults of the archive.
        Conflict: Another checkpoint has its id, or its base does not exist.
        StoreFull: No space is left.
        StoreUnavailable: The store cannot be written.
    """
    manifest, files = validate(archive)
    with tempfile.TemporaryDirectory(prefix="xmetra-") as name:
        folder = Path(name)
        if faults := list(_unpack(archive, files, manifest, folder)):
            raise InvalidInput(faults)
        _refuse_conflicts(manifest, store)
        is_new = store.checkpoints.publish(folder, manifest=manifest)
    if is_new:
        _withdraw_orphan(manifest, store)
    return manifest, is_new


def validate(archive: BinaryIO) -> tuple[CheckpointManifest, list[Member]]:
    """Return the manifest and the other files of an archive, before anything is unpacked.

    Raises:
        InvalidInput: All faults of types, names, sizes and the manifest.
    """
    files, faults = members(archive)
    by_name = {member.name: member for member in files}
    faults += _repetitions(files)
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
        InvalidInput: All faults of it.
    """
    place = f"/{MANIFEST}"
    if member.size > MAX_MANIFEST_BYTES:
        raise InvalidInput([Fault(place, f"has {member.size} bytes; the limit is {MAX_MANIFEST_BYTES}")])
    archive.seek(member.offset)
    try:
        return CheckpointManifest.model_validate_json(archive.read(member.size))
    except ValidationError as error:
        faults = body_faults(error.errors(include_url=False), None)
        raise InvalidInput([Fault(f"{place}{fault.pointer}", fault.detail) for fault in faults]) from None


def _repetitions(files: Sequence[Member]) -> Iterator[Fault]:
    """Yield names that occur more than once, and names of files that are folders of others."""
    names = [member.name for member in files]
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents}
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Fault(f"/{name}", f"is there {names.count(name)} times")
        if name in folders:
            yield Fault(f"/{name}", "is a file, and the folder of another one")


def _file_faults(member: Member) -> Iterator[Fault]:
    """Yield the faults of the name, the kind and the size of a file."""
    place, suffix = f"/{member.name[:200]}", PurePosixPath(member.name).suffix
    if not is_file_name(member.name):
        yield Fault(place, "is no name for a file of a checkpoint")
    elif suffix not in {TENSORS, *TEXTS}:
        yield Fault(place, f"is of a kind that is not taken; {TENSORS}, {' and '.join(sorted(TEXTS))} are")
    if suffix in TEXTS and member.size > MAX_TEXT_BYTES:
        yield Fault(place, f"has {member.size} bytes; the limit for a text is {MAX_TEXT_BYTES}")


def _disagreements(manifest: CheckpointManifest, files: Mapping[str, Member]) -> Iterator[Fault]:
    """Yield the contradictions of manifest and archive, and what every checkpoint must have."""
    for name in sorted(files.keys() - manifest.files.keys()):
        yield Fault(f"/{name[:200]}", "is not named in the manifest")
    for name in sorted(manifest.files.keys() - files.keys()):
        yield Fault(f"/{MANIFEST}/files", f"{name[:200]!r} is not in the archive")
    if WEIGHTS not in manifest.files:
        yield Fault(f"/{MANIFEST}/files", f"no {WEIGHTS} is named")
    if not manifest.languages:
        yield Fault(f"/{MANIFEST}/languages", "at least one language is needed")


def _unpack(
    archive: BinaryIO, files: Sequence[Member], manifest: CheckpointManifest, folder: Path
) -> Iterator[Fault]:
    """Unpack into an empty folder, and yield a fault for each file that contradicts its name or checksum."""
    for member in files:
        target = folder / member.name
        with translate_storage_errors("unpack", member.name):
            target.parent.mkdir(parents=True, exist_ok=True)
        if member.extract(archive, target) != manifest.files[member.name]:
            yield Fault(f"/{member.name}", "does not have the SHA-256 that the manifest says")
        elif fault := _content_fault(target, manifest):
            yield Fault(f"/{member.name}", fault)


def _content_fault(path: Path, manifest: CheckpointManifest) -> str | None:
    """Return how the content of a file contradicts its name or the manifest, or None."""
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
    """Return why a file of tensors cannot be of this checkpoint, or None.

    Raises:
        SafetensorError: It is no safetensors file.
    """
    with safe_open(path, framework="numpy") as tensors:
        if path.name != WEIGHTS:
            return None
        if tensors.metadata() != labels_metadata(manifest.intents, manifest.slots):
            return "was written for other labels than the manifest has"
        names = set(tensors.keys())
        for name, rows in task_spec(manifest.task).head_rows(manifest.intents, manifest.slots).items():
            actual = tensors.get_slice(name).get_shape()[0] if name in names else 0
            if actual != rows:
                return f"{name} has {actual} rows; the manifest's labels need {rows}"
    return None


def _refuse_conflicts(manifest: CheckpointManifest, store: Store) -> None:
    """Refuse a checkpoint that would not work in this store, or has the id of another.

    Raises:
        Conflict: Another task has a checkpoint of that id, or the base does not exist.
    """
    checkpoint_id = manifest.checkpoint_id
    for task in task_names():
        if task != manifest.task and store.checkpoints.exists(task, checkpoint_id):
            raise Conflict(f"there is another checkpoint named {checkpoint_id}, of {task}")
    if not _has_base(manifest, store):
        raise Conflict(
            f"checkpoint {checkpoint_id} holds only what was added to {manifest.base_id}, "
            "which is not here: import that one first"
        )


def _withdraw_orphan(manifest: CheckpointManifest, store: Store) -> None:
    """Delete the imported checkpoint again if its base was deleted between our check and our manifest.

    Raises:
        Conflict: The base was deleted.
    """
    if not _has_base(manifest, store):
        store.checkpoints.delete(manifest.task, manifest.checkpoint_id, guard=lambda: None)
        raise Conflict(f"checkpoint {manifest.base_id}, which this one was added to, was deleted meanwhile")


def _has_base(manifest: CheckpointManifest, store: Store) -> bool:
    """Whether the base that a checkpoint needs exists; a complete checkpoint needs none."""
    if manifest.trainable is Trainable.ALL or manifest.base_id is None:
        return True
    return store.checkpoints.exists(manifest.task, manifest.base_id)
