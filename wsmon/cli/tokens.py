"""Tokens for the API."""

from __future__ import annotations

import re

import click

from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import InvalidInput
from wsmon.domain.roles import Role
from wsmon.domain.times import isoformat
from wsmon.services.access import create_token, revoke_token
from wsmon.services.documents import token_document

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of the API.

    Example: wsmon token create --role operator --name nightly --expires 90d
    """


@token.command()
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What its owner may do.")
@click.option("--name", help="The actor of what is done with it; by default its role and id.")
@click.option("--expires", metavar="DURATION", help="How long it lives, such as 12h, 90d or 2w; without it, for ever.")
@json_option
@common_options
@click.pass_context
def create(ctx: click.Context, role: str, name: str | None, expires: str | None, as_json: bool) -> None:
    """Make a token and show its secret, once. The store keeps only a digest.

    Example: wsmon token create --role reader --expires 90d
    """
    seconds = parse_duration("--expires", expires) if expires is not None else None
    with engine(ctx, making=True) as opened:
        secret, record = create_token(opened.commands, Role(role), name=name, seconds=seconds)
        if as_json:
            print_json({**token_document(record), "secret": secret})
            return
        until = f"until {isoformat(record.expires_at)}" if record.expires_at else "until it is revoked"
        click.echo(f"{record.name} is {role} {until}; nobody can show this secret again:", err=True)
        say(secret)


@token.command("list")
@json_option
@common_options
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """Show the tokens; never a secret.

    Example: wsmon token list
    """
    with engine(ctx) as opened:
        found = [token_document(record) for record in opened.store.tokens()]
        if as_json:
            print_json(found)
            return
        columns = ("name", "role", "created_at", "created_by", "expires_at", "token_id")
        print_table([column.upper() for column in columns], ([item[name] for name in columns] for item in found))


@token.command()
@click.argument("name", metavar="NAME")
@common_options
@click.pass_context
def revoke(ctx: click.Context, name: str) -> None:
    """Take a token away; servers forget it within seconds.

    Example: wsmon token revoke nightly
    """
    with engine(ctx) as opened:
        record = revoke_token(opened.commands, name)
        say(f"{record.name} is revoked")


def parse_duration(what: str, text: str) -> float:
    """Seconds of `12h`, `90d`. Raises InvalidInput."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text.strip())
    if found is None:
        raise InvalidInput(f"{what} {text[:40]!r} is no duration; write a number and m, h, d or w, such as 90d")
    return float(int(found[1]) * _UNITS[found[2]])
