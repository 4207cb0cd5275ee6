"""Model card of the encoder: description, training data, results and limits."""

from collections.abc import Mapping
from typing import Final

import langcodes

from core.encoders.embedded.build_settings import BuildSettings
from core.encoders.embedded.retrieval import Retrieval

SOURCES: Final = (
    ("all-MiniLM-L6-v2", "Reimers & Gurevych, Microsoft's MiniLM; body and English rows", "Apache-2.0"),
    ("MASSIVE, train partition", "FitzGerald et al. 2022, Amazon", "CC-BY-4.0"),
    ("NTREX-128, first 1,497 sentences", "Federmann et al. 2022, Microsoft", "CC-BY-SA-4.0"),
    ("Tatoeba", "the contributors of tatoeba.org, by way of LASER's pairs", "CC-BY 2.0 FR"),
    ("TICO-19", "the Translation Initiative for COVID-19", "CC0-1.0"),
)


def model_card(settings: BuildSettings, results: Mapping[str, Retrieval]) -> str:
    """Return the model card as Markdown.

    Args:
        settings: Settings of the build.
        results: Language → retrieval on held-out sentences, of the stored student.
    """
    body = settings.distillation.body_lr > 0
    lines = [
        "---",
        f"language: [{', '.join(['en', *results])}]",
        "license: apache-2.0",
        "base_model: sentence-transformers/all-MiniLM-L6-v2",
        "pipeline_tag: feature-extraction",
        "---",
        "",
        "# xmetra's embedded encoder",
        "",
        f"all-MiniLM-L6-v2 with a vocabulary for {len(results)} more languages: its own pieces under their",
        "own numbers, new ones placed by word alignment (IBM model 1) and trained to make of a translation",
        "what the English model makes of the English (after Reimers & Gurevych 2020, arXiv:2004.09813).",
        "",
        f"The encoder's layers {'were trained along with the rows' if body else 'are as MiniLM has them'}.",
        "What it does not share with MiniLM is stored as whole numbers, a step for each row of a matrix.",
        "Text is lower-cased and loses its accents.",
        "",
        "## Made from",
        "",
        "| source | by | licence |",
        "|---|---|---|",
        *(f"| {name} | {makers} | {licence} |" for name, makers, licence in SOURCES),
        "",
        "None of their sentences is in these files. Never used: MTOD, TyDiQA, XQuAD, xSID, MASSIVE's dev",
        "and test.",
        "",
        f"    {_command(settings)}",
        "",
        "## How well a sentence finds its translation",
        "",
        "Top-1 among the 300 held-out news sentences of NTREX, in per cent.",
        "",
        "| language | English → it | it → English | tokens an English token | unknown |",
        "|---|---|---|---|---|",
        *(_row(language, retrieval) for language, retrieval in results.items()),
        "",
        "## Limits",
        "",
        "Made from 13 to 17 thousand sentences a language, most of them commands to an assistant: news and",
        "everyday talk are read less well, rare words worse. What only accents or tone marks tell apart is",
        "lost (Spanish año and ano, Vietnamese tones).",
        "",
    ]
    return "\n".join(lines)


def _command(settings: BuildSettings) -> str:
    """Return the command of the build."""
    distillation = settings.distillation
    options = f"--pieces {settings.pieces} --epochs {distillation.epochs:g}"
    return f"xmetra encoder build {options} --body-rate {distillation.body_lr:g} --seed {settings.seed}"


def _row(language: str, retrieval: Retrieval) -> str:
    name = langcodes.Language.get(language).display_name()
    shares = [f"{100 * share:.1f}" for share in (retrieval.from_english, retrieval.to_english)]
    shares += [f"{retrieval.tokens_per_english:.2f}", f"{100 * retrieval.unknown:.2f} %"]
    return f"| {name} ({language}) | {' | '.join(shares)} |"
