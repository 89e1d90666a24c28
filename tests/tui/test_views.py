"""The log, events, monitors, throughput, and the past in the same panels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tui.stage import Stage, screen_text, settled
from tests.tui.test_actions import app_of, said
from tests.tui.test_honest import shows
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.states import WorksetState
from wsmon.services.draining import drain

S = WorksetState


async def test_a_log_is_followed_and_searched(stage: Stage) -> None:
    stage.register("w")
    stage.run("w")
    stage.log = "".join(f"line {n}\n" for n in range(300)) + "ERROR \x1b[31mred\nlast"
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        await pilot.press("l")
        await shows(pilot, "log of w", "line 299", "ERROR ␛[31mred", "following")
        stage.log += " word\nnew line\n"
        await shows(pilot, "last word", "new line")
        await pilot.press("slash", *"LINE 17", "enter")
        await shows(pilot, "match at line 180")
        await pilot.press("N")
        await shows(pilot, "match at line 179")
        await pilot.press("n", "g")
        await shows(pilot, "line 0", "standing")
        await pilot.press("slash", *"zzz", "enter")
        await shows(pilot, "zzz is not in the last")
        await pilot.press("escape")
        assert app_of(pilot).screen is app_of(pilot).view


async def test_a_log_that_is_not_there_says_why(stage: Stage) -> None:
    stage.register("w")
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        await pilot.press("enter", "l")
        await shows(pilot, "has no run yet")


async def test_events_come_are_narrowed_and_lead_to_their_workset(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("5")
        await shows(pilot, "its node is gone", "sample was withdrawn", "unlock")
        stage.filler.ignore("RUN001-HG037", reason="fresh from the feed")
        await shows(pilot, "fresh from the feed")
        await pilot.press("slash", *"unlock !zzz", "enter")
        assert "withdrawn" not in await shows(pilot, "its node is gone", "1 of ")
        await pilot.press("enter")
        await shows(pilot, "history (UTC)")
        await pilot.press("escape", "escape")
        await shows(pilot, "withdrawn")
        await pilot.press("escape")
        assert app_of(pilot).screen is app_of(pilot).view


async def test_what_is_decided_about_a_cluster_is_among_the_events(stage: Stage) -> None:
    stage.store.put_cluster(ClusterRecord("cl9", 3, stage.clock.now()))
    drain(stage.filler, "cl9", "a [b]new[/b] image")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("5")
        await shows(pilot, "cluster:cl9", "drain", "draining", "a [b]new[/b] image")
        await pilot.press("enter")  # it has no detail
        await shows(pilot, "cluster:cl9")
        await pilot.press("escape", "left_square_bracket")
        before = await shows(pilot, "PAST", "before all events", "cl9")
        await pilot.press("right_square_bracket")
        await shows(pilot, "drain cluster:cl9", "draining")
        assert "draining" not in before


async def test_monitors_with_what_they_hold(stage: Stage) -> None:
    stage.busy()
    stage.pass_seconds(130)
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("6")
        text = await shows(pilot, "mon-1", "node-1, pid 7", "! silent", "0 alive, 2 silent")
        assert "RUN002-HG074" in next(line for line in text.splitlines() if "mon-1" in line)


async def test_throughput_by_the_hour(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("7")
        text = await shows(pilot, "queue depth", "completions", "esc back")
        numbers = {line.split()[1]: line.split()[-2] for line in text.splitlines() if "█" in line}
        assert numbers["starts"] == "13"
        assert numbers["completions"] == "6"
        assert numbers["failures"] == "3"
        assert "16 now" in text


async def test_the_past_is_marked_stepped_through_and_changes_nothing(stage: Stage) -> None:
    stage.register("w")
    stage.pass_seconds(60)
    stage.fail("w", "data", "bad")
    stage.pass_seconds(60)
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)

        def state() -> WorksetState | None:
            row = app.view.rows.get("w")
            return row.state if row else None

        await settled(pilot, lambda: state() is S.ERROR)
        await pilot.press("right_square_bracket")
        assert "this is now" in said(pilot)
        await pilot.press("left_square_bracket")
        text = await shows(pilot, "PAST  2027-01-15 08:01:00Z", "start w by mon-1", "1 running")
        for panel in app.view.panels[1:]:
            assert panel.past_note in text, "what events do not tell is said to be missing"
        cluster = next(line for line in text.splitlines() if "use1-cl7" in line)
        assert "1 of ?" in cluster, "it is gone by now; its run then is known, nothing else"
        assert app.view.has_class("-past")
        stage.filler.requeue("w", reason="live goes on meanwhile")
        await pilot.press("I")
        assert "this is the past" in said(pilot)
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert state() is S.READY
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert state() is None
        assert "further there is only the first event" in said(pilot)
        await pilot.press("right_square_bracket", "right_square_bracket", "enter")
        text = await shows(pilot, "as it was at", "acquire")
        assert "fail" not in text
        await pilot.press("escape", "escape")
        await settled(pilot, lambda: state() is S.READY and not app.status.past)
        assert "live" in screen_text(app)
        assert "not kept" not in screen_text(app)
        assert stage.real.history("w")[-1].reason == "live goes on meanwhile"


@pytest.mark.ci
async def test_a_replay_plays_from_its_start_to_now(stage: Stage) -> None:
    stage.register("w")
    stage.pass_seconds(30)
    stage.fail("w", "data", "bad")
    app = stage.app(replay=(3600.0, 200.0))
    async with app.run_test(size=(120, 40)) as pilot:
        await shows(pilot, "PAST", "✗ error", "4/4", "fail w by mon-1")
        await pilot.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        await shows(pilot, "1/4", "register w", "p plays")
        await pilot.press("plus", "p")
        await shows(pilot, "playing 100x")
        await shows(pilot, "4/4", "p plays")


@pytest.mark.parametrize("row", [0, pytest.param(1, marks=pytest.mark.ci)])
async def test_what_is_shown_is_exported(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: int
) -> None:
    stage.hostile()
    monkeypatch.chdir(tmp_path)
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 5)
        await pilot.press("e")
        await pilot.pause()
        await pilot.press(*"j" * row, "enter")
        await settled(pilot, lambda: "written:" in said(pilot))
    (file,) = tmp_path.glob("wsmon-queue-*")
    text = file.read_text(encoding="utf-8")
    assert "\x1b" not in text
    if row:
        assert {one["workset_id"] for one in json.loads(text)} >= {"w", "a;rm -rf ~"}
    else:
        assert text.splitlines()[0].startswith("PRIO,STATE,ID")
        assert len(text.splitlines()) == 6


async def test_a_wrong_filter_is_told_where_it_is_and_what_stands_before_it_holds(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(80, 24)) as pilot:
        table = app_of(pilot).view.queue.table
        await settled(pilot, lambda: len(table.rows) == 30)
        await pilot.press("slash", *"error")
        await settled(pilot, lambda: len(table.rows) == 2)
        await pilot.press("space", *"prio:x")
        text = await shows(pilot, "x is none of urgent, normal, low")
        line = next(one for one in text.splitlines() if "x is none of" in one)
        assert line.index("^^^^^^") == 1 + len("error ")
        await pilot.press("enter")
        assert len(table.rows) == 2
        await pilot.press("backspace", "n")
        await shows(pilot, "prio:normal")
        await pilot.press("tab")
        field = app_of(pilot).focused
        assert getattr(field, "value", "") == "error prio:normal "
        await pilot.press("enter", "f")
        await pilot.pause()
        await pilot.press("enter", *"mine", "enter")
        await settled(pilot, lambda: "saved as mine" in said(pilot))
        assert app_of(pilot).kept.filters() == {"mine": "error prio:normal"}
