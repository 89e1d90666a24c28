"""Fixtures shared with the command line's tests."""

from __future__ import annotations

from tests.cli.conftest import any_cli as any_cli  # noqa: PLC0414
