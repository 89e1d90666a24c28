"""Everything about one workset, with its history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.cells import GLYPHS, WORDS
from tui.screens.record import record_lines
from tui.screens.timelines import timeline
from tui.screens.why import why_lines
from tui.work import Record
from wsmon.domain.change import Event
from wsmon.domain.timeline import booked
from wsmon.domain.times import Instant, age, isoformat
from wsmon.domain.visible import visible
from wsmon.domain.workset import Workset

VALUE_CHARS = 2000


class Detail(ModalScreen[None]):
    """Facts, why, timeline and history, or one of them alone; it scrolls as a whole."""

    class Wanted(Message):
        """The screen is there and wants its workset read."""

        def __init__(self, workset_id: str) -> None:
            super().__init__()
            self.workset_id = workset_id

    class LogWanted(Wanted):
        """Its run's log is wanted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", show=False),
        Binding("d", "section('')", show=False),
        Binding("w", "section('why')", show=False),
        Binding("h", "section('history')", show=False),
        Binding("y", "section('record')", show=False),
        Binding("l", "log", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space,ctrl+d", "scroll(20)", show=False),
        Binding("pageup,ctrl+u", "scroll(-20)", show=False),
        Binding("g,home", "scroll(-100000)", show=False),
        Binding("G,end", "scroll(100000)", show=False),
    ]

    def __init__(self, workset_id: str, section: str = "", *, past: bool = False) -> None:
        """`past`: only what had happened by then; of anything but its events nobody knows what it was."""
        super().__init__()
        self._past = past
        self.workset_id = workset_id
        self._section = section
        self._record: Record | None = None
        self._before: Workset | None = None
        """As it was when it was read before."""
        self._now: Instant = 0

    def compose(self) -> ComposeResult:
        """One text in a scroll."""
        with VerticalScroll(id="detail", can_focus=True) as scroll:
            scroll.border_title = Text(visible(self.workset_id)[:120])
            scroll.border_subtitle = "d all · w why · h history · y record · l log · esc back"
            yield Static(Text("reading …", "dim"), id="detail-text")

    def on_mount(self) -> None:
        """Ask for what to show."""
        self.post_message(self.Wanted(self.workset_id))

    def action_scroll(self, lines: int) -> None:
        """Move by lines."""
        self.query_one("#detail", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_section(self, name: str) -> None:
        """Show a part alone, or everything; a second time: back."""
        if name == self._section:
            self.dismiss(None)
            return
        self._section = name
        self._paint()
        self.query_one("#detail", VerticalScroll).scroll_home(animate=False)

    def action_log(self) -> None:
        """What its run writes."""
        self.post_message(self.LogWanted(self.workset_id))

    def action_leave(self) -> None:
        """Back to the panels."""
        self.dismiss(None)

    def show(self, record: Record, now: Instant) -> None:
        """What was read."""
        if self._record is not None and self._record.workset.rev != record.workset.rev:
            self._before = self._record.workset
        self._record, self._now = record, now
        self._paint()

    def _paint(self) -> None:
        if self._record is None:
            return
        if self._past:
            then = [event for event in self._record.events if event.at <= self._now]
            text = Text(f"as it was at {isoformat(self._now)[:19]}Z", "bold magenta")
            width = max(40, self.size.width - 6)
            then_shown: list[RenderableType] = [
                text,
                "",
                Text("timeline", "bold"),
                timeline(then, self._now, width),
                "",
                _history(then),
            ]
            self.query_one("#detail-text", Static).update(Group(*then_shown))
            return
        parts = shown(self._record, self._now, self._section, self._before, max(40, self.size.width - 6))
        self.query_one("#detail-text", Static).update(Group(*parts))

    def fail(self, error: str) -> None:
        """It could not be read."""
        self.query_one("#detail-text", Static).update(Text(visible(error), "yellow"))


def shown(record: Record, now: Instant, section: str, before: Workset | None, width: int) -> list[RenderableType]:
    """The parts of a workset's page, or the one of a section."""
    why: list[RenderableType] = [Text("nothing waits for a decision here", "dim")]
    if record.why is not None:
        why = why_lines(record.why)
    history: list[RenderableType] = [Text("history (UTC)", "bold"), _history(record.events)]
    if section == "why":
        return why
    if section == "history":
        return history
    if section == "record":
        return record_lines(record.workset, before)
    return [
        _facts(record, now),
        "",
        *(why if record.why is not None else []),
        Text("timeline", "bold"),
        timeline(record.events, now, width),
        "",
        *history,
    ]


def glance(record: Record, now: Instant, width: int) -> list[RenderableType]:
    """The short page, for beside the panels."""
    bars = timeline(record.events, now, width)
    return [
        _facts(record, now),
        "",
        Text("timeline", "bold"),
        bars,
        "",
        Text("history (UTC)", "bold"),
        _history(record.events, dated=False),
    ]


def _facts(record: Record, now: Instant) -> Table:
    workset, lease = record.workset, record.lease

    def ago(at: Instant | None) -> str | None:
        return f"{isoformat(at)[:19]}Z  ({age((now - at) / 1e6)} ago)" if at is not None else None

    run, failure, cancel = workset.run, workset.failure, workset.cancel
    state = f"{GLYPHS[workset.state]} {WORDS[workset.state]}"
    if lease is not None:
        left = (lease.expires_at - now) / 1e6
        lock = f"{lease.holder}, token {lease.token}, renewed {lease.renewal} times, " + (
            f"ends in {age(left)}" if left > 0 else f"overdue by {age(-left)}"
        )
    else:
        lock = f"none; the last ended with {workset.lock_ended}" if workset.lock_ended else "none"
    facts = {
        "state": state,
        "priority": workset.priority.value,
        "input": f"{workset.bucket}/{workset.prefix}",
        "attempt": str(workset.attempt) if workset.attempt else None,
        "lock": lock,
        "registered": ago(workset.registered_at),
        "queued": ago(workset.queued_at),
        "started": ago(workset.started_at),
        "ended": ago(workset.ended_at),
        "retry": f"{isoformat(workset.retry_after)[:19]}Z" if workset.retry_after else None,
        "step": workset.current_step,
        "cluster": workset.cluster,
        "run": f"token {run.run_token} at {run.host}, {run.folder}" if run else None,
        "cancel": f"asked by {cancel.by}: {cancel.reason or 'no reason'}" if cancel else None,
        "failure": f"{failure.category.value}: {failure.details}" if failure else None,
        "cost": f"${cost:,.2f} booked" if (cost := booked(record.events)) is not None else None,
        "told": None
        if record.undelivered is None
        else f"{record.undelivered} events wait for the channels"
        if record.undelivered
        else "every event was delivered",
        "metrics": json.dumps(dict(workset.metrics), ensure_ascii=False) if workset.metrics else None,
        "metadata": json.dumps(dict(workset.metadata), ensure_ascii=False) if workset.metadata else None,
    }
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="dim")
    for name, value in facts.items():
        if value:
            cut = value if len(value) <= VALUE_CHARS else f"{value[:VALUE_CHARS]} … ({len(value):,} characters)"
            grid.add_row(name, Text(visible(cut), overflow="fold"))
    return grid


def _history(events: Sequence[Event], *, dated: bool = True) -> Table:
    """The events, the newest first; not `dated`: without the year, so that there is room for the time of day."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="dim")
    for event in reversed(events):
        said = Text(visible(event.actor)[:40], "cyan")
        if event.reason:
            said.append(f"  {visible(event.reason)[:300]}", "yellow")
        for name, value in (event.detail or {}).items():
            if value is not None and name != "decision":  # it is told above, and it is long
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                said.append(f"  {name} {visible(text)[:300]}", "dim")
        said.overflow = "fold"
        grid.add_row(
            str(event.seq),
            Text(isoformat(event.at)[0 if dated else 5 : 19].replace("T", " "), "dim", no_wrap=True),
            Text(event.verb.value, "bold", no_wrap=True),
            Text(WORDS[event.after] if event.after else "gone", no_wrap=True),
            said,
        )
    return grid
