"""Sentences in many writing systems, tokenizers for all of them, and strategies for mixed texts."""

import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Literal

from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from core.encoders.loading import Encoder, load_encoder
from tests.core.tiny import Kind, english, spanish, texts_of, tiny_encoder_folder

SPANISH = "¿Qué tiempo hará mañana en Málaga?"
SENTENCES = {
    "english": "wake me up at 6:30 tomorrow, please",
    "spanish": SPANISH,
    "spanish decomposed": unicodedata.normalize("NFD", "recuérdame llamar a mamá mañana"),
    "swahili": "niamshe saa kumi na mbili asubuhi",
    "thai": "ปลุกฉันตอนหกโมงเช้าพรุ่งนี้",
    "lao": "ປຸກຂ້ອຍຕອນຫົກໂມງເຊົ້າ",
    "khmer": "ដាស់ខ្ញុំនៅម៉ោង៦ព្រឹក",
    "burmese": "မနက် ၆ နာရီမှာ နှိုးပါ",
    "arabic": "أيقظني في الساعة السادسة صباحًا",
    "persian": "فردا صبح بیدارم کن، نمی‌خواهم بخوابم",
    "hindi": "मुझे सुबह छह बजे जगाना",
    "bengali": "আমাকে সকাল ছয়টায় জাগাও, র‍্যাব",
    "chinese": "明天早上六点叫醒我",
    "japanese": "明日の朝コーヒーを６時に",
    "korean": "내일 아침 여섯 시에 깨워 줘",
    "emoji": "call mamá 👩‍👩‍👧 in 🇪🇸 at 6 👍🏽 ❤️",
    "mixed": "set alarma ให้ฉัน 六点 أيقظني",
}

_RANGES = {
    "latin": ("a", "ž"),
    "combining": ("\u0300", "\u0308"),
    "thai": ("\u0e01", "\u0e5b"),
    "lao": ("\u0e81", "\u0edd"),
    "khmer": ("\u1780", "\u17f9"),
    "burmese": ("\u1000", "\u104f"),
    "arabic": ("\u0610", "\u06d3"),
    "devanagari": ("\u0901", "\u096f"),
    "bengali": ("\u0981", "\u09ef"),
    "kana": ("\u3041", "\u30ff"),
    "han": ("一", "上"),
    "ascii": ("!", "~"),
}
_WRITTEN: tuple[Literal["L", "M", "N", "P", "S"], ...] = ("L", "M", "N", "P", "S")
_GAPS = (" ", "  ", "", ", ", "\u00a0", "\u3000", "\n", "\u200b", "\u200d", "\u00ad")
_EMOJI = ("👩‍👩‍👧", "🇪🇸", "👍🏽", "❤️", "1️⃣", "🏴‍☠️", "\ufeff", "½", "ﬁ", "㎏", "▁")


def script_texts() -> st.SearchStrategy[str]:
    """Draw texts of one or several scripts, with every kind of gap between the pieces."""
    runs = [
        st.text(st.characters(min_codepoint=ord(a), max_codepoint=ord(b), categories=_WRITTEN), max_size=8)
        for a, b in _RANGES.values()
    ]
    words = [word for sentence in SENTENCES.values() for word in sentence.split()]
    piece = st.one_of(st.sampled_from(words), st.sampled_from(_EMOJI), *runs)
    pairs = st.lists(st.tuples(piece, st.sampled_from(_GAPS)), min_size=1, max_size=8)
    return pairs.map(lambda pieces: "".join(part for pair in pieces for part in pair)).filter(str.strip)


TOKENIZERS = ("word-piece", "unigram", "unigram-nfkc", "byte-level", "byte-level-untrimmed", "byte-fallback")
_KINDS: dict[str, Kind] = {
    "word-piece": "bert",
    "unigram": "xlm-r",
    "unigram-nfkc": "xlm-r",
    "byte-level": "roberta",
    "byte-level-untrimmed": "roberta",
    "byte-fallback": "bert",
}


def script_encoder(name: str, folder: Path) -> Encoder:
    """Return an encoder with a tokenizer for the sentences and no limit of tokens.

    Only its tokenizer can be used: its model has few positions.
    """
    texts = [*SENTENCES.values(), *texts_of(english(), spanish())]
    encoder = load_encoder(str(tiny_encoder_folder(folder, _KINDS[name], texts)))
    tokenizer: PreTrainedTokenizerBase = encoder.tokenizer
    if name == "byte-fallback":
        tokenizer = _byte_fallback()
    elif name == "unigram-nfkc":
        _backend(tokenizer).normalizer = normalizers.NFKC()
    elif name == "byte-level-untrimmed":
        _backend(tokenizer).post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
    return replace(encoder, tokenizer=tokenizer, max_tokens=100_000)


def _backend(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer.backend_tokenizer


def _byte_fallback() -> PreTrainedTokenizerBase:
    """Build a tokenizer as Llama's: words marked by ``▁``, unknown characters as bytes."""
    fixed_tokens = ["<unk>", "<s>", "</s>", "▁", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary = {piece: number for number, piece in enumerate([*fixed_tokens, *"abdeilmnoprstuw6"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    tokenizer.decoder = decoders.ByteFallback()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="</s>")
