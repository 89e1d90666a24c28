"""Registering one workset, or a file of them."""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, ConfigDict, ValidationError

from wsmon.cli import exits
from wsmon.cli.given import parse_json
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import AlreadyExists, InvalidInput
from wsmon.domain.spec import WorksetSpec, parse_priority, shown
from wsmon.domain.visible import visible
from wsmon.engine import Engine
from wsmon.services.documents import workset_document

SHOWN_PROBLEMS = 20
_KINDS = {"string_type": "a text", "dict_type": "a JSON object"}


class Line(BaseModel):
    """One line of a file of worksets."""

    model_config = ConfigDict(extra="forbid", strict=True)

    workset_id: str
    bucket: str
    prefix: str
    priority: str = "normal"
    metadata: dict[str, Any] = {}
    requirements: dict[str, Any] = {}
    affinity: str | None = None


@click.command()
@click.argument("workset_id", metavar="[ID]", required=False)
@click.option("--bucket", help="Where its input lies.")
@click.option("--prefix", help="Its folder in the bucket; '' for the whole of it.")
@click.option("--priority", default="normal", metavar="urgent|normal|low", help="Its tier.")
@click.option("--metadata", metavar="JSON", help="A JSON object.")
@click.option("--requirements", metavar="JSON", help='What its run takes: {"vcpus": 16, "memory_gib": 64}.')
@click.option("--cluster", metavar="NAME", help="Tie it to a cluster.")
@click.option("--file", "file", metavar="FILE", help="JSON lines, one workset each; - is the standard input.")
@json_option
@common_options
@click.pass_context
def register(
    ctx: click.Context,
    workset_id: str | None,
    bucket: str | None,
    prefix: str | None,
    priority: str,
    metadata: str | None,
    requirements: str | None,
    cluster: str | None,
    file: str | None,
    as_json: bool,
) -> int:
    """Register a workset, or a file of them.

    Example: wsmon register ws-001 --bucket my-bucket --prefix runs/ws-001 --priority urgent

    A line of a file: {"workset_id": "ws-001", "bucket": "my-bucket", "prefix": "runs/ws-001"}
    """
    if file is not None:
        if workset_id is not None:
            raise click.UsageError("give an ID or --file, not both")
        with engine(ctx, making=True) as opened:
            return _register_file(opened, file, as_json)
    if workset_id is None or bucket is None or prefix is None:
        raise click.UsageError("give an ID with --bucket and --prefix (its folder in the bucket), or --file FILE")
    document = parse_json("--metadata", metadata) if metadata is not None else {}
    needs = parse_json("--requirements", requirements) if requirements is not None else {}
    spec = WorksetSpec(workset_id, bucket, prefix, parse_priority(priority), document, needs, cluster)
    with engine(ctx, making=True) as opened:
        workset = opened.commands.register(spec)
    if as_json:
        print_json(workset_document(workset))
    else:
        say(f"{workset.workset_id}: registered, {workset.priority.value}")
    return exits.DONE


def _register_file(opened: Engine, file: str, as_json: bool) -> int:
    """Bad lines are told by number and the rest done; what exists already is counted, not an error."""
    problems: list[str] = []
    counts = {"registered": 0, "existing": 0, "bad": 0}
    with _open(file) as (lines, advance):
        for registered, refused in opened.commands.register_many(_specs(lines, problems)):
            counts["registered"] += registered
            for refusal in refused:
                if isinstance(refusal.error, AlreadyExists):
                    counts["existing"] += 1
                else:
                    problems.append(f"{shown(refusal.workset_id)}: {refusal.error}")
            advance(registered + len(refused))
    counts["bad"] = len(problems)
    for problem in problems[:SHOWN_PROBLEMS]:
        sys.stderr.write(visible(problem) + "\n")
    if len(problems) > SHOWN_PROBLEMS:
        sys.stderr.write(f"... and {len(problems) - SHOWN_PROBLEMS} more bad lines\n")
    if as_json:
        print_json({**counts, "problems": problems})
    else:
        say(f"{counts['registered']} registered, {counts['existing']} existed already, {counts['bad']} bad")
    return exits.REFUSED if problems else exits.DONE


def _specs(lines: Iterator[bytes], problems: list[str]) -> Iterator[WorksetSpec]:
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            line = Line(**parse_json("it", raw.decode("utf-8")))
            values = line.model_dump()
            yield WorksetSpec(**{**values, "priority": parse_priority(line.priority)})
        except UnicodeDecodeError:
            problems.append(f"line {number}: it is not UTF-8")
        except ValidationError as error:
            problems.append(f"line {number}: {_wrong(error)}")
        except InvalidInput as error:
            problems.append(f"line {number}: {error}")


def _wrong(error: ValidationError) -> str:
    """Everything that is wrong with a line, in words of its own."""
    said = []
    for one in error.errors(include_url=False):
        name = ".".join(map(str, one["loc"]))
        if one["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, Line.model_fields, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(Line.model_fields)}"
            said.append(f"unknown field {shown(name)}; {hint}")
        elif one["type"] == "missing":
            said.append(f"{name} is missing")
        else:
            kind = _KINDS.get(one["type"], "of another kind")
            said.append(f"{name} must be {kind}, not {shown(one['input'])}")
    return "; ".join(said)


@contextlib.contextmanager
def _open(file: str) -> Iterator[tuple[Iterator[bytes], Any]]:
    """The lines, and what to call with how many were done; a bar on a terminal."""
    with contextlib.ExitStack() as stack:
        if file == "-":
            stream, total = sys.stdin.buffer, None
        else:
            try:
                stream = stack.enter_context(Path(file).open("rb"))
                total = sum(1 for _ in stream)
                stream.seek(0)
            except OSError as error:
                raise InvalidInput(f"{file} cannot be read: {error.strerror}") from None
        if not sys.stderr.isatty():
            yield iter(stream), lambda _: None
            return
        from rich.console import Console
        from rich.progress import Progress

        progress = stack.enter_context(Progress(console=Console(stderr=True)))
        task = progress.add_task("registering", total=total)
        yield iter(stream), lambda n: progress.advance(task, n)
