"""The fields a filter knows: what each is of a row, which signs and values it takes, and how it is tested."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from typing import TYPE_CHECKING

from wsmon.domain.ordering import queue_moment
from wsmon.domain.states import HELD, TERMINAL, WAITING, ErrorCategory, WorksetPriority, WorksetState

if TYPE_CHECKING:
    from wsmon.domain.times import Instant
    from wsmon.domain.workset import Row

S = WorksetState
Holds = Callable[["Row", "Instant"], bool]
Values = Sequence[tuple[str, bool]]
"""The alternatives of a term: each value, and whether it was quoted."""
NONE, ANY = "none", "any"
COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
STATE_WORDS = {**{state.value: state for state in S}, "running": S.IN_PROGRESS}
FLAGS: dict[str, Callable[[Row], bool]] = {
    "unattended": lambda row: row.state is S.IN_PROGRESS and row.holder is None,
    "held": lambda row: row.state in HELD and row.holder is not None,
    "waiting": lambda row: row.state in WAITING,
    "finished": lambda row: row.state in TERMINAL,
    "cancelling": lambda row: row.cancel_asked,
}


@dataclass(frozen=True, slots=True)
class Test:
    """A condition on a row; `timely` where time alone may change it."""

    __test__ = False  # no test class, whatever its name says to pytest

    holds: Holds
    timely: bool = False

    def __call__(self, row: Row, now: Instant) -> bool:
        """Whether it holds."""
        return self.holds(row, now)

    def turned(self) -> Test:
        """Its opposite."""
        holds = self.holds
        return replace(self, holds=lambda row, now: not holds(row, now))


@dataclass(frozen=True, slots=True)
class Field:
    """Something of a row that a term names."""

    name: str
    aliases: tuple[str, ...]
    help: str
    wants: str
    """What a value looks like."""
    signs: tuple[str, ...]
    make: Callable[[Field, str, Values], Test]
    """The test of a sign and values. Raises ValueError with what would do."""
    values: tuple[str, ...] = ()

    def test(self, sign: str, values: Values) -> Test:
        """The test of a term. Raises ValueError."""
        if sign not in self.signs:
            raise ValueError(f"{self.name} takes {' '.join(self.signs)} and not {sign}; it wants {self.wants}")
        return self.make(self, sign, values)


def _either(tests: Iterable[Holds]) -> Holds:
    all_of_them = tuple(tests)
    return all_of_them[0] if len(all_of_them) == 1 else lambda row, now: any(one(row, now) for one in all_of_them)


def _texts(get: Callable[[Row], str | None], *, whole: bool) -> Callable[[Field, str, Values], Test]:
    """Texts: a pattern is matched by the whole; else `=`, and a name's `:`, want all of it, and a text's `:` a part."""

    def one(sign: str, value: str, *, quoted: bool) -> Holds:
        if not quoted and value in {NONE, ANY}:
            return lambda row, _: (get(row) in {None, ""}) is (value == NONE)
        low = value.casefold()
        if not quoted and re.search(r"[*?]", value):
            matches = re.compile(translate(low.replace("[", "[[]"))).match
            return lambda row, _: matches((get(row) or "").casefold()) is not None
        if whole or sign == "=":
            return lambda row, _: (get(row) or "").casefold() == low
        return lambda row, _: low in (get(row) or "").casefold()

    return lambda _, sign, values: Test(_either(one(sign, value, quoted=quoted) for value, quoted in values))


def _begun(field: Field, value: str, words: Iterable[str]) -> list[str]:
    """The words a value begins; one that is whole is the only one. Raises ValueError."""
    known = list(words)
    low = value.casefold()
    found = [low] if low in known else [word for word in known if word.startswith(low)]
    if not found:
        raise ValueError(f"{value} is none of {', '.join(known)} ({field.name})")
    return found


def _states(field: Field, _: str, values: Values) -> Test:
    states = {STATE_WORDS[word] for value, _ in values for word in _begun(field, value, STATE_WORDS)}
    return Test(lambda row, _: row.state in states)


def _tiers(field: Field, _: str, values: Values) -> Test:
    tiers = {word for value, _ in values for word in _begun(field, value, [tier.value for tier in WorksetPriority])}
    return Test(lambda row, _: row.priority.value in tiers)


def _flags(field: Field, _: str, values: Values) -> Test:
    flags = [FLAGS[word] for value, _ in values for word in _begun(field, value, FLAGS)]
    return Test(lambda row, _: any(flag(row) for flag in flags))


def _numbers(get: Callable[[Row], int | None]) -> Callable[[Field, str, Values], Test]:
    def make(field: Field, sign: str, values: Values) -> Test:
        wanted = []
        for value, _ in values:
            if not re.fullmatch(r"\d{1,18}(\.\d{1,6})?", value):
                raise ValueError(f"{value} is no number; {field.name} wants {field.wants}")
            wanted.append(float(value))
        compare = COMPARED.get(sign, operator.eq)

        def holds(row: Row, _: Instant) -> bool:
            number = get(row)
            return number is not None and any(compare(number, one) for one in wanted)

        return Test(holds)

    return make


def _spans(get: Callable[[Row], Instant | None]) -> Callable[[Field, str, Values], Test]:
    def make(field: Field, sign: str, values: Values) -> Test:
        wanted = [_seconds(field, value) * 1e6 for value, _ in values]
        compare = COMPARED[sign]

        def holds(row: Row, now: Instant) -> bool:
            at = get(row)
            return at is not None and any(compare(now - at, one) for one in wanted)

        return Test(holds, timely=True)

    return make


def _seconds(field: Field, text: str) -> float:
    low = text.casefold()
    if not re.fullmatch(r"(\d{1,9}(\.\d{1,3})?[smhdw])+", low):
        raise ValueError(f"{text} is no duration; {field.name} wants {field.wants}")
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhdw])", low))


_EQUAL, _ORDERED = (":", "="), (">", ">=", "<", "<=")
_COUNTED = (*_ORDERED, *_EQUAL)
_PART, _NAME = "a part, or a pattern such as RUN-2026*", "a name, or a pattern such as use1*; none and any work too"
_SPAN, _NUMBER = "a duration such as 30m, 2h or 1d12h", "a number such as 10"
_CATEGORIES = tuple(category.value for category in ErrorCategory)
_OPEN = (NONE, ANY)


def _started(row: Row) -> Instant | None:
    return row.started_at if row.state is S.IN_PROGRESS else None


def _locked(row: Row) -> Instant | None:
    return row.locked_at if row.holder is not None else None


FIELDS = (
    Field("state", ("st",), "its state", "a state", _EQUAL, _states, tuple(STATE_WORDS)),
    Field("prio", ("priority", "tier"), "its tier", "urgent, normal or low", _EQUAL, _tiers, tuple(WorksetPriority)),
    Field("age", (), "how long in this state", _SPAN, _ORDERED, _spans(queue_moment)),
    Field("owner", ("holder", "lock"), "who holds it", _NAME, _EQUAL, _texts(lambda r: r.holder, whole=True), _OPEN),
    Field("cluster", ("on",), "its cluster", _NAME, _EQUAL, _texts(lambda r: r.cluster, whole=True), _OPEN),
    Field("id", ("workset", "name"), "its id", _PART, _EQUAL, _texts(lambda r: r.workset_id, whole=False)),
    Field("samples", (), "how many samples it has", _NUMBER, _COUNTED, _numbers(lambda r: r.samples)),
    Field("try", ("attempt", "attempts"), "its attempts", _NUMBER, _COUNTED, _numbers(lambda r: r.attempt)),
    Field("is", (), "how it stands", f"one of {', '.join(FLAGS)}", _EQUAL, _flags, tuple(FLAGS)),
    Field("error", ("err", "why"), "its failure's text", _PART, _EQUAL, _texts(lambda r: r.error, whole=False), _OPEN),
    Field(
        "category",
        ("cat",),
        "its failure's category",
        "a category",
        _EQUAL,
        _texts(lambda r: r.category.value if r.category else None, whole=True),
        (*_CATEGORIES, *_OPEN),
    ),
    Field("step", (), "the step it is at", _PART, _EQUAL, _texts(lambda r: r.current_step, whole=False), _OPEN),
    Field("bucket", (), "where its input lies", _PART, _EQUAL, _texts(lambda r: r.bucket, whole=False)),
    Field("prefix", ("path",), "where its input lies there", _PART, _EQUAL, _texts(lambda r: r.prefix, whole=False)),
    Field(
        "affinity",
        ("tied",),
        "the cluster it is tied to",
        _NAME,
        _EQUAL,
        _texts(lambda r: r.affinity, whole=True),
        _OPEN,
    ),
    Field("token", (), "its fencing token", _NUMBER, _COUNTED, _numbers(lambda r: r.token)),
    Field("running", ("started",), "how long it runs", _SPAN, _ORDERED, _spans(_started)),
    Field("locked", (), "how long it is held", _SPAN, _ORDERED, _spans(_locked)),
    Field("changed", ("updated",), "how long ago it changed", _SPAN, _ORDERED, _spans(lambda r: r.updated_at)),
    Field("registered", (), "how long ago it came", _SPAN, _ORDERED, _spans(lambda r: r.registered_at)),
)
_NAMED = {name: field for field in FIELDS for name in (field.name, *field.aliases)}


def field_named(name: str) -> Field | None:
    """The field of a name or another name of it."""
    return _NAMED.get(name.casefold())


def nearest(name: str) -> str:
    """What may have been meant, as the end of a sentence."""
    close = difflib.get_close_matches(name.casefold(), sorted(_NAMED), n=1, cutoff=0.6)
    return f", did you mean {_NAMED[close[0]].name}?" if close else f"; there are {', '.join(f.name for f in FIELDS)}"


def states_like(begun: str) -> list[str]:
    """The words of states that begin so."""
    return [word for word in STATE_WORDS if word.startswith(begun)]


def state_test(word: str) -> Test | None:
    """A word that is a state's: the rows in it, and those that have the word in their id."""
    state, low = STATE_WORDS.get(word.casefold()), word.casefold()
    return None if state is None else Test(lambda row, _: row.state is state or low in row.workset_id.casefold())


def word_test(word: str) -> Test:
    """A word that any text of a row may have."""
    low = word.casefold()

    def holds(row: Row, _: Instant) -> bool:
        parts = (row.workset_id, row.state.value, row.priority.value, row.holder, row.cluster, row.current_step)
        running = "running" if row.state is S.IN_PROGRESS else None
        more = (row.error, row.category.value if row.category else None, running, row.affinity)
        return any(low in part.casefold() for part in (*parts, *more) if part)

    return Test(holds)
