"""The panels' screen: status on top, panels, the field for a filter, keys at the bottom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from tui.bars import Flash, KeyBar, StatusBar, strip
from tui.keyed import KeyedList
from tui.painting import TightScreen
from tui.panels.alerts import AlertsPanel
from tui.panels.base import Panel
from tui.panels.clusters import ClustersPanel
from tui.panels.locks import LocksPanel
from tui.panels.queue import QueuePanel
from tui.status import Status
from tui.table import Palette

if TYPE_CHECKING:
    from tui.actions import Action
    from tui.aside import Aside
    from tui.filterbar import FilterBar
    from tui.pulse import Pulse
    from wsmon.domain.workset import Row
    from wsmon.services.live import Delta


HUGE_WIDTH = 180


class View(TightScreen, inherit_bindings=False):
    """Gets what is to be shown; what is asked for on it are the app's actions."""

    class Arranged(Message):
        """Another panel is the active one, or marks changed: other keys do something now."""

    def __init__(self, status: Status) -> None:
        super().__init__()
        self.status = status
        self.rows: dict[str, Row] = {}
        self.latest: Delta | None = None
        self.queue, self.locks = QueuePanel(), LocksPanel()
        self.clusters, self.alerts = ClustersPanel(), AlertsPanel()
        self.panels: tuple[Panel[Any], ...] = (self.queue, self.locks, self.clusters, self.alerts)
        self.queue.attach(self.rows)
        self.status_bar, self.key_bar, self.flash = StatusBar(), KeyBar(), Flash()
        self._filter_bar: FilterBar | None = None
        self._strip = Static("", id="strip", markup=False)
        self._stripped = ""
        self.is_framed = False
        self.aside: Aside | None = None
        self._pulse: Pulse | None = None
        self._upper, self._side = Horizontal(id="upper"), Vertical(id="side")
        # As `activate` would leave them: a class that changes after the mount is matched anew.
        for first in (self.queue, self._upper):
            first.add_class("-active")

    def compose(self) -> ComposeResult:
        """Status, panels, filter, keys."""
        # Textual would know the size when all is painted, and paint it again.
        self.set_classes(self._get_breakpoint_classes(self.app.size.width, self.app.HORIZONTAL_BREAKPOINTS or []))
        yield Palette()
        yield self.status_bar
        yield self._strip
        with Vertical(id="main"):
            with self._upper:
                yield self.queue
                with self._side:
                    yield self.locks
                    yield self.clusters
            yield self.alerts
        yield self.key_bar
        yield self.flash

    def framed(self) -> None:
        """The first frame stands: now what it could do without."""
        from tui.filterbar import FilterBar

        self._filter_bar = FilterBar(self.queue.values_of, self.rows.__len__)
        self.mount(self._filter_bar, before=self.key_bar)
        self.is_framed = True
        self._enlarge()

    def on_resize(self) -> None:
        """There may be room for more."""
        self._enlarge()
        self._show_strip()

    def _enlarge(self) -> None:
        """On a large screen what goes on stands on top, and the workset under the cursor beside the panels."""
        if self.is_framed and self.aside is None and self.app.size.width >= HUGE_WIDTH:
            from tui.aside import Aside
            from tui.pulse import Pulse

            self.aside, self._pulse = Aside(), Pulse()
            self.mount(self._pulse, before="#main")
            self._upper.mount(self.aside)

    # what is to be shown

    def take(self, delta: Delta) -> None:
        """Show what changed."""
        if self._pulse is not None and not self.status.past:
            self._pulse.note(self.rows, delta)
        self.queue.notice(self.rows, delta.rows)
        self.rows.update(delta.rows)
        for workset_id in delta.gone:
            self.rows.pop(workset_id, None)
        self.show(delta)

    def show(self, delta: Delta) -> None:
        """Show a delta whose rows are known already."""
        self.latest = delta
        for panel in self.panels:
            panel.now = delta.at
            panel.show(delta)
        self.look_aside()

    def look_aside(self) -> None:
        """Beside the panels stands what is under the cursor."""
        if self.aside is not None:
            found = self.active.selected()
            row = self.rows.get(found) if found is not None else None
            self.aside.look_at(found, row.rev if row is not None else 0)

    def replace(self, rows: Mapping[str, Row], delta: Delta) -> None:
        """Show other rows in place of all: those of another time."""
        self.rows.clear()
        self.rows.update(rows)
        self.queue.now = delta.at
        self.alerts.forget()
        self.queue.reload()
        self.show(delta)

    def answered(self) -> None:
        """The store has answered for the first time."""
        for panel in self.panels:
            panel.answered()

    def unanswered(self) -> None:
        """The store was asked and has not answered yet."""
        for panel in self.panels:
            panel.unanswered()

    def tick(self, now: int) -> None:
        """Time went on."""
        for panel in self.panels:
            if panel.display:
                panel.tick(now)

    @property
    def brisk(self) -> bool:
        """Whether something that is shown counts seconds."""
        return any(panel.brisk for panel in self.panels if panel.display)

    def looked(self, delta: Delta) -> None:
        """The store was looked at: each panel's data is from then, or from when it had its turn."""
        for panel in self.panels:
            panel.looked(delta.read_at.get(str(panel.id), delta.at))

    def show_status(self, now: int | None) -> None:
        """Paint status, tabs and the panels' ages, where they read differently; None: nothing was read yet."""
        self.status_bar.show(self.status)
        for panel in self.panels:
            seen = None if self.status.past else now
            panel.aged(seen, self.status.stale_after, cut_off=bool(self.status.trouble), past=bool(self.status.past))
        self._show_strip()
        if self.aside is not None:  # it shows a row of the queue, and is as old
            self.aside.set_class(self.queue.has_class("-stale"), "-stale")

    def _show_strip(self) -> None:
        active = next((panel for panel in self.panels if panel.has_class("-active")), self.queue)
        line = strip(self.panels, active, self.status, self.app.size.width)
        if line.markup != self._stripped:
            self._stripped = line.markup
            self._strip.update(line)

    def show_keys(self, actions: Iterable[Action], *, writable: bool) -> None:
        """The keys that do something right now."""
        self.key_bar.show(actions, self.active.scopes, writable=writable, marks=len(self.active.table.marked))

    # panels

    @property
    def active(self) -> Panel[Any]:
        """The panel whose table has the focus, or the queue."""
        focused = self.focused
        return next((panel for panel in self.panels if focused is panel.table), self.queue)

    def activate(self, active: Panel[Any]) -> None:
        """Mark the active panel; where there is room for one only, it is the one shown."""
        for panel in self.panels:
            panel.set_class(panel is active, "-active")
        self._upper.set_class(active is not self.alerts, "-active")
        self._side.set_class(active in {self.locks, self.clusters}, "-active")
        self._show_strip()
        self.look_aside()
        self.post_message(self.Arranged())

    def on_descendant_focus(self) -> None:
        """The focus moved, by key or by mouse."""
        self.activate(self.active)

    @on(KeyedList.Moved)
    def _moved(self) -> None:
        self.look_aside()

    @on(KeyedList.Marked)
    def _marked(self) -> None:
        self.post_message(self.Arranged())

    def panel(self, number: float) -> None:
        """Go to a panel."""
        panel = self.panels[int(number) - 1]
        self.activate(panel)
        panel.table.focus()

    def step(self, by: float) -> None:
        """Go to another panel."""
        self.panel((self.panels.index(self.active) + int(by)) % len(self.panels) + 1)

    def zoom(self) -> None:
        """The active panel alone, or all."""
        self.toggle_class("-zoomed")

    # what is shown of the queue

    def state(self, by: float) -> None:
        """The next state's worksets."""
        self.queue.narrow(step=int(by))

    def filter(self) -> None:
        """Ask for a filter."""
        self.activate(self.queue)
        if self._filter_bar is not None:
            self._filter_bar.open(self.queue.filter_text)

    def on_filter_bar_typed(self, message: FilterBar.Typed) -> None:
        """There is another filter to use."""
        if message.text.strip() != self.queue.filter_text:
            self.queue.narrow(text=message.text, tentative=message.tentative)

    def on_filter_bar_left(self) -> None:
        """The field is left."""
        if self._filter_bar is not None:
            self._filter_bar.display = False
        self.queue.table.focus()

    def unfilter(self) -> None:
        """Leave the filter's field, and take the filter off."""
        if self._filter_bar is not None and self._filter_bar.display:
            self.on_filter_bar_left()
        if self.queue.filter_text:
            self.queue.narrow(text="")

    def match(self, by: float) -> None:
        """Go to the next row that the last filter lets pass."""
        self.queue.match(int(by))

    def go_to(self, workset_id: str) -> bool:
        """Put the cursor on a workset, whatever filter hid it; whether it is there."""
        self.panel(1)
        return self.queue.go_to(workset_id)
