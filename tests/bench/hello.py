"""The smallest Textual app that shows a text and answers a key: what a TUI costs at the least."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import Static


class Hello(App[None]):
    """A text; every key paints it anew."""

    pressed = 0

    def compose(self) -> ComposeResult:
        yield Static("Hello, World!")

    def on_key(self, event: Key) -> None:
        self.pressed += 1
        self.query_one(Static).update(f"Hello, World! {self.pressed}")


if __name__ == "__main__":
    Hello().run()
