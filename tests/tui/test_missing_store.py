"""The screen over a store that is not there yet: it opens, says what to type, and makes nothing; or it can never be there."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.message import Message

from tests.tui.stage import Stage, screen_text, settled
from tests.tui.terminal import WSMON, Terminal
from tui.app import WsmonApp
from tui.worker import Follower, Troubled, Unopened
from wsmon.domain.errors import NoStoreThere, Refused, SettingsError, StoreUnreachable, StoreUnusable, WsmonError
from wsmon.domain.spec import WorksetSpec
from wsmon.engine import open_engine
from wsmon.services.live import LiveView
from wsmon.settings import Settings, StoreSettings, TuiSettings

WRONG = [
    (["--store", "nonsense"], {}, 2, "store.url in flag: a store is sqlite:PATH or dynamodb:TABLE"),
    (["--store", "sqlite:none/w.db"], {}, 5, "none/w.db, nor its folder"),
    (["--store", "sqlite:none/w.db", "--read-only"], {}, 5, "none/w.db, nor its folder"),
    (["--config", "none.toml"], {}, 2, "the settings file none.toml does not exist"),
    ([], {"WSMON_STOREE__URL": "sqlite:w.db"}, 2, "did you mean WSMON_STORE__URL?"),
]


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


@pytest.mark.parametrize(
    ("args", "env", "code", "told"), [WRONG[0], *(pytest.param(*w, marks=pytest.mark.ci) for w in WRONG[1:])]
)
def test_what_can_never_be_opened_ends_with_the_sentence_and_the_code_of_a_command(
    tmp_path: Path, args: list[str], env: dict[str, str], code: int, told: str
) -> None:
    """The first frame waits for no settings; then the terminal is given back, and nothing is tried again."""
    command = ("-c", f"import os; os.chdir({str(tmp_path)!r}); {WSMON[1]}", *args)
    with Terminal(command, {"HOME": str(tmp_path), **env}, (200, 24)) as terminal:
        assert terminal.ended() == code
        assert told in terminal.text
        assert terminal.text.count("wsmon:") == 1
        assert b"\x1b[?1049l" in terminal.received
    assert not (tmp_path / "none").exists()


async def test_a_fault_of_our_own_while_looking_is_told_with_its_report_and_looking_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stage.busy()
    async with stage.app().run_test(size=(200, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, WsmonApp)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 30)
        with monkeypatch.context() as broken:
            # As a reply that is not DynamoDB's, of a proxy that wants a login, looks to us.
            broken.setattr(LiveView, "poll", lambda _: dict[str, Any]()["Items"])
            await settled(pilot, lambda: "an unexpected error (KeyError); please report" in screen_text(app))
            assert app.view.queue.has_class("-stale")
            app.follower.look_now()
            await pilot.pause(0.2)
        (told,) = app.follower._faults.values()
        assert "KeyError: 'Items'" in Path(told.split()[-1]).read_text()
        stage.register("afterwards")
        app.follower.look_now()
        await settled(pilot, lambda: "afterwards" in app.view.rows)
        assert not app.view.queue.has_class("-stale")
        assert len(app.view.queue.table.rows) == 31
        app.thread_failed(threading.ExceptHookArgs((ValueError, ValueError("x"), None, None)))
        await settled(pilot, lambda: "an unexpected error (ValueError); please report" in screen_text(app))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SettingsError("no"), Unopened),
        (NoStoreThere("no"), Unopened),
        (Refused("another machine made it"), Unopened),
        (StoreUnreachable("no answer"), Troubled),
        (StoreUnusable("the token has expired"), Troubled),
    ],
)
def test_only_what_may_pass_is_tried_again(error: WsmonError, kind: type[Message]) -> None:
    told: list[Message] = []

    def connect() -> Any:
        if told:
            follower.stop()
        raise error

    def post(message: Message) -> None:
        told.append(message)
        follower.look_now()

    follower = Follower(connect, post)
    follower.run()
    assert {type(message) for message in told} == {kind}
    assert len(told) == (1 if kind is Unopened else 2)
