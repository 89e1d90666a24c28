"""Taking worksets over from elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from wsmon.cli import exits
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, print_table
from wsmon.cli.reading import json_option


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
    from wsmon.services.importing import take_over

    catalog = FolderCatalog(folder)
    with engine(ctx) as opened:
        done = list(take_over(catalog, opened.commands, dry_run=dry_run))
    if as_json:
        print_json([asdict(item) for item in done])
    else:
        print_table(("ID", "OUTCOME", "PROBLEM"), ((i.workset_id or i.source, i.outcome, i.problem) for i in done))
    return exits.REFUSED if any(item.outcome == "refused" for item in done) else exits.DONE
