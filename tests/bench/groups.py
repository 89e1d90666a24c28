"""Which function measures which row of the design's section 8."""

from __future__ import annotations

from tests.bench import counts, lives, rates, screens, units
from tests.bench.figures import Group

GROUPS = (
    Group("frame", "TUI first painted frame", screens.frame),
    Group("keys", "key to last byte, queue of 100,000", screens.keys),
    Group("bytes", "bytes to the terminal (160x48)", screens.sent),
    Group("idle", "idle TUI: CPU, memory", screens.idle),
    Group("refresh", "one refresh of all panels, nothing changed (DynamoDB; 20 monitors, 50 leases)", counts.refresh),
    Group("changes", "one refresh, k changes", counts.changes),
    Group("lifecycle", "a lifecycle (acquire, start, complete, each fenced and audited)", rates.lifecycle),
    Group("claim", "claim from 100,000 ready", counts.claim),
    Group("plan", "plan()", rates.plans),
    Group("depth", "exact queue depth of 100,000", counts.depth),
    Group("race", "32 racers on one workset, 1,000 rounds, on both wire peers and SQLite", lives.races),
    Group("memory", "memory of the headless monitor after 24 simulated hours", lives.memory),
    Group("start", "", lives.start),
    Group("units", "", units.units),
)
LATER: tuple[str, ...] = ()
"""Rows whose subject is not built yet."""
