"""`pellucid data`: what is in a dataset."""

from pathlib import Path

import click

from pellucid.cli.screen import result_options, show_result


@click.command(short_help="Look through a dataset.")
@click.argument("dataset", default="fashion-mnist")
@click.option("--examples", type=click.Path(path_type=Path), help="Write one test image of each class there, as PNG.")
@result_options
def command(dataset: str, examples: Path | None, as_json: bool, output: Path | None, overwrite: bool) -> None:
    """Say what is in DATASET: shapes, ranges, class balance, duplicates, a picture."""
    from pellucid.data.examples import write_examples
    from pellucid.data.reading import read
    from pellucid.data.summary import summarize

    loaded = read(dataset)
    show_result(summarize(loaded), as_json=as_json, output=output, overwrite=overwrite)
    if examples is not None:
        written = write_examples(loaded, examples)
        click.echo(f"{len(written)} pictures written into {examples}", err=as_json)
