"""The status lines on top and the keys at the bottom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text
from textual.timer import Timer
from textual.widgets import Static

from tui.actions import ALERTS, CLUSTERS, Action
from tui.cells import GLYPHS, STATE_STYLES, WORDS
from tui.status import Status, gate, outbox
from wsmon.domain.states import WorksetState
from wsmon.domain.times import age
from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from tui.panels.base import Panel

S = WorksetState
COUNTED = (S.IN_PROGRESS, S.LOCKED, S.READY, S.RETRYING, S.ERROR, S.FAILED, S.COMPLETE)
ALWAYS = {"help", "quit"}
TIGHT_WIDTH = 100


class StatusBar(Static):
    """Two lines: where and who; how much of what."""

    def __init__(self) -> None:
        super().__init__("", id="status", markup=False)
        self._shown: tuple[str, str] = ("", "")
        self._of: tuple[object, ...] = ()

    def show(self, status: Status) -> None:
        """Paint, if it reads differently."""
        width = max(20, self.size.width or self.app.size.width)
        of = (width, *status.told())
        if of == self._of:
            return
        self._of = of
        first, second = self._where(status, width), self._counts(status, width)
        if width < TIGHT_WIDTH:  # one line; how much of what stands beside the tabs
            first, second = (second if status.trouble else first), Text()
        if (first.markup, second.markup) != self._shown:
            self._shown = (first.markup, second.markup)
            self.update(Text("\n").join([first, second]))

    def _where(self, status: Status, width: int) -> Text:
        if status.past:
            line = Text.assemble((" PAST ", "bold white on dark_magenta"), (f" {status.past}", "magenta"))
            line.truncate(width, overflow="ellipsis")
            return line
        right = Text()
        if status.paused:
            right.append(" paused ", "bold black on yellow")
        if status.refresh is not None:
            right.append(f" every {status.refresh:g} s", "dim")
        if status.trouble:
            right.append(" stale " if status.age is not None else " no store ", "bold black on yellow")
        if status.age is not None:
            right.append(f" {age(status.age)} ago" if status.age >= status.stale_after else " live", "dim")
        left = Text(" wsmon ", "bold")
        if status.store is None:
            left.append(" connecting …" if not status.trouble else "", "dim")
        else:
            info = status.store
            place = f"{info.engine}:{_short(info.name, 36 if width >= TIGHT_WIDTH else 20)}" + (
                f" {info.region}" if info.region else ""
            )
            left.append(f" {visible(place)}", "cyan")
            left.append(f"  {visible(status.account)}" if status.account else "", "dim")
            if not status.account or width >= TIGHT_WIDTH:  # where there is little room, one of the two
                left.append(f"  {visible(status.who)}", "dim")
            left.append_text(gate(status))
            monitors = str(status.monitors) if status.age is not None else "–"
            left.append(f"  {monitors} monitor{'' if monitors == '1' else 's'}", "dim")
            left.append(f", {status.silent} silent" if status.silent else "", "yellow")
            left.append(outbox(status), "yellow")
            if status.units is not None:
                left.append(f"  {status.units:,} units/min", "dim")
            if status.production:
                left.append("  PRODUCTION ", "bold white on red")
        return _between(left, right, width)

    def _counts(self, status: Status, width: int) -> Text:
        if status.trouble:
            line = Text()
            if width < TIGHT_WIDTH:
                word = f" stale {age(status.age)} " if status.age is not None else " no store "
                line.append(word, "bold black on yellow")
            line.append(f" {visible(status.trouble)}", "yellow")
            line.truncate(width, overflow="ellipsis")
            return line
        line = Text(" ")
        known = status.age is not None or bool(status.past)
        for state in COUNTED:
            count = status.counts.get(state, 0)
            style = STATE_STYLES.get(state, "") if count else "dim"
            word = WORDS[state] if width >= 100 else ""
            line.append(f"{GLYPHS[state]} {f'{count:,}' if known else '–'} {word}".rstrip() + "  ", style)
        alerts = str(status.alerts) if known else "–"
        right = Text(f"{alerts} alert{'' if alerts == '1' else 's'} ", "bold red" if status.alerts else "dim")
        return _between(line, right, width)


class KeyBar(Static):
    """One line of keys, from the action table."""

    def __init__(self) -> None:
        super().__init__("", id="keys", markup=False)
        self._shown = ""
        self._of: tuple[object, ...] = ()

    def show(self, actions: Iterable[Action], scopes: frozenset[str], *, writable: bool, marks: int = 0) -> None:
        """The keys that do something right now."""
        width = max(20, self.size.width or self.app.size.width)
        actions = tuple(actions)
        of = (width, scopes, writable, marks, actions)
        if self._of == of:
            return
        self._of = of
        fitting = [a for a in actions if a.footer and a.scope in scopes and (writable or not a.changes)]
        fitting.sort(key=lambda action: action.scope not in {ALERTS, CLUSTERS})
        tight = width < TIGHT_WIDTH
        always = Text().join(_key(action, tight=tight) for action in fitting if action.name in ALWAYS)
        line = Text(" ").append(f"{marks} marked " if marks else "", "bold yellow")
        for action in fitting:
            part = _key(action, tight=tight)
            # Help and quit are never what is cut off.
            if action.name not in ALWAYS and line.cell_len + part.cell_len + always.cell_len < width:
                line.append_text(part)
        line = _between(line, always, width)
        line.no_wrap = True
        if line.plain != self._shown:
            self._shown = line.plain
            self.update(line)


class Flash(Static):
    """What came of a change, over the last lines of the screen until a key is pressed or it is old."""

    SECONDS = 10.0
    EXPECT_AFTER = 0.15
    """A store that answers sooner needs no word, and no bytes for one."""

    def __init__(self) -> None:
        super().__init__("", id="flash", markup=False)
        self.text = ""
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        """Nothing to say yet."""
        self.display = False

    def say(self, text: str, *, refused: bool) -> None:
        """Show it."""
        self._show("!" if refused else "✓", text, refused=refused)
        self._timer = self.set_timer(self.SECONDS, self.hush)

    def expect(self, text: str) -> None:
        """Show what is waited for, unless it is there at once; whatever is said next takes its place."""
        self._forget()
        self._timer = self.set_timer(self.EXPECT_AFTER, lambda: self._show("…", text, refused=False))

    def _show(self, mark: str, text: str, *, refused: bool) -> None:
        self._forget()
        self.text = visible(text)[:500]
        self.update(Text.assemble((f" {mark} ", "bold"), self.text))
        self.set_class(refused, "-refused")
        self.set_class(mark == "…", "-waiting")
        self.display = True

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def hush(self) -> None:
        """It was read."""
        self._forget()
        self.display = False


def strip(panels: Sequence[Panel[Any]], active: Panel[Any], status: Status, width: int) -> Text:
    """The tabs of the panels, where there is room for one only, and how much of what."""
    parts = [
        Text(f" {number} {panel.id} ", "bold reverse" if panel is active else "dim")
        for number, panel in enumerate(panels, 1)
    ]
    tabs = Text().join(parts)
    known = status.age is not None or bool(status.past)
    counts = Text()
    for state in COUNTED:
        count = status.counts.get(state, 0)
        if count and known:
            counts.append(f"{GLYPHS[state]}{count:,} ", STATE_STYLES.get(state, ""))
    if status.alerts and known:
        counts.append(f"!{status.alerts} ", "bold red")
    return _between(tabs, counts, width) if tabs.cell_len + counts.cell_len < width else tabs


def _key(action: Action, *, tight: bool) -> Text:
    label = f" {action.short or action.label} " if tight else f" {action.label}  "
    return Text.assemble((action.shown, "bold cyan"), (label, "dim"))


def _between(left: Text, right: Text, width: int) -> Text:
    left.truncate(max(0, width - cell_len(right.plain) - 1), overflow="ellipsis")
    return Text.assemble(left, " " * max(0, width - left.cell_len - right.cell_len), right)


def _short(name: str, limit: int = 36) -> str:
    return name if len(name) <= limit else "…" + name[-limit + 1 :]
