"""What must hold once everything is quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.kernel import Violation
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Workset, row_of

if TYPE_CHECKING:
    from tests.simulation.world import World

LOADED = [state for state in WorksetState if state not in {WorksetState.ARCHIVED, WorksetState.DELETED}]


def check_end(world: World) -> None:
    """Raises Violation."""
    base, oracle = world.server.base, world.server.oracle
    if base.leases():
        raise Violation("nothing stays locked", f"{base.leases()}")
    for cluster in base.clusters():
        if cluster.claims:
            raise Violation("no slot stays taken", f"{cluster.name}: {cluster.claims}")
    running = [effect for effect in world.effects.all.values() if effect.ended is None]
    if running:
        raise Violation("no run stays behind", f"{running}")
    alerts = {(alert.kind, alert.subject) for alert in base.alerts()}
    strays = [effect for effect in world.effects.all.values() if effect.left_behind and effect.stray]
    untold = [effect for effect in strays if ("duplicate", effect.workset_id) not in alerts]
    if untold:
        raise Violation("what was left behind is told of", f"{untold}")
    world.server.lives.check_end()
    _events(world)
    orphaned = [alert.subject for alert in base.alerts() if alert.kind == "orphaned"]
    if orphaned:
        raise Violation("an alert ends with its condition", f"orphaned: {orphaned}")
    _monitors(world)
    if "viewer" not in world.plan.without:
        _view(world)
    records = {name: base.record(name) for name in oracle.records}
    if records != oracle.records:
        raise Violation("what is written stays", "the records differ from what was accepted")


def _events(world: World) -> None:
    total, undelivered = world.server.ledger.delivered()
    if total != world.server.oracle.events:
        raise Violation("no event is lost", f"{total} events of {world.server.oracle.events} accepted changes")
    if "relay" not in world.plan.without and world.hosts:
        if undelivered:
            raise Violation("the outbox drains once channels are up", f"{undelivered} of {total} events still wait")
        world.channels.everyone_was_told(total)


def _monitors(world: World) -> None:
    """A monitor that ended cleanly is no longer expected."""
    names = {monitor.name for monitor in world.server.base.monitors()}
    left = [host.config.name for host in world.hosts if host.config.name in names]
    if left:
        raise Violation("a clean end signs off", f"{left}")
    alive = [host.config.name for host in world.hosts if host.process and not all(t.done for t in host.process.tasks)]
    if alive:
        raise Violation("a monitor that is told to stop ends", f"{alive}")


def _view(world: World) -> None:
    viewer, store = world.viewer, world.server.oracle.records
    want = {r.workset_id: row_of(r) for r in store.values() if isinstance(r, Workset) and r.state in LOADED}
    shown = {name: row for name, row in viewer.rows.items() if row.state in LOADED}
    if shown != want:
        wrong = sorted(name for name in want.keys() | shown.keys() if want.get(name) != shown.get(name))
        raise Violation(
            "the view equals the store once quiet", f"{wrong}: shown {shown.get(wrong[0])}, is {want.get(wrong[0])}"
        )
    if viewer.view is None or {n: r for n, r in viewer.view.rows.items() if r.state in LOADED} != want:
        raise Violation("the view equals the store once quiet", "its rows differ from what its deltas told")
    purged = [n for n in viewer.view.rows.keys() | viewer.rows.keys() if not isinstance(store[n], Workset)]
    if purged:
        raise Violation("the view equals the store once quiet", f"it shows what was purged: {sorted(purged)}")
    counted = dict.fromkeys(WorksetState, 0)
    for record in store.values():
        if isinstance(record, Workset):
            counted[record.state] += 1
    if viewer.counts != counted:
        raise Violation("the view equals the store once quiet", f"counts {viewer.counts}, counted {counted}")
    if viewer.delta is None or viewer.delta.leases:
        raise Violation("the view equals the store once quiet", "it shows locks that have ended")
