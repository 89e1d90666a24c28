"""Wire values, update expressions and the conditions by their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]
"""Attributes in DynamoDB's wire form."""

NOT_THERE = "attribute_not_exists(pk)"
AT_REV = "#rev = :seen_rev"
LEASE_UNCHANGED = "#token = :seen_token AND #renewal = :seen_renewal"
SLOT_FREE = (
    "attribute_exists(held) AND (attribute_exists(held.#id) OR (attribute_not_exists(closed) AND size(held) < :slots))"
)
NOTHING_HELD = "attribute_not_exists(held) OR size(held) = :zero"
NO_LIFE = "attribute_not_exists(#rev)"
VCPUS_FREE = "(attribute_not_exists(vcpus) OR vcpus <= :vcpus_room)"
MEMORY_FREE = "(attribute_not_exists(memory_mib) OR memory_mib <= :memory_room)"
WITHIN_BUDGET = "attribute_not_exists(amount) OR (amount < :budget AND amount <= :room)"


def wire(value: str | int | Mapping[str, int]) -> dict[str, Any]:
    """A value in wire form: S, N or M."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, Mapping):
        return {"M": {name: wire(item) for name, item in value.items()}}
    return {"N": str(value)}


def wire_item(values: Mapping[str, str | int | Mapping[str, int]]) -> Item:
    """Attributes in wire form."""
    return {name: wire(value) for name, value in values.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Wire attributes as texts, whole numbers and maps."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    return plain(content) if kind == "M" else content


def update(before: Mapping[str, str | int], after: Mapping[str, str | int]) -> dict[str, Any]:
    """UpdateExpression, names and values that turn `before` into `after`; no name stands bare."""
    names: dict[str, str] = {}
    values: Item = {}
    sets, removes = [], []
    for index, name in enumerate(sorted(before.keys() | after.keys())):
        if before.get(name) == after.get(name):
            continue
        names[f"#a{index}"] = name
        if name in after:
            values[f":a{index}"] = wire(after[name])
            sets.append(f"#a{index} = :a{index}")
        else:
            removes.append(f"#a{index}")
    clauses = [f"SET {', '.join(sets)}"] if sets else []
    clauses += [f"REMOVE {', '.join(removes)}"] if removes else []
    return {
        "UpdateExpression": " ".join(clauses),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
