"""The pictures of README and docs show what the screens show now; `make screenshots` draws them anew."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from tests.tui.scenes import SCENES
from tests.tui.screenshots import PICTURES, draw, standing_alone

ROOT = Path(__file__).parents[2]
SNAPSHOTS = Path(__file__).parent / "__snapshots__" / "test_snapshots"
TEXT = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>')
CELL = 12.2


def cells(svg: str) -> dict[tuple[float, int], str]:
    """What is written where; blanks are not."""
    found = {}
    for x, y, text in TEXT.findall(svg):
        for place, letter in enumerate(html.unescape(text)):
            if letter not in " \xa0":
                found[float(y), round(float(x) / CELL) + place] = letter
    return found


@pytest.mark.parametrize(("name", "size"), PICTURES.items())
def test_a_picture_says_what_its_scene_says(name: str, size: tuple[int, int]) -> None:
    """The scene is held to the screen by its snapshot, and drawn once, not twice."""
    scene = name.split("-", maxsplit=1)[0]
    assert size in SCENES[scene].sizes, "else nobody looks at it"
    snapshot = SNAPSHOTS / f"test_scene[{scene}-{size[0]}x{size[1]}].svg"
    shown = cells((ROOT / "screenshots" / f"{name}.svg").read_text(encoding="utf-8"))
    assert len(shown) > 300
    assert shown == cells(snapshot.read_text(encoding="utf-8")), "run `make screenshots`"


def test_every_picture_is_one_that_is_drawn() -> None:
    assert {path.stem for path in (ROOT / "screenshots").glob("*.svg")} == PICTURES.keys()


@pytest.mark.ci
@pytest.mark.parametrize(("name", "size"), PICTURES.items())
def test_a_picture_drawn_anew_is_the_same(name: str, size: tuple[int, int]) -> None:
    drawn = standing_alone(draw(name, size))
    assert drawn == (ROOT / "screenshots" / f"{name}.svg").read_text(encoding="utf-8"), "run `make screenshots`"
