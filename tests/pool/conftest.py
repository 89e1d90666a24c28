"""Fixtures shared with the command line's tests."""

from __future__ import annotations

from tests.cli.conftest import cli as cli  # noqa: PLC0414
