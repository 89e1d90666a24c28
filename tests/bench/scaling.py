"""The model of docs/scale.md: measured units an operation, times how often it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MONTH_HOURS, SECONDS = 730.0, 3600.0
READ_DOLLARS, WRITE_DOLLARS = 0.125e-6, 0.625e-6
"""A request unit on demand in us-east-1, as AWS's price page has them since November 2024."""
RUN_HOURS, RENEW_SECONDS, PASS_SECONDS, REFRESH_SECONDS = 4.0, 20.0, 5.0, 2.0
EVENTS = 4
"""Of one life: registered, locked, started, complete."""
MEASURED_LEASES, MEASURED_MONITORS = 50, 20
COEFFICIENTS = (
    "units.register.writes",
    "lifecycle.writes",
    "lifecycle.reads",
    "units.renewal.writes",
    "units.delivery.writes",
    "units.pass.writes",
    "units.pass.reads",
    "units.leases.reads",
    "units.monitors.reads",
    "refresh.units.mean",
    "refresh.units.more-leases",
    "changes.whole.150",
)
CASES = ((1_000, 2, 1), (100_000, 20, 5), (10_000_000, 1_000, 20))
"""Worksets a month, monitors, open views."""


@dataclass(frozen=True, slots=True)
class Load:
    """A month of a fleet."""

    worksets: int
    monitors: int
    views: int
    units: Mapping[str, float]

    @property
    def leases(self) -> float:
        """Locks held at a time, on average."""
        return self.worksets * RUN_HOURS / MONTH_HOURS

    def _times(self, seconds: float) -> float:
        return MONTH_HOURS * SECONDS / seconds

    def writes(self) -> dict[str, float]:
        """Write units a month by what they are for."""
        u = self.units
        renewals = RUN_HOURS * SECONDS / RENEW_SECONDS
        return {
            "lives": self.worksets * (u["units.register.writes"] + u["lifecycle.writes"]),
            "renewals": self.worksets * renewals * u["units.renewal.writes"],
            "deliveries": self.worksets * EVENTS * u["units.delivery.writes"],
            "passes": self.monitors * self._times(PASS_SECONDS) * u["units.pass.writes"],
        }

    def pass_reads(self) -> float:
        """Read units of one pass: all monitors, all leases, and what stands in progress."""
        u = self.units
        held = u["units.pass.reads"] - u["units.monitors.reads"]
        return held * max(1.0, self.leases / MEASURED_LEASES) + u["units.monitors.reads"] * max(
            1.0, self.monitors / MEASURED_MONITORS
        )

    def reads(self) -> dict[str, float]:
        """Read units a month by what they are for."""
        u = self.units
        further = max(0.0, self.leases / MEASURED_LEASES - 1) * u["refresh.units.more-leases"]
        refresh = u["refresh.units.mean"] + further
        return {
            "lives": self.worksets * u["lifecycle.reads"],
            "passes": self.monitors * self._times(PASS_SECONDS) * self.pass_reads(),
            "views": self.views * self._times(REFRESH_SECONDS) * refresh
            + self.views * self.worksets * EVENTS * u["changes.whole.150"],
        }

    def dollars(self) -> float:
        """A month's requests."""
        return sum(self.writes().values()) * WRITE_DOLLARS + sum(self.reads().values()) * READ_DOLLARS

    def partitions(self) -> dict[str, tuple[float, float]]:
        """Mean (write, read) units a second of the partitions that all share; one takes 1,000 and 3,000."""
        u, second = self.units, MONTH_HOURS * SECONDS
        lives = self.worksets / second
        events, passes = lives * EVENTS, self.monitors / PASS_SECONDS
        of_leases = u["units.leases.reads"] * max(1.0, self.leases / MEASURED_LEASES)
        of_monitors = u["units.monitors.reads"] * max(1.0, self.monitors / MEASURED_MONITORS)
        renewals = self.leases / RENEW_SECONDS * u["units.renewal.writes"]
        return {
            "LEASES": (renewals + lives * 4, passes * of_leases + self.views / REFRESH_SECONDS * of_leases / 2),
            "MONITORS": (passes * 1, passes * of_monitors),
            "feed hour": (events, self.views * events * u["changes.whole.150"]),
            "OUTBOX": (events * 2, events),
            "a tally shard": (events * 2 / 8, 0.0),
        }


def page_part(units: Mapping[str, float]) -> str:
    """The generated part of the page."""
    lines = [
        "| coefficient | measured |",
        "|---|---|",
        *(f"| {name} | {units[name]:.3g} |" for name in COEFFICIENTS),
        "",
    ]
    loads = [Load(*case, units) for case in CASES]
    head = [f"{load.worksets:,} a month, {load.monitors:,} monitors, {load.views} views" for load in loads]
    lines += ["| a month | " + " | ".join(head) + " |", "|---|" + "---|" * len(loads)]
    lines.append("| locks at a time | " + " | ".join(f"{load.leases:,.1f}" for load in loads) + " |")
    for kind in ("writes", "reads"):
        parts = [getattr(load, kind)() for load in loads]
        for name in parts[0]:
            lines.append(f"| {kind[:-1]} units, {name} (million) | " + _row(part[name] / 1e6 for part in parts))
    lines.append("| dollars for requests | " + _row(load.dollars() for load in loads))
    lines += [
        "",
        "| partition, write / read units a second | " + " | ".join(head) + " |",
        "|---|" + "---|" * len(loads),
    ]
    found = [load.partitions() for load in loads]
    for name in found[0]:
        cells = [f"{part[name][0]:,.2f} / {part[name][1]:,.1f}" for part in found]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _row(values: Iterable[float]) -> str:
    return " | ".join(f"{value:,.2f}" for value in values) + " |"
