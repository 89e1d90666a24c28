"""What the last day brought, by the hour: the queue's depth, starts, completions, failures, dollars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.feed import Came, Feed
from wsmon.domain.rates import Rates, Stretch, depths, sparkline
from wsmon.domain.states import WAITING
from wsmon.domain.times import isoformat
from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from tui.session import Session
    from wsmon.services.live import Delta

HOURS = 24


class Throughput(ModalScreen[None]):
    """Read from the events when it is opened, and kept current while it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,7", "leave", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space,ctrl+d", "scroll(20)", show=False),
        Binding("pageup,ctrl+u", "scroll(-20)", show=False),
    ]

    def __init__(self, session: Session, now: Callable[[], int], waiting: int) -> None:
        super().__init__(classes="board")
        self._now, self._waiting = now, waiting
        self._rates = Rates()
        self._feed = Feed(session, HOURS, self.post_message)

    def compose(self) -> ComposeResult:
        """Lines over a table."""
        with VerticalScroll(id="board", can_focus=True) as frame:
            frame.border_title = "7 throughput"
            frame.border_subtitle = "reading …"
            yield Static("", id="throughput")

    def on_mount(self) -> None:
        """Begin to read."""
        self._feed.start()

    def on_unmount(self) -> None:
        """Nobody reads any more."""
        self._feed.stop()

    @on(Came)
    def _came(self, message: Came) -> None:
        self._rates.add(message.events)
        if message.all_read or message.error:
            told = visible(message.error) or "esc back"
            self.query_one("#board").border_subtitle = Text(told)
            self._paint()

    def follow(self, delta: Delta) -> None:
        """The store was looked at."""
        waiting = sum(delta.counts.get(state, 0) for state in WAITING)
        if waiting != self._waiting:
            self._waiting = waiting
            self._paint()

    def _paint(self) -> None:
        stretches = self._rates.last(self._now(), HOURS)
        self.query_one("#throughput", Static).update(drawn(stretches, depths(stretches, self._waiting)))

    def action_scroll(self, lines: int) -> None:
        """Move by lines."""
        self.query_one("#board", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        """Back to the panels."""
        self.dismiss(None)


def drawn(stretches: Sequence[Stretch], depth: Sequence[int]) -> Table:
    """A line a figure, then the hours, the newest first."""
    page = Table.grid(padding=(0, 0))
    lines = Table.grid(padding=(0, 2))
    figures: list[tuple[str, list[float], str]] = [
        ("queue depth", [float(d) for d in depth], f"{depth[-1]:,} now"),
        ("starts", [float(s.starts) for s in stretches], f"{sum(s.starts for s in stretches):,}"),
        ("completions", [float(s.completions) for s in stretches], f"{sum(s.completions for s in stretches):,}"),
        ("failures", [float(s.failures) for s in stretches], f"{sum(s.failures for s in stretches):,}"),
        ("dollars", [s.dollars for s in stretches], f"${sum(s.dollars for s in stretches):,.2f}"),
    ]
    styles = {"failures": "red", "completions": "green", "starts": "cyan"}
    for name, values, total in figures:
        # Two cells an hour: a day is seen at a glance at 80 columns.
        line = "".join(bar * 2 for bar in sparkline(values))
        lines.add_row(Text(name, "bold"), Text(line, styles.get(name, ""), no_wrap=True), total)
    hours = Table.grid(padding=(0, 2))
    hours.add_row(*(Text(name, "dim") for name in ("hour (UTC)", "depth", "new", "starts", "done", "failed", "$")))
    for stretch, waiting in reversed(list(zip(stretches, depth, strict=True))):
        counts = (waiting, stretch.registered, stretch.starts, stretch.completions, stretch.failures)
        cells = [Text(f"{count:,}" if count else "·", "" if count else "dim", justify="right") for count in counts]
        spent = Text(f"{stretch.dollars:,.2f}" if stretch.dollars else "·", justify="right")
        hours.add_row(isoformat(stretch.since)[5:16].replace("T", " "), *cells, spent)
    for part in (Text(f"the last {len(stretches)} hours, the newest on the right"), Text(), lines, Text(), hours):
        page.add_row(part)
    return page
