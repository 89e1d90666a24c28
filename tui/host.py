"""What the parts behind the keys need of the app."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from textual.message import Message
    from textual.screen import Screen
    from textual.timer import Timer

    from tui.actions import Action
    from tui.doing.past import Past
    from tui.kept import Kept
    from tui.session import Session
    from tui.status import Status
    from tui.view import View
    from tui.work import Work
    from tui.worker import Follower
    from wsmon.domain.times import Instant


class Host(Protocol):
    """The app, as far as a part may know it."""

    view: View
    session: Session | None
    work: Work | None
    follower: Follower
    actions: tuple[Action, ...]
    kept: Kept
    status: Status

    def say(self, text: str, *, refused: bool = False) -> None:
        """Tell what came of a key."""

    def expect(self, text: str) -> None:
        """Tell what is waited for, if it takes long."""

    def ask(self, screen: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        """Show a screen over the panels; one of its kind at a time."""

    def now(self) -> Instant:
        """The moment that is shown: now, or in the past that one."""

    @property
    def theme_name(self) -> str:
        """The colours in use."""

    def use_theme(self, name: str, *, keep: bool = False) -> None:
        """Change the colours."""

    def keep_tables(self) -> None:
        """Keep how the tables are shown."""

    def picture(self) -> str:
        """The screen as SVG."""

    def pause(self) -> None:
        """Hold the screen still, or go on."""

    def copy_to_clipboard(self, text: str) -> None:
        """Into the terminal's clipboard."""

    @property
    def is_web(self) -> bool:
        """Whether a browser shows it."""

    def deliver_text(self, path_or_file: TextIO, *, save_filename: str) -> object:
        """Hand a file to the browser."""

    @property
    def past(self) -> Past | None:
        """The past, once somebody has looked at it."""

    def show_status(self) -> None:
        """Paint the status."""

    def post_message(self, message: Message) -> object:
        """Hand a message to the app, from any thread."""

    def set_interval(self, interval: float, callback: Callable[[], None]) -> Timer:
        """Call it again and again."""

    def exit(self) -> None:
        """Leave."""

    def do(self, name: str) -> None:
        """Carry an action out as its key would."""
