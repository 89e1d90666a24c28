"""What changed between two versions of a workset, attribute by attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from wsmon.domain.workset import Workset


def diff(a: Workset, b: Workset) -> dict[str, Any]:
    """The fields of `b` that differ from those of `a`; `apply` gives `b` back from them."""
    names = (f.name for f in fields(Workset))
    return {name: value for name in names if (value := getattr(b, name)) != getattr(a, name)}


def apply(a: Workset, changes: Mapping[str, Any]) -> Workset:
    """`a` with `changes` made to it."""
    return replace(a, **changes)
