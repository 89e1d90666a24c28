"""The keys that are about the screen itself: what it shows, in which colours, how often it looks."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tui import themes
from tui.screens.pick import Choice, Pick, PickMany, Prompt
from wsmon.domain.times import isoformat

if TYPE_CHECKING:
    from tui.host import Host

SHORTEST, LONGEST = 0.25, 300.0
SAVE = "\x00save"
FORMATS: tuple[Choice, ...] = (
    ("csv", "CSV: the rows and columns that are shown"),
    ("json", "JSON: the rows that are shown, with everything known of them"),
    ("svg", "SVG: a picture of the screen"),
)


class Setting:
    """Choices of the person in front of the screen; what is chosen is kept."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def _kept(self) -> None:
        if self._host.kept.problem:
            self._host.say(self._host.kept.problem, refused=True)

    # tables

    def columns(self) -> None:
        """Choose the columns of the active table."""
        table, host = self._host.view.active.table, self._host

        def chosen(titles: list[str] | None) -> None:
            if titles is not None:
                table.choose(titles or None)
                host.keep_tables()
                self._kept()

        present = [column.title for column in table.shown_columns()]
        host.ask(PickMany("columns", [column.title for column in table.columns], present), chosen)

    def filters(self) -> None:
        """Take a saved filter, or save the one that is on."""
        host, queue = self._host, self._host.view.queue
        saved = host.kept.filters()
        choices = [(name, f"{name}   {text}") for name, text in sorted(saved.items())]
        if queue.filter_text:
            choices.append((SAVE, f"save  {queue.filter_text}  under a name"))
        if not choices:
            host.say("no filter is saved yet; / makes one, and f saves it then", refused=True)
            return

        def chosen(name: str | None) -> None:
            if name == SAVE:
                host.ask(Prompt("save the filter", "under which name?"), named)
            elif name is not None:
                host.view.panel(1)
                queue.narrow(text=saved[name])

        def named(name: str | None) -> None:
            if name is not None:
                host.kept.keep_filter(name, queue.filter_text)
                host.say(f"saved as {name}; f lists it, and so does the palette")
                self._kept()

        host.ask(Pick("filters", choices), chosen)

    def themes(self) -> None:
        """Choose the colours."""
        host = self._host

        def chosen(name: str | None) -> None:
            if name is not None:
                host.use_theme(name, keep=True)
                self._kept()

        host.ask(Pick("colours", list(themes.NAMES.items()), host.theme_name), chosen)

    def export(self) -> None:
        """What is shown, into the working folder."""
        host = self._host

        def chosen(kind: str | None) -> None:
            if kind is None:
                return
            from tui import exporting

            panel = host.view.active
            stamp = isoformat(host.now())[:19].replace(":", "").replace("-", "")
            path = Path(f"wsmon-{panel.id}-{stamp}Z.{kind}")
            try:
                text = host.picture() if kind == "svg" else exporting.FORMATS[kind](panel.table)
                if host.is_web:  # the folder is the server's, and the browser takes the file
                    host.deliver_text(io.StringIO(text), save_filename=path.name)
                    return
                with path.open("x", encoding="utf-8", newline="") as file:
                    file.write(text)
            except OSError as error:
                host.say(f"{path} cannot be written: {error.strerror or error}", refused=True)
            else:
                host.say(f"written: {os.path.join(os.getcwd(), path)}")

        host.ask(Pick("export what is shown", FORMATS), chosen)

    # looking

    def refresh(self) -> None:
        """Look now."""
        self._host.follower.look_now()

    def pause(self) -> None:
        """Hold the screen still, or go on."""
        self._host.pause()

    def interval(self, factor: float) -> None:
        """Look more or less often."""
        host = self._host
        if host.past is not None and host.past.at is not None:
            host.past.speed(1 / factor)
            return
        if host.session is None:
            return
        usual = host.session.refresh_seconds
        factor = min(max(host.follower.factor * factor, min(SHORTEST, usual) / usual), LONGEST / usual)
        host.follower.factor = factor
        host.status.refresh = usual * factor
        host.status.looks_every(usual * factor)
        host.say(f"looks every {usual * factor:g} s")
        host.follower.look_now()

    # the rest

    def palette(self) -> None:
        """Everything by name."""
        from tui.palette import palette  # with what Textual's own needs: not before it is asked for

        self._host.ask(palette())

    def help(self) -> None:
        """The keys."""
        from tui.screens.help import Help

        self._host.ask(Help(self._host.actions))

    def quit(self) -> None:
        """Leave."""
        self._host.exit()
