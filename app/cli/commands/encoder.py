"""``xmetra encoder``: building the embedded multilingual encoder."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.rendering.console import messages, results
from app.cli.rendering.job_progress import progress_display
from core.encoders.embedded.build_settings import BuildSettings
from core.errors import Fault, InvalidInput
from core.system.compute import configure_computing

DEFAULTS: Final = BuildSettings()

application = typer.Typer(
    help="Build the embedded multilingual encoder.\n\n"
    "Example: [bold]xmetra encoder build --data parallel --out .data/encoder[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@application.command()
def build(  # noqa: PLR0913, PLR0917  a command line is its options
    data: Annotated[Path, typer.Option(help="Folder of the parallel text: en-XX.tsv.gz files.")],
    out: Annotated[Path, typer.Option(help="Folder of the stages; the encoder is in its folder `artifact`.")],
    languages: Annotated[
        str, typer.Option(help="Languages besides English, with spaces between.")
    ] = " ".join(DEFAULTS.languages),
    pieces: Annotated[
        int, typer.Option(min=300, max=20_000, help="Approximate number of new tokens for each language.")
    ] = DEFAULTS.pieces,
    epochs: Annotated[
        float, typer.Option(min=0.0, max=100, help="Passes of the distillation over the parallel text.")
    ] = DEFAULTS.distillation.epochs,
    body_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Learning rate of the encoder's layers; 0 freezes them.")
    ] = DEFAULTS.distillation.body_lr,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = DEFAULTS.seed,
    threads: Annotated[
        int, typer.Option(min=0, help="Number of compute threads; 0 for one on each core.")
    ] = 0,
) -> None:
    """Extend MiniLM's vocabulary to more languages: tokenizer, aligned embeddings, distillation.

    An interrupted build continues after its last complete stage.

    Example: [bold]xmetra encoder build --data parallel --out .data/encoder --languages "es th"[/]
    """
    configure_computing(threads)
    from core.encoders.embedded.build import Build  # noqa: PLC0415  torch takes seconds
    from core.encoders.embedded.publishing import publish  # noqa: PLC0415

    tags = tuple(dict.fromkeys(languages.split()))
    if not tags:
        raise InvalidInput([Fault("--languages", "expected at least one language besides English")])
    settings = BuildSettings(
        languages=tags,
        pieces=pieces,
        seed=seed,
        distillation=replace(DEFAULTS.distillation, epochs=epochs, body_lr=body_rate),
    )
    console = messages()
    with progress_display(console) as display:
        process = Build(data, out, settings, display.show)
        quality = publish(process.run(), process.corpora, settings, out / "artifact", process.tracker)
    for language, scores in quality.items():
        results().print(
            f"{language}  en→{language} {100 * scores.from_english:5.1f} %  {language}→en "
            f"{100 * scores.to_english:5.1f} %  {scores.tokens_per_english:.2f} tokens per English token"
        )
    console.print(f"written to {out / 'artifact'}")
