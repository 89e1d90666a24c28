"""Where the style sheets lie: in the wheel beside this module, in a checkout one folder up."""

from __future__ import annotations

from pathlib import Path


def style_sheets() -> list[Path]:
    """Every .tcss file, in order of name."""
    here = Path(__file__).parent
    for folder in (here / "styles", here.parent / "styles"):
        if folder.is_dir():
            return sorted(folder.glob("*.tcss"))
    raise FileNotFoundError("the style sheets are missing; install wsmon again")
