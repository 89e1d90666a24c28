"""`python -m tests.project.try_wheel DIST`: the wheel in an empty environment, used from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SCREEN = """
import asyncio
from tui.app import WsmonApp
from wsmon.engine import open_engine
from wsmon.settings import load_settings

async def look():
    app = WsmonApp(lambda: open_engine(load_settings(None, {"store.url": "sqlite:w.db"}).settings))
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(200):
            await pilot.pause(0.05)
            if app.view.queue.table.current is not None:
                break
        print(app.view.queue.selected(), app.view.queue.styles.border_top[0])
    app.finish(5)

asyncio.run(look())
"""


def check_contents(wheel: Path) -> None:
    """Exactly what belongs into site-packages."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"wsmon", "tui"}, tops
    assert "tui/styles/wsmon.tcss" in names
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]


def main(dist: Path) -> None:
    """Install, then register, run, list and look, as a user of the wheel would."""
    (wheel,) = dist.absolute().glob("*.whl")
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        venv.create(folder / "venv", with_pip=True)
        python, wsmon = folder / "venv/bin/python", folder / "venv/bin/wsmon"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("WSMON_", "PYTHON"))}
        environment = {**clean, "HOME": str(folder)}

        def run(*command: str | Path) -> str:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
            )
            if done.returncode:
                sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
            return done.stdout

        pip = (python, "-m", "pip", "--disable-pip-version-check")
        run(*pip, "install", "--quiet", "-c", ROOT / "constraints.txt", wheel)
        run(*pip, "check")
        print(run(wsmon, "--version").strip())
        (folder / "wsmon.toml").write_text('[monitor]\ncommand = ["/bin/echo", "{workset_id}"]\n')
        store = ["--store", "sqlite:w.db"]
        run(wsmon, *store, "register", "from-the-wheel", "--bucket", "b", "--prefix", "p")
        run(wsmon, *store, "monitor", "--once")
        (row,) = json.loads(run(wsmon, *store, "list", "--json"))
        assert row["state"] == "complete", row
        shown = run(python, "-c", SCREEN).split()
        assert shown == ["from-the-wheel", "round"], shown
        figures = json.loads(run(wsmon, "demo", "--headless", "--seconds", "5", "--speed", "5", "--json"))
        assert figures["double_runs"] == 0
        print(f"{wheel.name}: installed, run and looked at")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
