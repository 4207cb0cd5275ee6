"""``xmetra encoder``: building the embedded multilingual encoder."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.rendering.console import messages, results
from app.cli.rendering.job_progress import watcher
from core.encoders.embedded.build_settings import BuildSettings
from core.errors import Fault, InvalidInput
from core.system.compute import configure_computing

application = typer.Typer(
    name="encoder", help="Make the embedded multilingual encoder.", no_args_is_help=True
)

DEFAULTS: Final = BuildSettings()


@application.command()
def build(  # noqa: PLR0913, PLR0917 - each parameter is an option
    data: Annotated[Path, typer.Option(help="Folder of the parallel text, en-XX.tsv.gz.")],
    out: Annotated[Path, typer.Option(help="Folder for every stage and, in `artifact`, the result.")],
    languages: Annotated[str, typer.Option(help="Languages beside English, parted by spaces.")] = " ".join(
        DEFAULTS.languages
    ),
    pieces: Annotated[
        int, typer.Option(min=300, max=20_000, help="New pieces a language, about.")
    ] = DEFAULTS.pieces,
    epochs: Annotated[
        float, typer.Option(min=0.0, max=100, help="Passes over the parallel text.")
    ] = DEFAULTS.distillation.epochs,
    body_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Rate at which the encoder's layers learn too; 0: not at all.")
    ] = DEFAULTS.distillation.body_lr,
    seed: Annotated[int, typer.Option(min=0, help="What all chance comes from.")] = DEFAULTS.seed,
    threads: Annotated[int, typer.Option(min=0, help="Compute threads; 0 takes every core.")] = 0,
) -> None:
    """Give MiniLM's body a vocabulary for more languages: tokenizer, rows by alignment, distillation.

    What was finished before in the folder is not done again, so an interrupted build goes on.

    Example: xmetra encoder build --data parallel --out .data/encoder --languages "es th"
    """
    configure_computing(threads)
    from core.encoders.embedded.build import Build  # noqa: PLC0415  torch takes seconds
    from core.encoders.embedded.publishing import publish  # noqa: PLC0415

    chosen = tuple(dict.fromkeys(languages.split()))
    if not chosen:
        raise InvalidInput([Fault("--languages", "name at least one language beside English")])
    settings = BuildSettings(
        languages=chosen,
        pieces=pieces,
        seed=seed,
        distillation=replace(DEFAULTS.distillation, epochs=epochs, body_lr=body_rate),
    )
    console = messages()
    with watcher(console) as watch:
        work = Build(data, out, settings, watch.show)
        measured = publish(work.run(), work.corpora, settings, out / "artifact", work.tracker)
    for language, found in measured.items():
        results().print(
            f"{language}  en→{language} {100 * found.from_english:5.1f} %  {language}→en "
            f"{100 * found.to_english:5.1f} %  {found.tokens_per_english:.2f} tokens an English token"
        )
    console.print(f"written to {out / 'artifact'}")
