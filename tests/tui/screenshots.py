"""`python -m tests.tui.screenshots [--png] [FOLDER]`: the pictures of README and docs, from the scenes.

With --png every scene, as a PNG to look at.
"""

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
    "help": LARGE,
    "several": MIDDLE,
    "past": MIDDLE,
    "throughput": MIDDLE,
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


def draw(name: str, size: tuple[int, int]) -> str:
    """A scene's picture on a store of its own."""
    with tempfile.TemporaryDirectory() as store:
        return asyncio.run(take(name, size, Path(store)))


def write_all(folder: Path) -> None:
    """The pictures that are committed, as SVG."""
    for name, size in PICTURES.items():
        (folder / f"{name}.svg").write_text(standing_alone(draw(name, size)), encoding="utf-8")
        print(folder / f"{name}.svg")


def write_png(folder: Path) -> None:
    """Every scene in all its sizes, in a font that is at hand."""
    import cairosvg  # only here: it needs the system's cairo

    for name, scene in SCENES.items():
        for size in scene.sizes:
            svg = draw(name, size).replace("Fira Code", "DejaVu Sans Mono")
            path = folder / f"{name}-{size[0]}x{size[1]}.png"
            cairosvg.svg2png(bytestring=svg.encode(), write_to=str(path), output_width=1400)
            print(path)


def main(arguments: list[str]) -> None:
    """Write the pictures."""
    os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
    os.environ.pop("NO_COLOR", None)
    folders = [Path(argument) for argument in arguments if argument != "--png"]
    folder = folders[0] if folders else Path("screenshots")
    folder.mkdir(exist_ok=True)
    (write_png if "--png" in arguments else write_all)(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
