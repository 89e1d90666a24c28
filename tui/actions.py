"""Every key of the TUI in one table; bindings, footer, help, palette and docs/keys.md are drawn from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual.binding import BindingType

ANYWHERE, WORKSETS, ALERTS, CLUSTERS = "anywhere", "worksets", "alerts", "clusters"
MOVE, MARK, CHANGE, LOOK, PLACE, REST = "move", "mark", "change", "look", "go", "rest"
TITLES = {
    MOVE: "move",
    MARK: "mark",
    CHANGE: "change (each asks first)",
    LOOK: "look",
    PLACE: "go to",
    REST: "the screen",
}
APP, VIEW, TABLE, CHANGING, LOOKING, SETTING, PAST = "app", "view", "table", "changing", "looking", "setting", "past"
"""Who carries it out: the panels' screen, the table with the cursor, or a part that is loaded when it is needed."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does."""

    name: str
    keys: str
    """Comma-separated, in Textual's names."""
    label: str
    """One or two words for the footer."""
    help: str
    group: str
    part: str = VIEW
    method: str = ""
    """Of the part; by default the name."""
    argument: str | float | None = None
    scope: str = ANYWHERE
    """`worksets`: needs a workset under the cursor, or marked ones; `alerts`: an alert; `clusters`: a cluster."""
    footer: bool = False
    short: str = ""
    """The label where there is little room; by default the label."""

    @property
    def changes(self) -> bool:
        """Whether it changes something: then it asks first, and a read-only session refuses it."""
        return self.group == CHANGE

    @property
    def shown(self) -> str:
        """Its first key as a person reads it."""
        return shown(self.keys.split(",")[0])

    @property
    def all_shown(self) -> str:
        """All its keys as a person reads them."""
        return " ".join(shown(key) for key in self.keys.split(","))


_SHOWN = {
    "enter": "⏎",
    "slash": "/",
    "backslash": "\\",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "right": "→",
    "left": "←",
    "up": "↑",
    "down": "↓",
    "plus": "+",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "shift+tab": "⇧tab",
}


def shown(key: str) -> str:
    """A key of Textual's as a person reads it."""
    return _SHOWN.get(key, key)


def _move(name: str, keys: str, text: str, method: str, argument: float) -> Action:
    return Action(name, keys, text, text, MOVE, TABLE, method, argument)


def _change(name: str, keys: str, text: str, scope: str = WORKSETS, short: str = "", method: str = "workset") -> Action:
    return Action(name, keys, name, text, CHANGE, CHANGING, method, name, scope, footer=True, short=short)


def _look(name: str, keys: str, label: str, text: str, *, footer: bool = False, short: str = "") -> Action:
    return Action(name, keys, label, text, LOOK, LOOKING, "", None, WORKSETS, footer, short)


def _panel(number: int, label: str, text: str) -> Action:
    return Action(f"panel_{label}", str(number), label, text, PLACE, VIEW, "panel", number)


ACTIONS = (
    _look("detail", "enter,d", "detail", "The workset: facts, lock, why, timeline, log", footer=True, short="show"),
    Action(
        "filter", "slash", "filter", "Narrow to what passes: error prio:urgent age>2h", LOOK, footer=True, short="find"
    ),
    _change("requeue", "R", "Put it back into the queue, attempts anew"),
    _change("unlock", "U", "End its lock by force; its run is not touched"),
    _change("ignore", "I", "Take it out of the queue until a requeue"),
    _change("cancel", "X", "Ask its holder to end its run"),
    _change("priority", "P", "Move it to another tier", short="prio"),
    _change("ack", "A", "Take alerts on: they are told no more", ALERTS, method="alert"),
    _change("silence", "S", "Tell nobody of alerts for a while", ALERTS, method="alert"),
    _change("drain", "D", "Keep new work off the cluster, or let it in again", CLUSTERS, method="cluster"),
    Action("arm", "W", "writes", "Arm writes on a shared store for a while, or end that", CHANGE, CHANGING),
    Action("mark", "space", "mark", "Mark the row, or take its mark off", MARK, TABLE, footer=True),
    Action("mark_range", "V", "range", "Mark from the last mark to here", MARK, TABLE),
    Action("unmark", "backslash", "unmark", "Take all marks off", MARK, TABLE),
    _move("down", "j,down", "One row down", "move", 1),
    _move("up", "k,up", "One row up", "move", -1),
    _move("half_down", "ctrl+d", "Half a page down", "page", 0.5),
    _move("half_up", "ctrl+u", "Half a page up", "page", -0.5),
    _move("page_down", "pagedown", "A page down", "page", 1),
    _move("page_up", "pageup", "A page up", "page", -1),
    _move("first", "g,home", "The first row", "edge", 0),
    _move("last", "G,end", "The last row", "edge", 1),
    Action("next_match", "n", "next", "The next row that the last filter lets pass", MOVE, VIEW, "match", 1),
    Action("previous_match", "N", "previous", "The row before that it lets pass", MOVE, VIEW, "match", -1),
    _look("why", "w", "why", "Why it waits, or runs where it runs", footer=True),
    _look("log", "l", "log", "What its run writes, followed and searched", footer=True),
    _look("history", "h", "history", "Its events, with who and why"),
    _look("record", "y", "record", "The record as JSON, with what changed since it was looked at"),
    _look("copy", "c", "copy", "Its id into the clipboard (OSC 52)"),
    Action("export", "e", "export", "What is shown as CSV, JSON or a picture, into the working folder", LOOK, SETTING),
    Action("filters", "f", "filters", "Saved filters: take one, or save the one that is on", LOOK, SETTING),
    Action("unfilter", "escape", "back", "Take the filter off; from the past back to now", LOOK, APP, "back"),
    Action("sort", "o", "sort", "Sort by the next column; behind the last comes the usual order", REST, TABLE),
    Action("reverse", "O", "reverse", "Turn the order round", REST, TABLE),
    Action("columns", "C", "columns", "Choose the columns", REST, SETTING),
    Action("themes", "T", "theme", "Choose the colours", REST, SETTING),
    Action("redraw", "ctrl+l", "redraw", "Paint the whole screen anew", REST, APP),
    Action("refresh", "r", "refresh", "Look now", REST, SETTING),
    Action("pause", "p", "pause", "Hold the screen still, or go on; in the past: play", REST, SETTING),
    Action("slower", "plus", "slower", "Look half as often", REST, SETTING, "interval", 2.0),
    Action("faster", "minus", "faster", "Look twice as often", REST, SETTING, "interval", 0.5),
    _panel(1, "queue", "The queue"),
    _panel(2, "locks", "The locks"),
    _panel(3, "clusters", "The cluster pool"),
    _panel(4, "alerts", "The alerts"),
    Action("events", "5", "events", "All events as they come, or filtered", PLACE, LOOKING),
    Action("monitors", "6", "monitors", "Who works: heartbeat, what they hold, version", PLACE, LOOKING),
    Action("throughput", "7", "throughput", "Starts, ends, failures and dollars by the hour", PLACE, LOOKING),
    Action("next_panel", "tab", "panel", "The next panel", PLACE, VIEW, "step", 1, footer=True),
    Action("previous_panel", "shift+tab", "back", "The panel before", PLACE, VIEW, "step", -1),
    Action("next_state", "right", "state", "Only the next state", PLACE, VIEW, "state", 1),
    Action("previous_state", "left", "state", "Only the state before", PLACE, VIEW, "state", -1),
    Action("zoom", "z", "zoom", "The panel alone, or all of them again", PLACE, footer=True),
    Action(
        "step_back", "left_square_bracket", "past", "One event back: the screen as it was then", PLACE, PAST, "step", -1
    ),
    Action("step_on", "right_square_bracket", "later", "One event on", PLACE, PAST, "step", 1),
    Action(
        "palette", "colon,ctrl+p", "palette", "Any of these by name, or a workset by its id", REST, SETTING, footer=True
    ),
    Action("help", "question_mark", "help", "This page", REST, SETTING, footer=True),
    Action("quit", "q,ctrl+c", "quit", "Leave", REST, SETTING, footer=True),
)
FORBIDDEN = frozenset({*(f"ctrl+{letter}" for letter in "abkqszh")})
"""Keys that terminals and multiplexers need; ctrl+d is theirs too where nothing is moved."""


def bindings() -> list[BindingType]:
    """The App's bindings, each under its action's name, by which a keymap changes it."""
    from textual.binding import Binding

    return [Binding(a.keys, f"do('{a.name}')", a.label, show=False, id=a.name) for a in ACTIONS]


def of(name: str, actions: Iterable[Action] = ACTIONS) -> Action:
    """The action of a name."""
    return next(action for action in actions if action.name == name)


def remapped(chosen: Mapping[str, str]) -> tuple[tuple[Action, ...], list[str]]:
    """The table under the settings' keys, and what of them cannot be: that keeps its own keys."""
    known = {action.name: action for action in ACTIONS}
    problems = []
    wanted: dict[str, str] = {}
    for name, keys in chosen.items():
        bad = sorted(FORBIDDEN & set(keys.split(",")))
        if name not in known:
            problems.append(f"keys.{name} is no action; docs/keys.md lists them")
        elif bad:
            problems.append(f"keys.{name}: {bad[0]} belongs to the terminal; choose another key")
        else:
            wanted[name] = keys
    while (clash := _clash(wanted)) is not None:
        name, key, owner = clash
        problems.append(f"keys.{name}: {key} is {owner}'s; give that another key, or choose another")
        del wanted[name]
    return tuple(replace(action, keys=wanted.get(action.name, action.keys)) for action in ACTIONS), problems


def _clash(wanted: Mapping[str, str]) -> tuple[str, str, str] | None:
    """A wanted name whose key another has, the key, and who that is; None where every key is one's own."""
    taken: dict[str, str] = {}
    for action in sorted(ACTIONS, key=lambda one: one.name in wanted):
        for key in wanted.get(action.name, action.keys).split(","):
            if key in taken:
                return action.name, key, taken[key]
            taken[key] = action.name
    return None
