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
LOUD = "bold yellow reverse"
"""Turned round rather than black on yellow: without colour it is seen as well."""


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
            line = Text.assemble((" PAST ", "bold magenta reverse"), (f" {status.past}", "magenta"))
            line.truncate(width, overflow="ellipsis")
            return line
        right = Text()
        if status.paused:
            right.append(" paused ", LOUD)
        if status.refresh is not None:
            right.append(f" every {status.refresh:g} s", "dim")
        if status.trouble:
            right.append(" stale " if status.age is not None else " no store ", LOUD)
        if status.age is not None:
            right.append(f" {age(status.age)} ago" if status.age >= status.stale_after else " live", "dim")
        left = Text(" PRODUCTION ", "bold red reverse") if status.production else Text(" wsmon ", "bold")
        if status.store is None:
            left.append(" connecting …" if not status.trouble else "", "dim")
        else:
            for part in _fitting(status, width - left.cell_len - right.cell_len - 1):
                left.append_text(part)
        return _between(left, right, width)

    def _counts(self, status: Status, width: int) -> Text:
        if status.trouble:
            line = Text()
            if width < TIGHT_WIDTH:
                word = f" stale {age(status.age)} " if status.age is not None else " no store "
                line.append(word, LOUD)
            line.append(f" {visible(status.trouble)}", "yellow")
            line.truncate(max(0, width - len(status.next_try)), overflow="ellipsis")
            line.append(status.next_try, "yellow")
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


def _parts(status: Status, *, tight: bool) -> list[tuple[int, Text]]:
    """What the first line says of the store and who looks, in order; a number says how soon a part may be left out, 0: never."""
    info = status.store
    assert info is not None
    place = f"{info.engine}:{_short(info.name, 20 if tight else 36)}" + (f" {info.region}" if info.region else "")
    monitors = str(status.monitors) if status.age is not None else "–"
    word = "mon" if tight else "monitor" if monitors == "1" else "monitors"
    alive = Text(f"  {monitors} {word}", "dim").append(
        f", {status.silent} silent" if status.silent else "", "not dim yellow"
    )
    units = "" if status.units is None else f"  {status.units:,} {'u' if tight else 'units'}/min"
    account = f"  {visible(status.account)}" if status.account else ""
    return [
        (0, Text(f" {visible(place)}", "cyan")),
        (2, Text(account, "dim")),
        (4 if account else 2, Text(f"  {visible(status.who)}", "dim")),
        (0, gate(status)),
        (1, alive),
        (0, Text(outbox(status), "yellow")),
        (3, Text(units, "dim")),
    ]


def _fitting(status: Status, width: int) -> list[Text]:
    """The parts for which there is room: where it is little in shorter words, then without what matters least.

    What is left out is left out whole, wherever it stands.
    """
    parts = _parts(status, tight=False)
    if sum(part.cell_len for _, part in parts) <= width:
        return [part for _, part in parts]
    parts = _parts(status, tight=True)
    kept: set[int] = set()
    for place in sorted(range(len(parts)), key=lambda place: parts[place][0]):
        rank, part = parts[place]
        if not rank or part.cell_len <= width:
            kept.add(place)
            width -= part.cell_len
    return [part for place, (_, part) in enumerate(parts) if place in kept]


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
    """The tabs of the panels, where there is room for one only; how old what it shows is, and how much of what.

    In little room numbers are rounded, and then the other tabs are numbers alone.
    """
    note = Text(f"{active.border_subtitle or ''} ".lstrip() if not status.past else "", "bold yellow")
    tabs = Text()
    for rounded, bare in ((False, False), (True, False), (True, True)):
        tabs = Text().join(
            Text(f" {number} " if bare and panel is not active else f" {number} {panel.id} ", style)
            for number, panel in enumerate(panels, 1)
            for style in ["bold reverse" if panel is active else "dim"]
        )
        right = Text.assemble(note, _totals(status, rounded=rounded))
        if tabs.cell_len + right.cell_len < width:
            return _between(tabs, right, width)
    return _between(tabs, note, width)


def _totals(status: Status, *, rounded: bool) -> Text:
    """The states that have worksets, and the alerts; nothing where nothing is known."""
    totals = Text()
    if status.age is None and not status.past:
        return totals
    for state in COUNTED:
        if count := status.counts.get(state, 0):
            totals.append(
                f"{GLYPHS[state]}{_rounded(count) if rounded else f'{count:,}'} ", STATE_STYLES.get(state, "")
            )
    if status.alerts:
        totals.append(f"!{_rounded(status.alerts) if rounded else status.alerts} ", "bold red")
    return totals


def _rounded(count: int) -> str:
    """In four cells: 999, 1.2k, 85k, 120k, 3.4M; downwards, so that none is more than there is."""
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count // (size // 10) / 10:.1f}{unit}" if count < 10 * size else f"{count // size}{unit}"
    return str(count)


def _key(action: Action, *, tight: bool) -> Text:
    label = f" {action.short or action.label} " if tight else f" {action.label}  "
    return Text.assemble((action.shown, "bold cyan"), (label, "dim"))


def _between(left: Text, right: Text, width: int) -> Text:
    left.truncate(max(0, width - cell_len(right.plain) - 1), overflow="ellipsis")
    return Text.assemble(left, " " * max(0, width - left.cell_len - right.cell_len), right)


def _short(name: str, limit: int = 36) -> str:
    return name if len(name) <= limit else "…" + name[-limit + 1 :]
