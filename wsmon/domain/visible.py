"""Text from outside, made harmless for a terminal, and short."""

from __future__ import annotations

import json
import re

# C0, DEL, C1, line and paragraph separators, bidi controls, everything that takes no room or shows
# nothing, lone surrogates: whatever moves a cursor, starts an escape sequence, forges order or a name,
# or cannot be encoded.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with every control character as a picture (ESC as ␛) or its code point; `lines` keeps newlines and tabs."""
    if not _UNSAFE.search(text):
        return text
    return _UNSAFE.sub(lambda match: _picture(match.group(), lines=lines), text)


def harmless(text: str) -> bool:
    """Whether `visible` would leave it as it is."""
    return not _UNSAFE.search(text)


def escaped(document: str) -> str:
    """JSON text with all that `visible` would replace as JSON's own escapes: the same document, on one line."""
    return _UNSAFE.sub(lambda match: json.dumps(match.group())[1:-1], document)


def clip(text: str, limit: int) -> str:
    """`text` within `limit` characters, saying so when something was cut."""
    if len(text) <= limit:
        return text
    note = f" … ({len(text)} characters in all)"
    return text[: limit - len(note)] + note


def _picture(character: str, *, lines: bool) -> str:
    code = ord(character)
    if lines and character in "\n\t":
        return character if character == "\n" else "    "
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<{code:04x}>"
