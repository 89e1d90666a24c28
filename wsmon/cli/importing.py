"""Taking worksets over from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from wsmon.cli import exits
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import InvalidInput
from wsmon.domain.visible import visible
from wsmon.engine import Engine
from wsmon.ports import Catalog


@click.group("import")
def import_() -> None:
    """Take worksets over from elsewhere.

    Example: wsmon import folder ./worksets
    """


@import_.command("folder")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@common_options
@click.pass_context
def import_folder(ctx: click.Context, folder: Path, dry_run: bool, as_json: bool) -> int:
    """Register the workset folders in DIR; run again it changes nothing.

    Example: wsmon import folder ./worksets --dry-run
    """
    from wsmon.adapters.folder import FolderCatalog  # YAML is needed here only

    return _take_over(ctx, lambda _: FolderCatalog(folder), dry_run=dry_run, as_json=as_json)


@import_.command("s3")
@click.option("--bucket", metavar="B", required=True, help="The bucket.")
@click.option("--prefix", metavar="P", default="", help="The folder in it that holds the workset folders.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@common_options
@click.pass_context
def import_s3(ctx: click.Context, bucket: str, prefix: str, dry_run: bool, as_json: bool) -> int:
    """Take over every workset folder of a bucket with its state; run again it changes nothing.

    Example: wsmon import s3 --bucket my-bucket --prefix worksets/ --dry-run
    """
    from wsmon.adapters.s3 import S3Catalog

    return _take_over(ctx, lambda e: S3Catalog(e.bucket(), bucket, prefix), dry_run=dry_run, as_json=as_json)


@import_.command("table")
@click.option("--from", "table", metavar="TABLE", required=True, help="The predecessor's table (key workset_id).")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@common_options
@click.pass_context
def import_table(ctx: click.Context, table: str, dry_run: bool, as_json: bool) -> int:
    """Take over the predecessor's DynamoDB table; it is only read.

    Example: wsmon import table --from daylily-worksets --dry-run
    """
    from wsmon.adapters.predecessor import PredecessorTable

    def source(opened: Engine) -> Catalog:
        chosen = opened.settings.store
        return PredecessorTable(table, region=chosen.region, profile=chosen.profile, endpoint_url=chosen.endpoint_url)

    return _take_over(ctx, source, dry_run=dry_run, as_json=as_json)


@import_.command("settings")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write it there; it must not exist.")
@json_option
@common_options
def import_settings(file: Path, output: Path | None, as_json: bool) -> None:
    """Turn the predecessor's configuration (daylily_info.yaml) into wsmon.toml; what has no place there is listed.

    Example: wsmon import settings daylily_info.yaml --output wsmon.toml
    """
    from wsmon.adapters.carrying import carry_over
    from wsmon.adapters.workfile import parse_yaml

    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{str(file)!r} cannot be read: {error.strerror}") from None
    carried = carry_over(parse_yaml(file.name, content))
    if output is not None:
        try:
            with output.open("x", encoding="utf-8") as out:
                out.write(carried.toml)
        except OSError as error:
            raise InvalidInput(f"{str(output)!r} cannot be written: {error.strerror}; choose another") from None
    if as_json:
        print_json(asdict(carried))
        return
    say(carried.toml if output is None else f"{output} was written")
    for line in carried.left:
        click.echo(f"not carried over: {visible(line)}", err=True)


def _take_over(ctx: click.Context, source: Callable[[Engine], Catalog], *, dry_run: bool, as_json: bool) -> int:
    from wsmon.services.importing import take_over

    with engine(ctx, making=not dry_run) as opened:
        done = list(take_over(source(opened), opened.commands, dry_run=dry_run))
    if as_json:
        print_json([asdict(item) for item in done])
    else:
        print_table(("ID", "OUTCOME", "PROBLEM"), ((i.workset_id or i.source, i.outcome, i.problem) for i in done))
        if not done:
            click.echo("wsmon: no workset was found there; what makes one stands in the README", err=True)
    return exits.REFUSED if any(item.outcome == "refused" for item in done) else exits.DONE
