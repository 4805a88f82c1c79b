"""`pellucid data`: what is in a dataset."""

from pathlib import Path
from typing import Any

import click

from pellucid.cli.data_options import data_options, options_of
from pellucid.cli.screen import result_options, show_result


@click.command(short_help="Look through a dataset.")
@click.argument("dataset", default="fashion-mnist")
@click.option("--examples", type=click.Path(path_type=Path), help="Write one test image of each class there, as PNG.")
@click.option("--augment", help="Show training images and what so augmented ones look like, as in shift,flip.")
@data_options
@result_options
def command(
    dataset: str,
    examples: Path | None,
    augment: str | None,
    as_json: bool,
    output: Path | None,
    overwrite: bool,
    **values: Any,
) -> None:
    """Say what is in DATASET: shapes, ranges, class balance, duplicates, a picture."""
    from pellucid.data.augmentation import Augmentation
    from pellucid.data.augmented_examples import augmented_examples
    from pellucid.data.examples import write_examples
    from pellucid.data.reading import read_with
    from pellucid.data.summary import summarize

    augmentation = Augmentation.parse(augment) if augment is not None else None
    loaded = read_with(dataset, options_of(values))
    result = summarize(loaded) if augmentation is None else augmented_examples(loaded, augmentation)
    show_result(result, as_json=as_json, output=output, overwrite=overwrite)
    if examples is not None:
        written = write_examples(loaded, examples)
        click.echo(f"{len(written)} pictures written into {examples}", err=as_json)
