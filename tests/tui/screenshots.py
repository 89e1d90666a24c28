"""`python -m tests.tui.screenshots [FOLDER]`: the pictures of README and docs, from the scenes."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

from tests.tui.scenes import LARGE, MIDDLE, SCENES, SMALL
from tests.tui.stage import Stage

PICTURES = {
    "queue": MIDDLE,
    "queue-large": LARGE,
    "queue-small": SMALL,
    "requeue": MIDDLE,
    "unlock": MIDDLE,
    "detail": MIDDLE,
    "help": MIDDLE,
    "unreachable": MIDDLE,
}


async def take(name: str, size: tuple[int, int], folder: Path) -> str:
    """The picture of a scene, as SVG."""
    scene = SCENES[name.split("-", maxsplit=1)[0]]
    stage = Stage(folder)
    try:
        scene.fill(stage)
        async with stage.app().run_test(size=size) as pilot:
            await scene.way(pilot, stage)
            return pilot.app.export_screenshot(title="wsmon")
    finally:
        stage.close()


def standing_alone(svg: str) -> str:
    """Without fonts from elsewhere, and the same text for the same picture."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main(folder: Path) -> None:
    """Write all pictures."""
    os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
    os.environ.pop("NO_COLOR", None)
    folder.mkdir(exist_ok=True)
    for name, size in PICTURES.items():
        with tempfile.TemporaryDirectory() as store:
            svg = asyncio.run(take(name, size, Path(store)))
        (folder / f"{name}.svg").write_text(standing_alone(svg), encoding="utf-8")
        print(folder / f"{name}.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
