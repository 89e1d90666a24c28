"""Where the style sheets lie: in the wheel beside this module, in a checkout one folder up."""

from __future__ import annotations

from pathlib import Path

FIRST, LATER = "wsmon.tcss", "later.tcss"


def style_sheet(name: str) -> Path:
    """A sheet's file."""
    here = Path(__file__).parent
    for folder in (here / "styles", here.parent / "styles"):
        if folder.is_dir():
            return folder / name
    raise FileNotFoundError("the style sheets are missing; install wsmon again")
