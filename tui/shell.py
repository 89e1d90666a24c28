"""The app's shell: the action table's keys, what is said, what lies over the panels, colours, what is kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.events import Event, Key

from tui.actions import ACTIONS, APP, CHANGING, LOOKING, PAST, SETTING, TABLE, VIEW, Action, bindings, of
from tui.status import Status
from tui.styles import FIRST, LATER, style_sheet
from tui.view import View
from tui.worker import Follower

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.screen import Screen

    from tui.doing.past import Past
    from tui.kept import Kept
    from tui.session import Session
    from tui.work import Work

_PARTS = {
    CHANGING: ("tui.doing.changing", "Changing"),
    LOOKING: ("tui.doing.looking", "Looking"),
    SETTING: ("tui.doing.setting", "Setting"),
    PAST: ("tui.doing.past", "Past"),
}


class Shell(App[None], inherit_bindings=False):
    """Knows the session once it is there; what is done with it is the parts'."""

    CSS_PATH: ClassVar[Any] = style_sheet(FIRST)
    BINDINGS: ClassVar[list[BindingType]] = bindings()
    ENABLE_COMMAND_PALETTE = False
    calm = False
    """Whether the driver is our own, which takes the mouse when it is told to."""
    TITLE = "wsmon"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  Textual declares it so
        (0, "-narrow"),
        (100, "-wide"),
        (180, "-huge"),
    ]

    def __init__(self, connect: Callable[[], Session], kept: Kept) -> None:
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") is not None else None)
        self.animation_level = "none"
        self.kept = kept
        self.actions: tuple[Action, ...] = ACTIONS
        self.session: Session | None = None
        self.work: Work | None = None
        self.status = Status()
        self.follower = Follower(connect, self.post_message)
        self.view = View(self.status)
        self._parts: dict[str, Any] = {APP: self, VIEW: self.view}
        self.use_theme(kept.text("theme"))

    def get_driver_class(self) -> type[Driver]:
        """On a terminal one that sleeps until somebody types; behind a browser, or where one was asked for, Textual's."""
        usual = super().get_driver_class()
        if usual.__name__ != "LinuxDriver":
            return usual
        from tui.driver import CalmDriver

        self.calm = True
        return CalmDriver

    def take_mouse(self) -> None:
        """Not before the settings are known, so that the terminal is never told of it where it is not wanted."""
        use = getattr(self._driver, "use_mouse", None)
        if use is not None:
            use()

    # keys

    async def on_event(self, event: Event) -> None:
        """The filter opens before the next key is dealt out: what a fast hand types at once is its text, and no verb's key."""
        if isinstance(event, Key) and not event.is_forwarded and self._opens_filter(event.key):
            self.do("filter")
            return
        await super().on_event(event)

    def _opens_filter(self, key: str) -> bool:
        over_panels = len(self.screen_stack) == 1 and any(self.focused is panel.table for panel in self.view.panels)
        return over_panels and key in of("filter", self.actions).keys.split(",")

    def action_do(self, name: str) -> None:
        """Carry a row of the action table out."""
        self.do(name)

    def do(self, name: str) -> None:
        """Carry a row of the action table out."""
        action = of(name, self.actions)
        refusal = self._refusal(action)
        if refusal:
            self.say(refusal, refused=True)
            return
        method = getattr(self.part(action.part), action.method or action.name)
        method(*([] if action.argument is None else [action.argument]))

    def _refusal(self, action: Action) -> str:
        """Why an action that changes something is not begun; the commands service has the last word on it."""
        if self.status.past and (action.changes or action.name in {"why", "record", "log", "monitors"}):
            return "this is the past, and only looked at; esc goes back to now"
        if not action.changes or self.session is None:
            return ""
        if not self.session.writable:
            from tui import verbs

            return verbs.READ_ONLY
        gate, clock = self.session.commands.gate, self.session.clock
        if gate is not None and action.name != "arm" and not gate.armed(clock):
            return f"writes are off on this shared store; {of('arm', self.actions).shown} arms them"
        return ""

    def part(self, name: str) -> Any:
        """Who carries actions out."""
        if name == TABLE:
            return self.view.active.table
        if name not in self._parts:
            module, kind = _PARTS[name]
            self._parts[name] = getattr(import_module(module), kind)(self)
        return self._parts[name]

    def say(self, text: str, *, refused: bool = False) -> None:
        """Tell what came of a key; an empty text takes the last one away."""
        if text:
            self.view.flash.say(text, refused=refused)
        else:
            self.view.flash.hush()

    def expect(self, text: str) -> None:
        """Tell what is waited for, if it takes long."""
        self.view.flash.expect(text)

    def ask(self, screen: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        """Show a screen over the panels, unless the key was pressed twice."""
        if type(self.screen) is not type(screen):
            self.push_screen(screen, answered)

    @property
    def past(self) -> Past | None:
        """The past, once somebody has looked at it."""
        return self._parts.get(PAST)

    def now(self) -> int:
        """The moment that is shown."""
        if self.past is not None and self.past.at is not None:
            return self.past.at
        return self.session.clock.now() if self.session is not None else 0

    def on_key(self, event: events.Key) -> None:
        """Whoever presses a key has read what was said; ctrl+z is the terminal's own, and does what it does there."""
        self.view.flash.hush()
        if event.key == "ctrl+z":
            self.action_suspend_process()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """No cursor blinks in a field: on a slow line that is all the bytes of an idle screen."""
        if hasattr(event.widget, "cursor_blink"):
            event.widget.cursor_blink = False

    def take_filter(self, text: str) -> None:
        """Narrow the queue."""
        self.view.panel(1)
        self.view.queue.narrow(text=text)

    def worksets_like(self, text: str, limit: int) -> list[str]:
        """Ids that hold the text, in any case."""
        wanted = text.casefold()
        return list(islice((name for name in self.view.rows if wanted in name.casefold()), limit))

    def go_to(self, workset_id: str) -> None:
        """Put the cursor on a workset, whatever filter hid it."""
        if not self.view.go_to(workset_id):
            self.say(f"{workset_id} is not in the queue any more", refused=True)

    def style_the_rest(self) -> None:
        """Read the styles of what comes later; what is there already has its own, and is not painted again."""
        self.stylesheet.read(style_sheet(LATER))
        self.stylesheet.parse()

    def redraw(self) -> None:
        """Everything anew: a line, a shell or a storm of sizes may have left anything on the terminal."""
        self.screen.refresh()

    def on_resize(self) -> None:
        """Also where it is the size it was: in between it may have been another, and the terminal's lines cut."""
        if self.view.is_framed:  # the first frame needs no second
            self.call_after_refresh(self.redraw)

    def _fatal_error(self) -> None:
        """A fault of our own: the terminal is given back, and one sentence names the file that tells of it."""
        from tui.report import reported  # it takes a tenth of the start, and is for a bad day

        self._exit_renderables.append(Text(f"wsmon: {reported(sys.exc_info()[1] or RuntimeError())}\n"))
        self._close_messages_no_wait()

    # what a person has set

    @property
    def theme_name(self) -> str:
        """The colours in use."""
        return self.theme

    def use_theme(self, name: str, *, keep: bool = False) -> None:
        """Change the colours; a name that is none: the usual ones."""
        from tui import themes

        production = bool(self.session and self.session.production)
        if name not in themes.NAMES:
            name = themes.usual(dict(os.environ), production=production, no_color=self.no_color)
        if name not in self.available_themes:
            for theme in themes.made():
                self.register_theme(theme)
        if name != self.theme:
            self.theme = name
        if keep:
            self.kept.keep_text("theme", name)

    def take_kept(self, session: Session) -> None:
        """How this store was looked at the last time."""
        self.kept.open_store(session.store_url or session.store.info.name)
        self.use_theme(self.kept.text("theme"))
        for panel in self.view.panels:
            columns, order, down = self.kept.table(str(panel.id))
            if columns is not None:
                panel.table.choose(columns)
            if order is not None or down:
                panel.table.order_by(order, downwards=down)

    def keep_tables(self) -> None:
        """Keep how the tables are shown."""
        for panel in self.view.panels:
            table = panel.table
            columns = None if table.chosen is None else sorted(table.chosen)
            self.kept.keep_table(str(panel.id), columns, table.sorted_by, down=table.downwards)

    def picture(self) -> str:
        """The screen as SVG."""
        return self.export_screenshot(title="wsmon")
