"""The colours: dark, light, the terminal's own, two for the colour-blind, and red for production.

Every state has a glyph and a word besides its colour, so none is needed to read the screen.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

DARK, LIGHT, ANSI, ANSI_LIGHT, PRODUCTION = "textual-dark", "textual-light", "ansi-dark", "ansi-light", "production"
NAMES = {
    DARK: "dark",
    LIGHT: "light",
    ANSI: "the terminal's own 16 colours, dark (fewest bytes)",
    ANSI_LIGHT: "the terminal's own 16 colours, light",
    "deuteranopia": "for red-green blindness: blue is good, orange is bad",
    "tritanopia": "for blue-yellow blindness: teal is good, red is bad",
    PRODUCTION: "red: a store that matters",
}


def made() -> list[Theme]:
    """The themes that Textual does not bring; after Okabe and Ito, "Color Universal Design" (2008)."""
    return [
        Theme(
            "deuteranopia",
            primary="#0072B2",
            secondary="#56B4E9",
            accent="#CC79A7",
            success="#56B4E9",
            warning="#F0E442",
            error="#E69F00",
            dark=True,
        ),
        Theme(
            "tritanopia",
            primary="#4E79A7",
            secondary="#A0CBE8",
            accent="#D4A6C8",
            success="#00B3A4",
            warning="#FF9DA7",
            error="#E8000B",
            dark=True,
        ),
        Theme(
            PRODUCTION,
            primary="#C62828",
            secondary="#EF5350",
            accent="#FF8A65",
            success="#66BB6A",
            warning="#FFB74D",
            error="#FF8A80",
            background="#1A0B0B",
            surface="#2A1010",
            panel="#4A1212",
            boost="#3A1414",
            dark=True,
        ),
    ]


def usual(environ: Mapping[str, str], *, production: bool, no_color: bool) -> str:
    """The theme where nobody chose one: over SSH, and without colour, the one of fewest bytes."""
    if no_color:
        return ANSI
    if production:
        return PRODUCTION
    return ANSI if environ.get("SSH_TTY") else DARK
