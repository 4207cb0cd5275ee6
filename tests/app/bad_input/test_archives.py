"""Archives in which something is wrong: all of it is told, and nothing of it comes in."""

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
    """Where temporary files are."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def refused(service: Service, data: bytes, status: int = 422) -> Json:
    """Send what is refused; afterwards the store is as it was."""
    before = service.http.get("/checkpoints").json()
    told = problem(send(service, data), status)
    assert service.http.get("/checkpoints").json() == before
    assert not (service.folder / "checkpoints" / "mtod" / "es-7").exists()
    return told


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """Return a member that is no plain file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def with_size(data: bytes, position: int, size: int) -> bytes:
    """Return an archive in which the header at a position says another size."""
    info = tarfile.TarInfo.frombuf(data[position : position + 512], "utf-8", "strict")
    info.size = size
    return data[:position] + info.tobuf(tarfile.GNU_FORMAT) + data[position + 512 :]


def with_files(**changes: bytes) -> Mapping[str, bytes]:
    return {**FILES, **changes}


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", ".hidden.json", "a\\b.json"]
)
def test_a_name_that_leads_elsewhere(service: Service, temporary: Path, name: str) -> None:
    told = faults(refused(service, archive(with_files(**{name: b"{}"}))))

    assert told[f"/{name}"] == "is no name for a file of a checkpoint"
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
def test_whatever_is_no_plain_file(service: Service, kind: bytes) -> None:
    parts = [*members({"manifest.json": json.dumps(manifest()).encode()}), *members(FILES)]

    told = faults(refused(service, tar([*parts, special("link.json", kind, "/etc/passwd")])))

    assert "only plain files" in told["/link.json"]


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_extensions_that_could_ask_for_any_memory(service: Service, kind: bytes) -> None:
    info = tarfile.TarInfo("long")
    info.type, info.size = kind, 2**33 - 1

    told = faults(refused(service, info.tobuf(tarfile.USTAR_FORMAT) + archive()))

    assert "only plain files" in told["/long"]


def test_a_name_that_is_there_twice(service: Service) -> None:
    parts = members({"manifest.json": json.dumps(manifest()).encode()})

    told = faults(refused(service, tar([*parts, *members(FILES), *members({"config.json": b"{}"})])))

    assert told["/config.json"] == "is there 2 times"


def test_two_manifests(service: Service) -> None:
    data = json.dumps(manifest()).encode()

    told = faults(
        refused(
            service,
            tar([*members({"manifest.json": data}), *members({"manifest.json": data}), *members(FILES)]),
        )
    )

    assert told["/manifest.json"] == "is there 2 times"


def test_a_file_that_is_also_a_folder(service: Service) -> None:
    told = faults(refused(service, archive(with_files(**{"a.json": b"{}", "a.json/b.json": b"{}"}))))

    assert told["/a.json"] == "is a file, and the folder of another one"


def test_a_file_that_the_manifest_does_not_name_and_one_that_is_not_there(service: Service) -> None:
    said = manifest(with_files(**{"missing.json": b"{}"}))
    del said["files"]["config.json"]

    told = faults(refused(service, archive(said=said)))

    assert told == {
        "/config.json": "is not named in the manifest",
        "/manifest.json/files": "'missing.json' is not in the archive",
    }


def test_a_manifest_that_names_itself(service: Service) -> None:
    said = manifest()
    said["files"]["manifest.json"] = "0" * 64

    told = faults(refused(service, archive(said=said)))

    assert told["/manifest.json/files"] == "'manifest.json' is not in the archive"


@pytest.mark.parametrize(
    "name", ["model.bin", "model.pt", "pytorch_model.pkl", "modeling.py", "template.jinja", "model"]
)
def test_a_kind_of_file_that_could_be_code(service: Service, name: str) -> None:
    told = faults(refused(service, archive(with_files(**{name: b"x"}))))

    assert "is of a kind that is not taken" in told[f"/{name}"]


def test_a_pickle_that_calls_itself_weights(service: Service) -> None:
    told = faults(refused(service, archive(with_files(**{"model.safetensors": b"\x80\x04K\x01." * 9}))))

    assert "is not a safetensors file" in told["/model.safetensors"]


def test_weights_of_other_labels(service: Service) -> None:
    files = with_files(**{"model.safetensors": weights(slots=["place"])})

    told = faults(refused(service, archive(files)))

    assert told == {"/model.safetensors": "was written for other labels than the manifest has"}


@pytest.mark.parametrize("rows", [0, 2, 4])
def test_heads_that_do_not_fit_the_labels(service: Service, rows: int) -> None:
    files = with_files(**{"model.safetensors": weights(rows={"intent_head.weight": rows})})

    told = faults(refused(service, archive(files)))

    assert told == {
        "/model.safetensors": f"intent_head.weight has {rows} rows; the manifest's labels need {len(INTENTS)}"
    }


def test_weights_without_a_head(service: Service) -> None:
    alone = save({"intent_head.weight": np.zeros((3, 4))}, metadata=labels_metadata(INTENTS, SLOTS))

    told = faults(refused(service, archive(with_files(**{"model.safetensors": alone}))))

    assert told == {"/model.safetensors": "slot_head.weight has 0 rows; the manifest's labels need 5"}


def test_a_configuration_that_names_code(service: Service) -> None:
    config = b'{"auto_map": {"AutoModel": "modeling.Evil"}}'

    told = faults(refused(service, archive(with_files(**{"config.json": config}))))

    assert told == {"/config.json": "names code of its own (auto_map)"}


def test_everything_wrong_with_the_contents_at_once(service: Service) -> None:
    files = {
        "config.json": b"[1",
        "vocab.txt": b"\xff",
        "model.safetensors": b"no weights",
        "extra.json": b"{}",
    }
    said = manifest(files)
    said["files"]["extra.json"] = hashlib.sha256(b"other").hexdigest()

    told = faults(refused(service, archive(files, said)))

    assert told.keys() == {"/config.json", "/vocab.txt", "/model.safetensors", "/extra.json"}
    assert told["/extra.json"] == "does not have the SHA-256 that the manifest says"
    assert told["/vocab.txt"] == "byte 0 is not UTF-8"


def test_everything_wrong_with_the_manifest_at_once(service: Service) -> None:
    said = manifest(languages=["xx-nowhere!"], checkpoint_id="../es", colour="blue")
    del said["encoder"]

    told = faults(refused(service, archive(said=said)))

    assert told.keys() == {
        "/manifest.json/languages/0",
        "/manifest.json/checkpoint_id",
        "/manifest.json/colour",
        "/manifest.json/encoder",
    }


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff"])
def test_a_manifest_that_is_none(service: Service, data: bytes) -> None:
    assert "/manifest.json" in faults(refused(service, archive(said=data)))


def test_no_manifest(service: Service) -> None:
    assert faults(refused(service, tar(members(FILES)))) == {"/manifest.json": "is missing"}


def test_a_checkpoint_without_weights_or_languages(service: Service) -> None:
    told = faults(refused(service, archive({"config.json": b"{}"}, languages=[])))

    assert told.keys() == {"/manifest.json/files", "/manifest.json/languages"}


def test_a_text_or_a_manifest_that_is_too_large(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.registry.importing.MAX_TEXT_BYTES", 20)
    told = faults(refused(service, archive(with_files(**{"config.json": b"{" + b" " * 20 + b"}"}))))
    assert told["/config.json"] == "has 22 bytes; the limit for a text is 20"

    monkeypatch.setattr("app.registry.importing.MAX_MANIFEST_BYTES", 20)
    assert "the limit is 20" in faults(refused(service, archive()))["/manifest.json"]


def test_more_files_than_any_checkpoint_has(service: Service) -> None:
    many = {f"{number}.json": b"{}" for number in range(101)}

    told = faults(refused(service, archive({**FILES, **many})))

    assert told[""] == "the archive has more than 100 files"


@pytest.mark.parametrize("size", [2**40, 10_000_000, -512])
def test_a_size_that_is_not_true(service: Service, size: int) -> None:
    told = faults(refused(service, with_size(archive(), 0, size)))

    assert f"says that it has {size} bytes" in told["/manifest.json"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + b"x" * 600, b"x" * 511, b"\0" * 512, b"\xff" * 1024])
def test_what_is_no_archive(service: Service, data: bytes) -> None:
    refused(service, data)


def test_an_archive_that_breaks_off(service: Service) -> None:
    whole = archive()
    used = len(whole.rstrip(b"\0"))
    for length in (600, used - 10, used + -used % 512):
        refused(service, whole[:length])
