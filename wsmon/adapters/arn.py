"""Amazon's resource names."""

from __future__ import annotations


def account_of(arn: str) -> str:
    """The account in an ARN; empty where it holds none."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""
