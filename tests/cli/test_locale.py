"""A locale that knows ASCII alone, as cron jobs and containers have it: ids, folders and runs are UTF-8 all the same."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.run import Cli

ID = "wör-ü-日本"
ASCII = {"LC_ALL": "POSIX", "LANG": "", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
CONFIG = """
[monitor]
command = ["sh", "-c", 'printf %s "$1" >argument; printf %s "$WSMON_WORKSET_ID" >variable; echo "$1"', "-", "{workset_id}"]
"""


def test_a_run_gets_its_id_in_utf8_and_its_monitor_lives(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "dätä 日本")
    cli.folder.mkdir()
    cli.env |= {**ASCII, "XDG_DATA_HOME": str(cli.folder)}
    (cli.folder / "wsmon.toml").write_text(CONFIG)
    assert ID in cli("register", ID, "--bucket", "b", "--prefix", "p/ü", "--metadata", '{"ü": "日"}').stdout
    assert "started" in cli("monitor", "--once").stderr
    shown = cli.json("show", ID)
    assert (shown["state"], shown["prefix"], shown["metadata"]) == ("complete", "p/ü", {"ü": "日"})
    assert f"{ID}\t" in cli("list").stdout
    assert cli("logs", ID).stdout == f"{ID}\n"
    (folder,) = {path.parent for path in cli.folder.rglob("argument")}
    assert (folder / "argument").read_bytes() == (folder / "variable").read_bytes() == ID.encode()
    line = json.dumps({"workset_id": "ü", "bucket": "日", "prefix": "p"}, ensure_ascii=False)
    cli("register", "--file", "-", stdin=line.encode())
    assert "no workset" in cli("show", "日", code=3).stderr


def test_what_an_encoding_lacks_is_shown_escaped_and_json_stays_json(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli("register", ID, "--bucket", "b", "--prefix", "p")
    cli.env["PYTHONIOENCODING"] = "latin-1"
    assert [row["workset_id"] for row in cli.json("list")] == [ID]
    assert r"\u65e5\u672c" in cli("list").stdout
