"""`pellucid rules`: the doctor's catalogue."""

import click

from pellucid.cli.screen import as_json_option, show_json


@click.command(short_help="Explain the doctor's rules.")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, as_json: bool) -> None:
    """List the rules of `pellucid check`, or explain NAME: the fault, why, the fix, a sick and a healthy example."""
    from pellucid.doctor.explaining import page, table

    result = page(name) if name else table()
    if as_json:
        show_json(result.to_dict())
    else:
        click.echo(str(result))
