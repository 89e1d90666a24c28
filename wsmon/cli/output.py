"""What a command prints: one JSON document, a table on a terminal, or TSV in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from wsmon.domain.errors import Refused
from wsmon.domain.visible import escaped, visible

CELL_CHARS = 60


def print_json(document: object) -> None:
    """One line, one document; in ASCII where the terminal's encoding lacks a character that may be in it."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(escaped(json.dumps(document, ensure_ascii=not unicode, separators=(",", ":"))) + "\n")


def say(text: str) -> None:
    """A sentence for a person, on stdout."""
    click.echo(visible(text, lines=True))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table where a person reads, tab-separated values where a program does."""
    if not sys.stdout.isatty():
        sys.stdout.write("\t".join(columns) + "\n")
        for row in rows:
            sys.stdout.write("\t".join(_cell(value) for value in row) + "\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cell(value)[:CELL_CHARS]) for value in row))
    Console().print(table)


def print_facts(facts: Mapping[str, Any]) -> None:
    """Names and values, one a line; absent ones left out."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if value not in (None, {}, []):
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
            say(f"{name:<{width}}  {visible(text)}")


def _cell(value: Any) -> str:
    return "" if value is None else visible(str(value))


def confirmed(what: str, facts: Sequence[tuple[str, str]], consequence: str, *, yes: bool, must: bool) -> None:
    """Show what would be done to what, on stderr, and ask, wherever the output goes; --yes goes on.

    Where nobody can be asked, what `must` be agreed to is refused, with the facts. Raises click.Abort on a no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        if must:
            known = "; ".join(f"{name} {value}" for name, value in facts)
            raise Refused(f"{what}: nobody can be asked here ({known}). {consequence} Give --yes to do it")
        return
    width = max(len(name) for name, _ in facts)
    ask([f"{what}?", *(f"  {name:<{width}}  {visible(value)}" for name, value in facts), consequence])


def ask(lines: Iterable[str]) -> None:
    """Show these on stderr and ask. Raises click.Abort on a no."""
    click.echo(visible("\n".join(lines), lines=True), err=True)
    click.confirm("Go on?", abort=True, err=True)
