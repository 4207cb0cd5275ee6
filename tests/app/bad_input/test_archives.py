"""Faulty archives: every fault is reported, and nothing is imported."""

import hashlib
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from core.contracts.weights import labels_metadata
from tests.app.archives import FILES, archive, manifest, members, send, tar, weights
from tests.app.service import INTENTS, SLOTS, Json, Service, faults, problem


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def refused(service: Service, data: bytes, status: int = 422) -> Json:
    """Import a faulty archive and return the problem, after checking that the store is unchanged."""
    before = service.http.get("/checkpoints").json()
    refusal = problem(send(service, data), status)
    assert service.http.get("/checkpoints").json() == before
    assert not (service.folder / "checkpoints" / "mtod" / "es-7").exists()
    return refusal


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """Return an archive member that is no plain file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def with_size(data: bytes, position: int, size: int) -> bytes:
    """Return an archive with another size in the header at a position."""
    info = tarfile.TarInfo.frombuf(data[position : position + 512], "utf-8", "strict")
    info.size = size
    return data[:position] + info.tobuf(tarfile.GNU_FORMAT) + data[position + 512 :]


def with_files(**changes: bytes) -> Mapping[str, bytes]:
    return {**FILES, **changes}


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", ".hidden.json", "a\\b.json"]
)
def test_import_refuses_names_outside_the_folder(service: Service, temporary: Path, name: str) -> None:
    details = faults(refused(service, archive(with_files(**{name: b"{}"}))))

    assert details[f"/{name}"] == "is no name for a file of a checkpoint"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.DIRTYPE,
        tarfile.FIFOTYPE,
        tarfile.CHRTYPE,
        tarfile.GNUTYPE_SPARSE,
    ],
)
def test_import_refuses_members_that_are_no_plain_files(service: Service, kind: bytes) -> None:
    parts = [*members({"manifest.json": json.dumps(manifest()).encode()}), *members(FILES)]

    details = faults(refused(service, tar([*parts, special("link.json", kind, "/etc/passwd")])))

    assert "only plain files" in details["/link.json"]


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_import_refuses_tar_extensions_that_allocate_memory(service: Service, kind: bytes) -> None:
    info = tarfile.TarInfo("long")
    info.type, info.size = kind, 2**33 - 1

    details = faults(refused(service, info.tobuf(tarfile.USTAR_FORMAT) + archive()))

    assert "only plain files" in details["/long"]


def test_import_refuses_repeated_names(service: Service) -> None:
    parts = members({"manifest.json": json.dumps(manifest()).encode()})

    details = faults(refused(service, tar([*parts, *members(FILES), *members({"config.json": b"{}"})])))

    assert details["/config.json"] == "is there 2 times"


def test_import_refuses_two_manifests(service: Service) -> None:
    data = json.dumps(manifest()).encode()

    details = faults(
        refused(
            service,
            tar([*members({"manifest.json": data}), *members({"manifest.json": data}), *members(FILES)]),
        )
    )

    assert details["/manifest.json"] == "is there 2 times"


def test_import_refuses_a_file_that_is_also_a_folder(service: Service) -> None:
    details = faults(refused(service, archive(with_files(**{"a.json": b"{}", "a.json/b.json": b"{}"}))))

    assert details["/a.json"] == "is a file, and the folder of another one"


def test_import_reports_unnamed_and_missing_files(service: Service) -> None:
    said = manifest(with_files(**{"missing.json": b"{}"}))
    del said["files"]["config.json"]

    details = faults(refused(service, archive(said=said)))

    assert details == {
        "/config.json": "is not named in the manifest",
        "/manifest.json/files": "'missing.json' is not in the archive",
    }


def test_import_refuses_a_manifest_that_names_itself(service: Service) -> None:
    said = manifest()
    said["files"]["manifest.json"] = "0" * 64

    details = faults(refused(service, archive(said=said)))

    assert details["/manifest.json/files"] == "'manifest.json' is not in the archive"


@pytest.mark.parametrize(
    "name", ["model.bin", "model.pt", "pytorch_model.pkl", "modeling.py", "template.jinja", "model"]
)
def test_import_refuses_kinds_of_files_that_may_be_code(service: Service, name: str) -> None:
    details = faults(refused(service, archive(with_files(**{name: b"x"}))))

    assert "is of a kind that is not taken" in details[f"/{name}"]


def test_import_refuses_a_pickle_named_as_weights(service: Service) -> None:
    details = faults(refused(service, archive(with_files(**{"model.safetensors": b"\x80\x04K\x01." * 9}))))

    assert "is not a safetensors file" in details["/model.safetensors"]


def test_import_refuses_weights_of_other_labels(service: Service) -> None:
    files = with_files(**{"model.safetensors": weights(slots=["place"])})

    details = faults(refused(service, archive(files)))

    assert details == {"/model.safetensors": "was written for other labels than the manifest has"}


@pytest.mark.parametrize("rows", [0, 2, 4])
def test_import_refuses_heads_of_a_wrong_size(service: Service, rows: int) -> None:
    files = with_files(**{"model.safetensors": weights(rows={"intent_head.weight": rows})})

    details = faults(refused(service, archive(files)))

    assert details == {
        "/model.safetensors": f"intent_head.weight has {rows} rows; the manifest's labels need {len(INTENTS)}"
    }


def test_import_refuses_weights_without_a_head(service: Service) -> None:
    alone = save({"intent_head.weight": np.zeros((3, 4))}, metadata=labels_metadata(INTENTS, SLOTS))

    details = faults(refused(service, archive(with_files(**{"model.safetensors": alone}))))

    assert details == {"/model.safetensors": "slot_head.weight has 0 rows; the manifest's labels need 5"}


def test_import_refuses_a_configuration_that_names_code(service: Service) -> None:
    config = b'{"auto_map": {"AutoModel": "modeling.Evil"}}'

    details = faults(refused(service, archive(with_files(**{"config.json": config}))))

    assert details == {"/config.json": "names code of its own (auto_map)"}


def test_import_reports_all_faults_of_the_contents(service: Service) -> None:
    files = {
        "config.json": b"[1",
        "vocab.txt": b"\xff",
        "model.safetensors": b"no weights",
        "extra.json": b"{}",
    }
    said = manifest(files)
    said["files"]["extra.json"] = hashlib.sha256(b"other").hexdigest()

    details = faults(refused(service, archive(files, said)))

    assert details.keys() == {"/config.json", "/vocab.txt", "/model.safetensors", "/extra.json"}
    assert details["/extra.json"] == "does not have the SHA-256 that the manifest says"
    assert details["/vocab.txt"] == "byte 0 is not UTF-8"


def test_import_reports_all_faults_of_the_manifest(service: Service) -> None:
    said = manifest(languages=["xx-nowhere!"], checkpoint_id="../es", colour="blue")
    del said["encoder"]

    details = faults(refused(service, archive(said=said)))

    assert details.keys() == {
        "/manifest.json/languages/0",
        "/manifest.json/checkpoint_id",
        "/manifest.json/colour",
        "/manifest.json/encoder",
    }


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff"])
def test_import_refuses_an_invalid_manifest(service: Service, data: bytes) -> None:
    assert "/manifest.json" in faults(refused(service, archive(said=data)))


def test_import_refuses_an_archive_without_a_manifest(service: Service) -> None:
    assert faults(refused(service, tar(members(FILES)))) == {"/manifest.json": "is missing"}


def test_import_refuses_a_checkpoint_without_weights_or_languages(service: Service) -> None:
    details = faults(refused(service, archive({"config.json": b"{}"}, languages=[])))

    assert details.keys() == {"/manifest.json/files", "/manifest.json/languages"}


def test_import_refuses_texts_over_their_limit(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.registry.importing.MAX_TEXT_BYTES", 20)
    details = faults(refused(service, archive(with_files(**{"config.json": b"{" + b" " * 20 + b"}"}))))
    assert details["/config.json"] == "has 22 bytes; the limit for a text is 20"

    monkeypatch.setattr("app.registry.importing.MAX_MANIFEST_BYTES", 20)
    assert "the limit is 20" in faults(refused(service, archive()))["/manifest.json"]


def test_import_refuses_too_many_files(service: Service) -> None:
    many = {f"{number}.json": b"{}" for number in range(101)}

    details = faults(refused(service, archive({**FILES, **many})))

    assert details[""] == "the archive has more than 100 files"


@pytest.mark.parametrize("size", [2**40, 10_000_000, -512])
def test_import_refuses_a_wrong_size_in_a_header(service: Service, size: int) -> None:
    details = faults(refused(service, with_size(archive(), 0, size)))

    assert f"says that it has {size} bytes" in details["/manifest.json"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + b"x" * 600, b"x" * 511, b"\0" * 512, b"\xff" * 1024])
def test_import_refuses_a_body_that_is_no_archive(service: Service, data: bytes) -> None:
    refused(service, data)


def test_import_refuses_a_truncated_archive(service: Service) -> None:
    whole = archive()
    used = len(whole.rstrip(b"\0"))
    for length in (600, used - 10, used + -used % 512):
        refused(service, whole[:length])
