"""The encoder in the package: languages, format and checksums."""

import json
import shutil
from pathlib import Path

import pytest
from transformers import BertModel, PreTrainedModel, PreTrainedTokenizerFast

from core.encoders.embedded.artifact import CARD, MANIFEST, ROWS
from core.encoders.embedded.assembly import SHIPPED, base_model, load_student
from core.encoders.embedded.corpus import LANGUAGES
from core.encoders.embedded.minilm import base_vocabulary
from core.encoders.embedded.vocabulary import base_piece
from core.errors import CorruptArtifact
from tests.core.vectors import mean_states

ENGLISH = [
    "wake me up at six tomorrow",
    "will it rain this weekend?",
    "play some music",
    "remind me to buy milk",
    "turn off the light in the kitchen",
]
TRANSLATED = {
    "es": ["despiértame mañana a las seis", "¿lloverá este fin de semana?"],
    "th": ["ปลุกฉันพรุ่งนี้ตอนหกโมง", "สุดสัปดาห์นี้ฝนจะตกไหม"],
    "de": ["weck mich morgen um sechs", "wird es am Wochenende regnen?"],
    "fr": ["réveille-moi demain à six heures", "va-t-il pleuvoir ce week-end ?"],
    "ar": ["أيقظني غدا الساعة السادسة", "هل ستمطر في نهاية هذا الأسبوع؟"],
    "hi": ["मुझे कल छह बजे जगा देना", "क्या इस सप्ताहांत बारिश होगी?"],
    "bn": ["আমাকে কাল ছয়টায় জাগিয়ে দাও", "এই সপ্তাহান্তে কি বৃষ্টি হবে?"],
    "te": ["రేపు ఆరు గంటలకు నన్ను లేపు", "ఈ వారాంతంలో వర్షం పడుతుందా?"],
    "ja": ["明日六時に起こして", "今週末は雨が降りますか"],
    "zh": ["明天六点叫醒我", "这个周末会下雨吗？"],
    "ko": ["내일 여섯 시에 깨워 줘", "이번 주말에 비가 올까?"],
    "ru": ["разбуди меня завтра в шесть", "будет ли дождь в эти выходные?"],
    "sw": ["niamshe kesho saa kumi na mbili", "mvua itanyesha wikendi hii?"],
    "fi": ["herätä minut huomenna kuudelta", "sataako tänä viikonloppuna?"],
    "id": ["bangunkan aku besok jam enam", "apakah akhir pekan ini akan hujan?"],
    "tr": ["beni yarın altıda uyandır", "bu hafta sonu yağmur yağacak mı?"],
    "vi": ["đánh thức tôi lúc sáu giờ ngày mai", "cuối tuần này trời có mưa không?"],
    "it": ["svegliami domani alle sei", "pioverà questo fine settimana?"],
    "pt": ["acorde-me amanhã às seis", "vai chover neste fim de semana?"],
    "pl": ["obudź mnie jutro o szóstej", "czy będzie padać w ten weekend?"],
    "nl": ["maak me morgen om zes uur wakker", "gaat het dit weekend regenen?"],
}

Shipped = tuple[PreTrainedModel, PreTrainedTokenizerFast]


@pytest.fixture(scope="module")
def shipped() -> Shipped:
    return load_student()


def test_manifest_names_all_languages() -> None:
    manifest = json.loads((SHIPPED / MANIFEST).read_text(encoding="utf-8"))
    assert tuple(manifest["languages"]) == LANGUAGES
    assert set(TRANSLATED) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_shipped_encoder_retrieves_translations(shipped: Shipped, language: str) -> None:
    similarities = mean_states(*shipped, TRANSLATED[language]) @ mean_states(*shipped, ENGLISH).T
    assert similarities.argmax(dim=1).tolist() == [0, 1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_shipped_tokenizer_has_no_unknown_characters(shipped: Shipped, language: str) -> None:
    pieces = shipped[1].tokenize(" ".join(TRANSLATED[language]))
    assert not any(piece == "[UNK]" or piece.startswith("<0x") for piece in pieces)


def test_shipped_tokenizer_falls_back_to_bytes(shipped: Shipped) -> None:
    assert shipped[1].tokenize("ꙮ")[-3:] == ["<0xEA>", "<0x99>", "<0xAE>"]


def test_shipped_tokenizer_keeps_ids_of_the_base(shipped: Shipped) -> None:
    tokens = shipped[1].convert_ids_to_tokens(list(range(len(base_vocabulary()))))
    assert tokens == [base_piece(piece) for piece in base_vocabulary()]
    ids = shipped[1]("wake me up at six")["input_ids"]
    assert ids == [101, 5256, 2033, 2039, 2012, 2416, 102]


def test_shipped_encoder_is_a_bert_with_shapes_of_the_base(shipped: Shipped) -> None:
    model, tokenizer = shipped
    assert type(model) is BertModel
    assert model.config.vocab_size == len(tokenizer)
    ours, base = (dict(encoder.named_parameters()) for encoder in (model, base_model()))
    rows = "embeddings.word_embeddings.weight"
    assert {name: tensor.shape for name, tensor in ours.items() if name != rows} == {
        name: tensor.shape for name, tensor in base.items() if name != rows
    }


def test_artifact_has_at_most_40_megabytes() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) <= 40_000_000


def test_model_card_names_every_source_and_language() -> None:
    card = (SHIPPED / CARD).read_text(encoding="utf-8")
    for name in ("Apache-2.0", "CC-BY-SA-4.0", "CC-BY-4.0", "MASSIVE", "NTREX", *LANGUAGES):
        assert name in card


def test_load_student_rejects_a_changed_bit(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "student")
    rows = bytearray((folder / ROWS).read_bytes())
    rows[-1] ^= 1
    (folder / ROWS).write_bytes(rows)
    with pytest.raises(CorruptArtifact, match=ROWS):
        load_student(folder)
