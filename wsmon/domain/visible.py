"""Text from outside, made harmless for a terminal."""

from __future__ import annotations

import re

# C0, DEL, C1, line and paragraph separators, bidi controls, lone surrogates: everything that moves a
# cursor, starts an escape sequence, forges order or cannot be encoded.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with every control character as a picture (ESC as ␛) or its code point; `lines` keeps newlines and tabs."""
    if not _UNSAFE.search(text):
        return text
    return _UNSAFE.sub(lambda match: _picture(match.group(), lines=lines), text)


def _picture(character: str, *, lines: bool) -> str:
    code = ord(character)
    if lines and character in "\n\t":
        return character if character == "\n" else "    "
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<{code:04x}>"
