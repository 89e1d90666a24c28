"""Which notices go out in one message: of one group, in the order of each line, and never more than a message holds."""

from __future__ import annotations

import pytest

from wsmon.domain import grouping
from wsmon.domain.grouping import Batch, GroupRule, next_batch
from wsmon.domain.notices import Notice, Severity, Status

SECOND = 1_000_000
RULE = GroupRule(by=("state",), wait=30, interval=300)


def notice(subject: str, seq: int, state: str, at: int = 0) -> Notice:
    name = f"{subject}:{seq}"
    return Notice(name, subject, seq, at, "error", "fail", state, Severity.WARNING, Status.FIRING, f"error/{subject}")


def names(batch: Batch | None) -> list[str]:
    return [one.notice_id for one in batch.notices] if batch else []


def test_nothing_goes_out_before_the_wait_and_all_of_the_group_after_it() -> None:
    pending = [notice("a", 1, "error"), notice("b", 1, "failed", 20 * SECOND), notice("c", 1, "error", 29 * SECOND)]
    assert next_batch(pending, {}, RULE, 29 * SECOND) is None
    assert names(next_batch(pending, {}, RULE, 30 * SECOND)) == ["a:1", "c:1"]
    assert names(next_batch(pending, {}, RULE, 50 * SECOND, summary=True)) == ["a:1", "b:1", "c:1"]


def test_a_group_waits_its_interval_after_its_last_message() -> None:
    pending = [notice("a", 1, "error", 100 * SECOND)]
    (group,) = next_batch(pending, {}, RULE, 130 * SECOND).groups  # type: ignore[union-attr]
    assert next_batch(pending, {group: 0}, RULE, 299 * SECOND) is None
    assert names(next_batch(pending, {group: 0}, RULE, 300 * SECOND)) == ["a:1"]


@pytest.mark.parametrize(("bound", "size"), [("MAX_BATCH", 2), ("MAX_BATCH_CHARS", 7)])
def test_a_batch_has_its_bound_and_the_rest_keeps_its_order(
    bound: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, bound, size)
    pending = [notice(f"w-{n}", 1, "error") for n in range(3)]
    batch = next_batch(pending, {}, RULE, 60 * SECOND)
    assert names(batch) == names(Batch(tuple(pending[:2]), {}))
    assert batch is not None
    assert list(batch.groups.values()) == [2]


def test_one_notice_goes_out_however_long_its_name_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_BATCH_CHARS", 1)
    assert names(next_batch([notice("long", 1, "error"), notice("b", 1, "error")], {}, RULE, 60 * SECOND)) == ["long:1"]


def test_an_earlier_notice_of_a_line_goes_out_first_though_its_own_group_is_not_due() -> None:
    pending = [notice("a", 1, "retrying", 25 * SECOND), notice("a", 2, "error"), notice("b", 1, "error")]
    assert names(next_batch(pending, {}, RULE, 30 * SECOND)) == ["a:1"]
    assert names(next_batch(pending[1:], {}, RULE, 30 * SECOND)) == ["a:2", "b:1"]
