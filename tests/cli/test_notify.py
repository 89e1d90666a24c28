"""`wsmon notify test`."""

from __future__ import annotations

from tests.channels.receiver import Receiver
from tests.cli.run import Cli


def test_a_test_message_is_marked_and_the_answer_told(cli: Cli) -> None:
    with Receiver() as receiver:
        text = f'[channels.one]\ntype = "webhook"\nurl = "{receiver.url}/secret"\n'
        text += f'[channels.two]\ntype = "slack"\nurl = "{receiver.url}/secret"\n'
        (cli.folder / "wsmon.toml").write_text(text)
        out = cli("notify", "test", "one").stdout
        assert "one: delivered: HTTP 200" in out
        assert receiver.taken[0].json["test"] is True
        receiver.faults = ["none", 403]
        failed = cli("notify", "test", code=1)
        assert "two: NOT delivered: HTTP 403" in failed.stdout
        assert "secret" not in failed.stdout + failed.stderr
        assert [one["delivered"] for one in cli.json("notify", "test")] == [True, True]
        assert "[test]" in receiver.taken[-1].json["text"]


def test_an_unknown_channel_is_named(cli: Cli) -> None:
    assert "none" in cli("notify", "test", code=3).stderr
    (cli.folder / "wsmon.toml").write_text('[channels.one]\ntype = "webhook"\nurl = "http://127.0.0.1:1"\n')
    assert "known: one" in cli("notify", "test", "two", code=3).stderr
