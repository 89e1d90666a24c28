"""The screen over a store that is not there yet: it opens, says what to type, and makes nothing."""

from __future__ import annotations

from pathlib import Path

from tests.tui.stage import screen_text, settled
from tui.app import WsmonApp
from wsmon.domain.spec import WorksetSpec
from wsmon.engine import open_engine
from wsmon.settings import Settings, StoreSettings, TuiSettings


async def test_the_screen_makes_no_store_and_shows_the_one_that_comes(tmp_path: Path) -> None:
    path = tmp_path / "none" / "w.db"
    settings = Settings(store=StoreSettings(url=f"sqlite:{path}"), tui=TuiSettings(refresh_seconds=0.05))
    async with WsmonApp(lambda: open_engine(settings)).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, WsmonApp)
        await settled(pilot, lambda: "The store is empty" in screen_text(app))
        for key in "1234":
            await pilot.press(key)
        assert not path.parent.exists()
        other = open_engine(settings)
        other.commands.register(WorksetSpec("a", "b", "p"))
        other.close()
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 1)
