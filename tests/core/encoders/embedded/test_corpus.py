import gzip
from pathlib import Path

import pytest

from core.encoders.embedded.corpus import HELD_OUT, read_corpus
from core.errors import InvalidInput


def written(folder: Path, rows: list[str], language: str = "es", header: str = "en\ttarget\torigin") -> None:
    text = "\n".join([header, *rows]) + "\n"
    (folder / f"en-{language}.tsv.gz").write_bytes(gzip.compress(text.encode()))


def news(count: int) -> list[str]:
    return [f"news {number}\tnoticia {number}\tntrex" for number in range(count)]


def test_the_last_news_sentences_are_held_out(tmp_path: Path) -> None:
    written(tmp_path, ["hello\thola\tmassive", *news(HELD_OUT + 5)])
    corpus = read_corpus(tmp_path, "es", seed=1)
    assert [pair.english for pair in corpus.train] == ["hello", *(f"news {number}" for number in range(5))]
    assert [pair.english for pair in corpus.held_out][:2] == ["news 5", "news 6"]
    assert len(corpus.held_out) == HELD_OUT


def test_a_held_out_sentence_that_stands_elsewhere_too_is_not_learnt_from(tmp_path: Path) -> None:
    written(tmp_path, ["news 9\totra noticia\ttatoeba", *news(10)])
    assert read_corpus(tmp_path, "es", seed=1).train == ()


def test_some_thai_sentences_lose_the_translators_spaces(tmp_path: Path) -> None:
    written(tmp_path, [f"wake me {n}\tปลุก ฉัน ตอน {n} โมง\tmassive" for n in range(200)], "th")
    targets = [pair.target for pair in read_corpus(tmp_path, "th", seed=1).train]
    joined = [target for target in targets if "ปลุกฉัน" in target]
    assert 80 < len(joined) < 160
    assert all(" " in target for target in joined)  # around digits people write them
    assert targets == [pair.target for pair in read_corpus(tmp_path, "th", seed=1).train]


def test_quotes_are_text_and_empty_sides_are_passed_over(tmp_path: Path) -> None:
    written(tmp_path, ['say "hi\tdi "hola\tmassive', "nothing\t \tmassive"])
    (pair,) = read_corpus(tmp_path, "es", seed=1).train
    assert pair.target == 'di "hola'


def test_every_broken_line_is_told(tmp_path: Path) -> None:
    written(tmp_path, ["one\tuno", "two\tdos\tmassive", "three"])
    with pytest.raises(InvalidInput) as caught:
        read_corpus(tmp_path, "es", seed=1)
    assert [fault.pointer for fault in caught.value.faults] == ["en-es.tsv.gz line 2", "en-es.tsv.gz line 4"]


def test_other_columns_are_refused(tmp_path: Path) -> None:
    written(tmp_path, [], header="source\ttarget")
    with pytest.raises(InvalidInput, match="the columns are"):
        read_corpus(tmp_path, "es", seed=1)


@pytest.mark.parametrize(
    "content", [None, b"plain text", gzip.compress(b"\xff\xfe")[:-3], gzip.compress(b"\xff")]
)
def test_a_file_that_is_none_is_told(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "en-es.tsv.gz").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"en-es\.tsv\.gz: cannot be read"):
        read_corpus(tmp_path, "es", seed=1)
