"""The filter language: `error prio:urgent age>2h !owner:mon-1 cluster:use1* samples>=10`.

Words and terms with spaces between them; all must hold, `!` turns one round, a comma between values means either,
quotes keep spaces and signs. Case never matters. A word is looked for in every text of a row, or is a state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsmon.domain.errors import FilterError
from wsmon.domain.filtering import FIELDS, Field, Test, field_named, nearest, state_test, states_like, word_test

if TYPE_CHECKING:
    from wsmon.domain.times import Instant
    from wsmon.domain.workset import Row

MAX_CHARS = 4096
_PIECE = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_TERM = re.compile(r"([A-Za-z_]+)(!=|>=|<=|>|<|=|:)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `at` is where it stands in the text."""

    text: str
    at: int
    test: Test


@dataclass(frozen=True, slots=True)
class Filter:
    """Says whether a row passes: every term must hold."""

    text: str
    terms: tuple[Term, ...]

    def __call__(self, row: Row, now: Instant) -> bool:
        """Whether the row passes at this moment."""
        return all(term.test(row, now) for term in self.terms)

    @property
    def timely(self) -> bool:
        """Whether time alone may change what passes."""
        return any(term.test.timely for term in self.terms)


def parse_filter(text: str) -> Filter:
    """The filter of its text; an empty one lets everything pass. Raises FilterError, which says where."""
    if len(text) > MAX_CHARS:
        raise FilterError(text[:40] + " …", 0, 40, f"a filter has at most {MAX_CHARS:,} characters")
    return Filter(text, tuple(_term(text, piece, at) for piece, at in _pieces(text)))


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    for found in _PIECE.finditer(text):
        if found.group().count('"') % 2:
            raise FilterError(text, found.start(), len(found.group()), 'a quote is not closed; end it with "')
        yield found.group(), found.start()


def _term(text: str, piece: str, at: int) -> Term:
    body = piece.lstrip("!")
    negated = (len(piece) - len(body)) % 2 == 1

    def wrong(why: str) -> FilterError:
        return FilterError(text, at, len(piece), why)

    if not body:
        raise wrong("! turns round what follows it at once, such as !owner:mon-1")
    found = _TERM.fullmatch(body)
    if found is None:
        test = word_test(_unquoted(body)) if '"' in body else state_test(body) or word_test(body)
        return Term(piece, at, test.turned() if negated else test)
    name, sign, value = found.groups()
    known = field_named(name)
    if known is None:
        raise wrong(f'{name} is no field{nearest(name)}; to look for the text itself write "{body}"')
    if sign == "!=":
        sign, negated = "=", not negated
    alternatives = _alternatives(value)
    if not alternatives:
        raise wrong(f"{known.name}{sign} wants a value: {known.wants}")
    try:
        test = known.test(sign, alternatives)
    except ValueError as error:
        raise wrong(str(error)) from None
    return Term(piece, at, test.turned() if negated else test)


def _unquoted(text: str) -> str:
    return text.replace('"', "")


def _alternatives(value: str) -> list[tuple[str, bool]]:
    """(value, whether it was quoted) between the commas."""
    parts = re.findall(r'((?:[^,"]|"[^"]*")+)', value)
    return [(_unquoted(part), '"' in part) for part in parts]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the piece at the cursor may become."""

    text: str
    help: str


def complete(
    text: str, cursor: int, known: Callable[[str], Sequence[str]] = lambda _: ()
) -> tuple[int, list[Candidate]]:
    """Where the piece at the cursor begins, and what it may become; `known` gives the values a field has now."""
    start = max(text.rfind(" ", 0, cursor), text.rfind("\t", 0, cursor)) + 1
    piece = text[start:cursor]
    body = piece.lstrip("!")
    marks = piece[: len(piece) - len(body)]
    found = _TERM.fullmatch(body)
    if found is None:
        return start, [Candidate(marks + one.text, one.help) for one in _words(body)]
    name, sign, value = found.groups()
    field = field_named(name)
    if field is None:
        return start, []
    before, _, last = value.rpartition(",")
    head = f"{marks}{name}{sign}{before}{',' if before else ''}"
    return start, [Candidate(head + one, field.help) for one in _values(field, last.casefold(), known)]


def _words(begun: str) -> Iterator[Candidate]:
    low = begun.casefold()
    for field in FIELDS:
        if field.name.startswith(low):
            yield Candidate(field.name + field.signs[0], f"{field.help}: {field.wants}")
    if low:
        yield from (Candidate(word, "only this state") for word in states_like(low))


def _values(field: Field, begun: str, known: Callable[[str], Sequence[str]]) -> list[str]:
    values = [*field.values, *(_quoted(value) for value in known(field.name))]
    return [value for value in dict.fromkeys(values) if _unquoted(value).casefold().startswith(_unquoted(begun))]


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"[\s,*?]", value) and '"' not in value else value
