"""Every key of the TUI in one table; bindings, footer and help are drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

ANYWHERE, WORKSETS, ALERTS = "anywhere", "worksets", "alerts"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does."""

    name: str
    keys: str
    """Comma-separated, in Textual's names."""
    shown: str
    """The key as a person reads it."""
    label: str
    """One or two words for the footer."""
    help: str
    scope: str = ANYWHERE
    """`worksets`: needs a workset under the cursor; `alerts`: an alert."""
    changes: bool = False
    footer: bool = True
    short: str = ""
    """The label where there is little room; by default the label."""


ACTIONS = (
    Action("detail", "enter,d", "⏎", "detail", "The workset with its history", WORKSETS, short="show"),
    Action("filter", "slash", "/", "filter", "Only what has every word; !word: has it not", short="find"),
    Action(
        "change('requeue')", "R", "R", "requeue", "Put it back into the queue, attempts anew", WORKSETS, changes=True
    ),
    Action(
        "change('unlock')", "U", "U", "unlock", "End its lock by force; its run is not touched", WORKSETS, changes=True
    ),
    Action("change('ignore')", "I", "I", "ignore", "Take it out of the queue until a requeue", WORKSETS, changes=True),
    Action("change('cancel')", "X", "X", "cancel", "Ask its holder to end its run", WORKSETS, changes=True),
    Action("change('priority')", "P", "P", "priority", "Move it to another tier", WORKSETS, changes=True, short="prio"),
    Action("alert('ack')", "A", "A", "ack", "Take the alert on: it is told no more", ALERTS, changes=True),
    Action("alert('silence')", "S", "S", "silence", "Tell nobody of the alert for a while", ALERTS, changes=True),
    Action("panel(1)", "1", "1", "queue", "The queue", footer=False),
    Action("panel(2)", "2", "2", "locks", "The locks", footer=False),
    Action("panel(3)", "3", "3", "clusters", "The cluster pool", footer=False),
    Action("panel(4)", "4", "4", "alerts", "The alerts", footer=False),
    Action("next_panel", "tab", "tab", "panel", "The next panel"),
    Action("previous_panel", "shift+tab", "⇧tab", "back", "The panel before", footer=False),
    Action("state(1)", "right", "→", "state", "Only the next state", footer=False),
    Action("state(-1)", "left", "←", "state", "Only the state before", footer=False),
    Action("zoom", "z", "z", "zoom", "The panel alone, or all of them again"),
    Action("refresh", "r", "r", "refresh", "Look now", footer=False),
    Action("unfilter", "escape", "esc", "back", "Take the filter off", footer=False),
    Action("palette", "colon,ctrl+p", ":", "palette", "Any of these by name, or a workset by its id"),
    Action("help", "question_mark", "?", "help", "This page"),
    Action("quit", "q,ctrl+c", "q", "quit", "Leave"),
)

# Movement is the table's own; it is here to be shown.
MOVEMENT = (
    ("j k ↓ ↑", "One row"),
    ("g G home end", "First and last row"),
    ("PgDn PgUp", "A page"),
    ("ctrl+d ctrl+u", "Half a page"),
)


def bindings() -> list[BindingType]:
    """The App's bindings."""
    return [Binding(action.keys, action.name, action.label, show=False) for action in ACTIONS]


def of(name: str) -> Action:
    """The action of a name."""
    return next(action for action in ACTIONS if action.name == name)
