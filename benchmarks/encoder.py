"""Quality of pre-trained encoders in each language, before fine-tuning.

Translation retrieval among held-out news sentences, numbers of tokens and of unknown tokens, and intents
predicted from frozen sentence vectors by a logistic regression that was trained on English.

    python -m benchmarks.encoder --data DIR --encoders embedded-en embedded
"""

import argparse
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.contracts.examples import MtodExample
from core.encoders.embedded.corpus import LANGUAGES, read_corpus
from core.formats import read_examples
from core.system.compute import configure_computing

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

TRAINED_ON = 6000
"""Number of English training utterances of the regression."""

TESTS = {"en": "en/test-en.tsv", "es": "es/test-es.tsv", "th": "th/test-th.tsv"}


def main() -> None:
    """Measure and print three Markdown tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds parallel/ and mtod/")
    parser.add_argument("--encoders", nargs="+", default=["embedded-en", "embedded"])
    parser.add_argument("--languages", nargs="+", default=LANGUAGES)
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    arguments = parser.parse_args()
    configure_computing(arguments.threads)
    _print_loading(arguments.encoders)
    print("\n| encoder | language | en → it | it → en | tokens an English token | unknown |")
    print("|---|---|---|---|---|---|")
    for name in arguments.encoders:
        _print_retrieval(name, arguments.data / "parallel", arguments.languages)
    print("\n| encoder | " + " | ".join(f"zero-shot intent {language}" for language in TESTS) + " |")
    print("|---" * (1 + len(TESTS)) + "|")
    for name in arguments.encoders:
        accuracies = _zero_shot_intent(name, arguments.data / "mtod")
        print(
            f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in accuracies.values()) + " |",
            flush=True,
        )


def _print_loading(names: Sequence[str]) -> None:
    """Print the seconds of loading an encoder, for the first time in a process and again."""
    import torch  # noqa: F401, PLC0415 - its import must not count as loading

    from core.encoders.loading import load_encoder  # noqa: PLC0415

    print("| encoder | loaded in s | again in s |")
    print("|---|---|---|")
    for name in names:
        seconds = []
        for _ in range(2):
            start = time.monotonic()
            load_encoder(name)
            seconds.append(time.monotonic() - start)
        print(f"| {name} | {seconds[0]:.2f} | {seconds[1]:.2f} |", flush=True)


def _print_retrieval(name: str, folder: Path, languages: Sequence[str]) -> None:
    from core.encoders.embedded.retrieval import measure_retrieval  # noqa: PLC0415

    model, tokenizer = _load(name)
    means = []
    for language in languages:
        retrieval = measure_retrieval(model, tokenizer, read_corpus(folder, language, seed=0).held_out)
        means.append(retrieval.mean)
        shares = f"{100 * retrieval.from_english:.1f} | {100 * retrieval.to_english:.1f}"
        tokens = f"{retrieval.tokens_per_english:.2f} | {100 * retrieval.unknown:.2f} %"
        print(f"| {name} | {language} | {shares} | {tokens} |", flush=True)
    print(f"| {name} | **mean of both ways** | {100 * statistics.mean(means):.1f} | | | |", flush=True)


def _zero_shot_intent(name: str, folder: Path) -> Mapping[str, float]:
    """Return language → accuracy on its test file."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    english = _examples(folder / "en/train-en.conllu")
    training = random.Random(1).sample(english, TRAINED_ON)  # noqa: S311
    vectors = _Vectors(name)
    model = LogisticRegression(C=10, max_iter=300).fit(
        vectors(training), [example.intent for example in training]
    )
    accuracy = {}
    for language, file in TESTS.items():
        examples = _examples(folder / file)
        expected = np.array([example.intent for example in examples])
        accuracy[language] = float((model.predict(vectors(examples)) == expected).mean())
    return accuracy


class _Vectors:
    """Unit sentence vectors of a pre-trained encoder."""

    def __init__(self, name: str) -> None:
        self._model, self._tokenizer = _load(name)

    def __call__(self, examples: Sequence[MtodExample]) -> np.ndarray:
        from core.encoders.embedded.retrieval import sentence_vectors  # noqa: PLC0415

        encoded = self._tokenizer.encode_batch(
            [example.text for example in examples], add_special_tokens=False
        )
        vectors = sentence_vectors(self._model, [encoding.ids for encoding in encoded])
        unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def _load(name: str) -> tuple["PreTrainedModel", "Tokenizer"]:
    """Load an encoder in evaluation mode, and its tokenizer without padding and truncation."""
    from core.encoders.loading import load_encoder  # noqa: PLC0415 - torch must be imported after the threads are set

    encoder = load_encoder(name)
    tokenizer: Tokenizer = encoder.tokenizer.backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return encoder.model.eval(), tokenizer


def _examples(path: Path) -> list[MtodExample]:
    return read_examples(path.read_bytes(), name=path.name)


if __name__ == "__main__":
    main()
