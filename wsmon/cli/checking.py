"""Looking at the settings and at everything wsmon needs."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from wsmon.cli import exits
from wsmon.cli.completing import id_argument
from wsmon.cli.options import common_options, engine, load
from wsmon.cli.output import print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import SettingsError, StoreUnreachable

if TYPE_CHECKING:
    from wsmon.services.checking import Finding


@click.command()
@json_option
@common_options
@click.pass_context
def config(ctx: click.Context, as_json: bool) -> None:
    """Print every setting and where its value came from.

    Example: wsmon config
    """
    values = list(load(ctx).values())
    if as_json:
        print_json({name: {"value": value, "source": source} for name, value, source in values})
    else:
        texts = ((name, json.dumps(value, ensure_ascii=False), source) for name, value, source in values)
        print_table(("SETTING", "VALUE", "SOURCE"), texts)


@click.command()
@json_option
@common_options
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> int:
    """Check settings, command, credentials, store, clock, run root, monitors and counts, and what is reached from here.

    Exit code 1 if anything fails; each failure says what to do.

    Example: wsmon doctor
    """
    from wsmon.services.checking import Finding

    try:
        findings = _findings(ctx)
    except StoreUnreachable as error:
        findings = [
            Finding("store", "fail", str(error), "choose another path with --store, or make it with `wsmon init`")
        ]
    except SettingsError as error:
        advice = "mend the setting; `wsmon config` shows them all, and docs/settings.md says what each takes"
        findings = [Finding("settings", "fail", str(error), advice)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{finding.level:<4}  {finding.what:<11}  {finding.text}")
            if finding.level != "ok":
                say(f"{'':<4}  {'':<11}  → {finding.advice}")
    return exits.REFUSED if any(finding.level == "fail" for finding in findings) else exits.DONE


def _findings(ctx: click.Context) -> list[Finding]:
    """Every finding. Raises SettingsError."""
    from wsmon.adapters.localdisk import network_file_system
    from wsmon.services.checking import Doctor, Finding, command_finding
    from wsmon.wiring_reach import reach

    with engine(ctx) as opened:
        chosen = opened.settings.monitor
        examined = Doctor(
            opened.store,
            opened.clock,
            opened.runner(),
            opened.run_root(),
            skew=opened.skew_seconds,
            silent=opened.silent_seconds,
            network=network_file_system,
            channels=opened.settings.channels,
        )
        # Where nothing runs on this machine, what programs it has says nothing.
        which = shutil.which if opened.settings.pool.local else str
        steps = opened.settings.steps.commands()
        command = command_finding(chosen.command, chosen.allow_metadata_command, which, steps)
        return [Finding("settings", "ok", "readable"), command, *examined.findings(), *reach(opened)]


@click.command()
@id_argument
@json_option
@common_options
@click.pass_context
def validate(ctx: click.Context, workset_id: str, as_json: bool) -> int:
    """Look whether a workset can be run: its files, its sample table, and every object that names.

    Everything that is wrong is told together; exit code 1 if anything is.

    Example: wsmon validate ws-001
    """
    with engine(ctx) as opened:
        found = opened.validate(opened.commands.get(workset_id))
    if as_json:
        print_json({**asdict(found), "valid": found.valid})
    else:
        for problem in found.problems:
            say(problem)
        if found.valid:
            say(f"{workset_id} can be run: {found.samples} samples, {found.references} objects found")
    return exits.DONE if found.valid else exits.REFUSED
