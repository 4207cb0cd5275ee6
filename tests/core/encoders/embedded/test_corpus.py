import gzip
from pathlib import Path

import pytest

from core.encoders.embedded.corpus import HELD_OUT, read_corpus
from core.errors import InvalidInput


def write_corpus(
    folder: Path, rows: list[str], language: str = "es", header: str = "en\ttarget\torigin"
) -> None:
    text = "\n".join([header, *rows]) + "\n"
    (folder / f"en-{language}.tsv.gz").write_bytes(gzip.compress(text.encode()))


def news(count: int) -> list[str]:
    return [f"news {number}\tnoticia {number}\tntrex" for number in range(count)]


def test_read_corpus_holds_out_last_news_sentences(tmp_path: Path) -> None:
    write_corpus(tmp_path, ["hello\thola\tmassive", *news(HELD_OUT + 5)])
    corpus = read_corpus(tmp_path, "es", seed=1)
    assert [pair.english for pair in corpus.train] == ["hello", *(f"news {number}" for number in range(5))]
    assert [pair.english for pair in corpus.held_out][:2] == ["news 5", "news 6"]
    assert len(corpus.held_out) == HELD_OUT


def test_read_corpus_removes_held_out_sentences_from_training(tmp_path: Path) -> None:
    write_corpus(tmp_path, ["news 9\totra noticia\ttatoeba", *news(10)])
    assert read_corpus(tmp_path, "es", seed=1).train == ()


def test_read_corpus_removes_spaces_of_some_thai_sentences(tmp_path: Path) -> None:
    write_corpus(tmp_path, [f"wake me {n}\tปลุก ฉัน ตอน {n} โมง\tmassive" for n in range(200)], "th")
    targets = [pair.target for pair in read_corpus(tmp_path, "th", seed=1).train]
    joined = [target for target in targets if "ปลุกฉัน" in target]
    assert 80 < len(joined) < 160
    assert all(" " in target for target in joined)  # spaces around digits are kept
    assert targets == [pair.target for pair in read_corpus(tmp_path, "th", seed=1).train]


def test_read_corpus_keeps_quotes_and_skips_empty_sides(tmp_path: Path) -> None:
    write_corpus(tmp_path, ['say "hi\tdi "hola\tmassive', "nothing\t \tmassive"])
    (pair,) = read_corpus(tmp_path, "es", seed=1).train
    assert pair.target == 'di "hola'


def test_read_corpus_reports_every_invalid_line(tmp_path: Path) -> None:
    write_corpus(tmp_path, ["one\tuno", "two\tdos\tmassive", "three"])
    with pytest.raises(InvalidInput) as caught:
        read_corpus(tmp_path, "es", seed=1)
    assert [fault.pointer for fault in caught.value.faults] == ["en-es.tsv.gz line 2", "en-es.tsv.gz line 4"]


def test_read_corpus_rejects_other_columns(tmp_path: Path) -> None:
    write_corpus(tmp_path, [], header="source\ttarget")
    with pytest.raises(InvalidInput, match="the columns are"):
        read_corpus(tmp_path, "es", seed=1)


@pytest.mark.parametrize(
    "content", [None, b"plain text", gzip.compress(b"\xff\xfe")[:-3], gzip.compress(b"\xff")]
)
def test_read_corpus_rejects_a_missing_or_corrupt_file(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "en-es.tsv.gz").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"en-es\.tsv\.gz: cannot be read"):
        read_corpus(tmp_path, "es", seed=1)
