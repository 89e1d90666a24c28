"""How much of the feed a reader reads again, and when it stops."""

from __future__ import annotations

import pytest

from tests.domain.build import SECOND, T0
from wsmon.adapters.dynamo import DynamoStore
from wsmon.adapters.dynamo.feeding import BUSY_REREAD, FEW, LONGEST_SPAN, REREAD, SKEW, Mark
from wsmon.domain.errors import InvalidInput


def window(mark: Mark) -> int:
    """Microseconds before the newest event that will be read again."""
    return mark.newest - int(mark.after)


def test_a_bare_moment_is_a_cursor_and_a_mark_comes_back_as_it_was() -> None:
    mark = Mark.of(f"{T0:020d}", T0 + SECOND)
    assert (mark.after, mark.newest) == (f"{T0:020d}", T0 + REREAD)
    later = mark.reached(T0 + REREAD + 5, T0 + SECOND, f"{T0:020d}#an id~with #all#7")
    assert Mark.of(later.text, T0) == later


@pytest.mark.parametrize("cursor", ["", "nonsense", "12", "~" * 60])
def test_another_text_is_none(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        Mark.of(cursor, T0)


def test_few_events_are_read_again_for_long_and_many_for_short() -> None:
    mark = Mark.of(f"{T0 - REREAD:020d}", T0)
    assert window(mark.ended(T0 + 1, T0 + 1, FEW)) == REREAD
    assert window(mark.ended(T0 + 1, T0 + 1, FEW + 1)) == BUSY_REREAD
    mid = mark.reached(T0 + 1, T0 + 1, f"{T0 + 1:020d}#id#1")
    assert window(mid.ended(0, T0 + 1, 1)) == BUSY_REREAD, "the last page of many is no few"


def test_a_burst_is_not_read_again_once_it_has_settled() -> None:
    mark = Mark.of(f"{T0 - REREAD:020d}", T0).ended(T0 + 1, T0 + 1, 500)
    for seconds in (2, 4, 9):
        mark = Mark.of(mark.text, T0).ended(T0 + 1, T0 + 1 + seconds * SECOND, 500)
        assert window(mark) == BUSY_REREAD
    mark = mark.ended(T0 + 1, T0 + 1 + REREAD, 500)
    assert window(mark) == 0
    again = mark.ended(T0 + 30 * SECOND, T0 + 30 * SECOND, 1)
    assert window(again) == REREAD, "a new event opens the window again"


def test_a_writer_whose_clock_is_behind_is_still_read() -> None:
    behind = T0 - 30 * SECOND
    mark = Mark.of(f"{behind - REREAD:020d}", T0).ended(behind, T0, 1)
    assert int(mark.after) <= behind


def test_idle_hours_are_not_asked_again() -> None:
    hours = 5 * 3600 * SECOND
    mark = Mark.of(f"{T0 - REREAD:020d}", T0).ended(0, T0 + hours, 0)
    assert int(mark.after) == T0 + hours - 2 * SKEW - REREAD, "the look over the whole skew"
    assert int(mark.ended(0, T0 + hours, 0).after) == T0 + hours - SKEW


def test_a_writer_whose_clock_is_ahead_does_not_pull_the_reader_past_others() -> None:
    mark = Mark.of(f"{T0 - REREAD:020d}", T0).ended(T0 + 40 * SECOND, T0 + SECOND, 1)
    assert int(mark.after) <= T0 + SECOND - REREAD


@pytest.mark.parametrize(("count", "expected"), [(1, [60, 120, 180, 240, 300]), (FEW + 1, [300])])
def test_the_whole_skew_is_read_again_once_a_minute_and_more_rarely_while_busy(count: int, expected: list[int]) -> None:
    mark, looked = Mark.of(f"{T0 - REREAD:020d}", T0), []
    for second in range(320):
        now = T0 + second * SECOND
        mark = Mark.of(mark.ended(now, now, count).text, now)
        if int(mark.after) <= now - SKEW:
            looked.append(second)
    assert looked == expected


def test_a_span_of_more_than_a_year_is_refused(store: DynamoStore) -> None:
    with pytest.raises(InvalidInput, match="year"):
        list(store.between(T0, T0 + LONGEST_SPAN + 1))
