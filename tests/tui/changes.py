"""Rows that change something: each asks first, names what it will change, leaves it alone on a no, and does it on a yes."""

from __future__ import annotations

from typing import Any

from textual.widgets import Button, Static

from tests.tui.seat import Seat, row
from tui.screens.confirm import Confirm
from wsmon.domain.states import Verb, WorksetPriority, WorksetState

S = WorksetState
REASON = "because I say so"


def text_of(screen: Confirm) -> str:
    """What a question says, its buttons last."""
    parts = [str(screen.query_one(f"#confirm-{name}", Static).render()) for name in ("title", "facts", "consequence")]
    return "\n".join([*parts, " ".join(str(button.label) for button in screen.query(Button))])


def _says(name: str, verb: Verb, *cases: tuple[WorksetState, WorksetState]) -> None:
    """The verb to a workset in each of these states, and the state it leads to."""

    @row(name)
    async def check(seat: Seat, key: str) -> None:
        for state, after in cases:
            await _changes(seat, key, verb, seat.a(state), after)


async def _changes(seat: Seat, key: str, verb: Verb, target: str, after: WorksetState) -> None:
    await seat.go(target)
    before = seat.stage.filler.get(target)
    question = await seat.asked(key)
    shown = text_of(question)
    for part in (target, f"version  {before.rev}", before.holder or "nobody"):
        assert part in shown
    if verb is Verb.UNLOCK and before.state is S.IN_PROGRESS:
        assert "run itself is not touched" in shown
    await seat.pilot.press("enter")  # the focus is on the button that leaves
    await seat.wait(lambda: seat.app.screen is seat.app.view)
    assert seat.stage.filler.get(target) == before
    await seat.agree(await seat.asked(key), REASON)
    await seat.wait(lambda: seat.stage.filler.get(target).rev == before.rev + 1)
    assert seat.stage.filler.get(target).state is after
    event = seat.stage.real.history(target)[-1]
    assert (event.verb, event.actor, event.reason) == (verb, seat.stage.who, REASON)
    assert (event.before, event.after) == (before.state, after)
    await seat.wait(lambda: seat.app.view.rows[target].rev == before.rev + 1)


_says("requeue", Verb.REQUEUE, (S.ERROR, S.READY), (S.COMPLETE, S.READY), (S.RETRYING, S.READY))
_says("unlock", Verb.UNLOCK, (S.LOCKED, S.READY), (S.IN_PROGRESS, S.IN_PROGRESS))
_says("ignore", Verb.IGNORE, (S.READY, S.IGNORED), (S.ERROR, S.IGNORED))


@row("cancel")
async def _cancel(seat: Seat, key: str) -> None:
    running = next(name for name, one in seat.app.view.rows.items() if one.state is S.IN_PROGRESS and one.holder)
    await _changes(seat, key, Verb.CANCEL, running, S.IN_PROGRESS)
    assert seat.stage.filler.get(running).cancel


@row("priority")
async def _priority(seat: Seat, key: str) -> None:
    target = next(
        name
        for name, one in seat.app.view.rows.items()
        if one.state is S.READY and one.priority is WorksetPriority.NORMAL
    )
    await seat.go(target)
    question = await seat.asked(key)
    assert text_of(question).endswith("Cancel Urgent Low")
    await seat.agree(question, "", choice=1)
    await seat.wait(lambda: seat.stage.filler.get(target).priority is WorksetPriority.LOW)


@row("ack")
async def _ack(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    assert "no alert under the cursor" in seat.said
    await seat.panel(4)
    alert: Any = seat.table.current
    question = await seat.asked(key)
    assert alert.fingerprint in text_of(question)
    await seat.agree(question, REASON)
    await seat.wait(lambda: "acknowledged" in seat.said)
    told = {one.fingerprint: one for one in seat.stage.real.alerts()}[alert.fingerprint]
    assert (told.status, told.by, told.reason) == ("acknowledged", seat.stage.who, REASON)


@row("silence")
async def _silence(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    assert "no alert under the cursor" in seat.said
    await seat.panel(4)
    await seat.agree(await seat.asked(key), REASON, choice=1)
    await seat.wait(lambda: "silenced for 4 hours" in seat.said)
    (silence,) = seat.stage.real.silences()
    assert round((silence.ends_at - silence.starts_at) / 1e6) == 14_400
    assert (silence.by, silence.reason) == (seat.stage.who, REASON)


@row("drain")
async def _drain(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    assert "no cluster under the cursor" in seat.said
    await seat.panel(3)
    cluster: Any = seat.table.current
    name = cluster.name
    question = await seat.asked(key)
    assert f"Drain {name}?" in text_of(question)
    await seat.agree(question, REASON)
    await seat.wait(lambda: REASON in _drained(seat, name) and REASON in _shown(seat).drained)
    question = await seat.asked(key)
    assert f"Resume {name}?" in text_of(question)
    await seat.agree(question, "")
    await seat.wait(lambda: not _drained(seat, name))


def _shown(seat: Seat) -> Any:
    return seat.table.current


def _drained(seat: Seat, name: str) -> str:
    return next(one.drained or "" for one in seat.stage.real.clusters() if one.name == name)


@row("arm")
async def _arm(seat: Seat, key: str) -> None:
    gate, clock = seat.stage.gate, seat.stage.clock
    assert gate is not None
    await seat.pilot.press(key)
    assert "writes are off again" in seat.said
    assert not gate.armed(clock)
    await seat.pilot.press("I")
    assert "W arms them" in seat.said
    await seat.agree(await seat.asked(key), "")
    await seat.wait(lambda: gate.armed(clock))
    assert "armed for 15 minutes" in seat.said
