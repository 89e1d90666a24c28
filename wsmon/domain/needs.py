"""What a workset needs of a cluster, read leniently from what callers wrote about it.

Dollars are whole microdollars inside, so that a day's sum never drifts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from wsmon.domain.errors import InvalidInput
from wsmon.domain.times import Instant, isoformat

Microdollars = int
_MAX = 1e12

# The first of these names that says something counts, with what it is multiplied by.
_NUMBERS: dict[str, tuple[tuple[str, float], ...]] = {
    "vcpus": (("vcpus", 1), ("min_vcpus", 1), ("estimated_vcpus", 1)),
    "memory_mib": (("memory_mib", 1), ("memory_gib", 1024), ("memory_gb", 1024), ("estimated_memory_gb", 1024)),
    "storage_gib": (("storage_gib", 1), ("storage_gb", 1), ("estimated_storage_gb", 1)),
    "minutes": (
        ("duration_minutes", 1),
        ("estimated_duration_minutes", 1),
        ("hours", 60),
        ("duration_hours", 60),
        ("expected_hours", 60),
    ),
}
_TEXTS: dict[str, tuple[str, ...]] = {
    "zone": ("zone", "availability_zone", "preferred_availability_zone"),
    "instance_type": ("instance_type",),
}
COST_NAMES = ("estimated_cost_usd", "estimated_cost")
EXPECTED_NAMES = (
    ("duration_minutes", 1),
    ("estimated_duration_minutes", 1),
    ("duration_hours", 60),
    ("expected_hours", 60),
)
"""In the metadata; `hours` alone may mean anything there."""


def microdollars(usd: float) -> Microdollars:
    """Dollars as whole microdollars."""
    return round(usd * 1_000_000)


def dollars(amount: Microdollars) -> float:
    """Microdollars as dollars."""
    return amount / 1_000_000


def money(amount: Microdollars) -> str:
    """`$1,234.50`."""
    return f"${amount / 1_000_000:,.2f}"


def day_of(at: Instant) -> str:
    """The UTC day a moment lies in: `2026-11-24`."""
    return isoformat(at)[:10]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a run takes while it lives; 0 and None: not said, so nothing is held against it."""

    vcpus: int = 0
    memory_mib: int = 0
    storage_gib: int = 0
    zone: str | None = None
    zone_required: bool = False
    """Whether another zone is ruled out, or only comes later."""
    instance_type: str | None = None
    minutes: float | None = None
    """How long it is expected to run."""
    cost: Microdollars | None = None
    """What it is expected to cost."""

    def document(self) -> dict[str, Any]:
        """What is said, as JSON; empty for nothing."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}


NOTHING = Needs()


def needs_of(requirements: Mapping[str, Any], metadata: Mapping[str, Any]) -> Needs:
    """The needs of a workset; what cannot be read counts as not said."""
    cost = _first(metadata, ((name, 1) for name in COST_NAMES))
    if not requirements and cost is None:
        return NOTHING
    numbers = {name: _first(requirements, names) for name, names in _NUMBERS.items()}
    texts = {name: _text(requirements, names) for name, names in _TEXTS.items()}
    return Needs(
        vcpus=math.ceil(numbers["vcpus"] or 0),
        memory_mib=math.ceil(numbers["memory_mib"] or 0),
        storage_gib=math.ceil(numbers["storage_gib"] or 0),
        zone=texts["zone"],
        zone_required=requirements.get("zone_required") is True,
        instance_type=texts["instance_type"],
        minutes=numbers["minutes"],
        cost=None if cost is None else microdollars(cost),
    )


def expected_minutes(requirements: Mapping[str, Any], metadata: Mapping[str, Any]) -> float | None:
    """How long its run is expected to take, by its requirements, else by its metadata; None: not said."""
    said = _first(requirements, _NUMBERS["minutes"])
    return said if said is not None else _first(metadata, EXPECTED_NAMES)


def needs_from(document: Mapping[str, Any] | None) -> Needs:
    """The needs of their document; names of a later version are passed over."""
    if not document:
        return NOTHING
    return Needs(**{f.name: document[f.name] for f in fields(Needs) if f.name in document})


def check_requirements(requirements: Mapping[str, Any]) -> None:
    """Raises InvalidInput for a known requirement that cannot be read; others are the caller's own."""
    for names in _NUMBERS.values():
        for name, _ in names:
            if requirements.get(name) is not None and _number(requirements[name]) is None:
                raise InvalidInput(f"requirement {name} must be a number from 0 to {_MAX:.0f}, such as 16")
    for names_ in _TEXTS.values():
        for name in names_:
            if requirements.get(name) is not None and not isinstance(requirements[name], str):
                raise InvalidInput(f"requirement {name} must be a text")
    if not isinstance(requirements.get("zone_required", False), bool):
        raise InvalidInput("requirement zone_required must be true or false")


def _first(values: Mapping[str, Any], names: Iterable[tuple[str, float]]) -> float | None:
    for name, factor in names:
        number = _number(values.get(name))
        if number is not None:
            return number * factor
    return None


def _number(value: object) -> float | None:
    """A number that is finite and not negative; a text of one too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= _MAX else None


def _text(values: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if isinstance(text := values.get(name), str) and text), None)
