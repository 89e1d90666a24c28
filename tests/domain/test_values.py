"""Input checks, templates, times, exits, the observer and the diff."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.build import IN_STATE, SECOND, T0, ctx, locked, ready
from wsmon.domain import holding, times
from wsmon.domain.diff import apply, diff
from wsmon.domain.errors import InvalidInput, SettingsError
from wsmon.domain.observing import LeaseWatch
from wsmon.domain.outcome import category_of
from wsmon.domain.spec import WorksetSpec, check_document, check_name, check_reason, parse_priority, shown
from wsmon.domain.states import ErrorCategory, WorksetPriority
from wsmon.domain.template import check_template, render
from wsmon.domain.visible import escaped, visible
from wsmon.domain.workset import Lease, row_of


@pytest.mark.parametrize("good", ["ws-1", "a;rm -rf ~", "[bold]x[/bold]", "größe/é世界", "🧬" * 100, "x" * 512])
def test_ids_that_are_taken(good: str) -> None:
    assert WorksetSpec(good, "b").workset_id == good


@pytest.mark.parametrize(
    "bad", ["", "  ", " x", "x\n", "a\x1b[31m", "a\0b", "x" * 513, "x" * 3000, "a\u202eb", "\ud800", 7, None]
)
def test_ids_that_are_refused_are_named(bad: Any) -> None:
    with pytest.raises(InvalidInput, match="workset id") as caught:
        WorksetSpec(bad, "b")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_other_fields_are_checked_too() -> None:
    with pytest.raises(InvalidInput, match="urgent, normal, low"):
        parse_priority("URGENT!")
    with pytest.raises(InvalidInput, match="bucket"):
        WorksetSpec("w", "")
    with pytest.raises(InvalidInput, match="prefix"):
        WorksetSpec("w", "b", "a\nb")
    with pytest.raises(InvalidInput, match="affinity"):
        WorksetSpec("w", "b", affinity="")
    assert WorksetSpec("w", "b", priority="low").priority is WorksetPriority.LOW  # type: ignore[arg-type]


def deep(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(levels):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([1], "JSON object"),
        ({"x": math.nan}, "metadata.x is nan"),
        ({"x": [1, math.inf]}, r"metadata.x\[1\]"),
        ({1: 2}, "keys are texts"),
        ({"x": object()}, "JSON does not know"),
        ({"x": "\ud800"}, "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        ({"x": "y" * 500_000}, "500,008 bytes"),
        (deep(40), "nested"),
    ],
)
def test_documents_that_no_store_could_keep(document: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        check_document("metadata", document)


def test_a_reason_may_hold_anything_but_must_be_there_where_needed() -> None:
    assert check_reason("  a\n[b]\x1b ") == "a\n[b]\x1b"
    assert check_reason("") is None
    with pytest.raises(InvalidInput, match="needed"):
        check_reason(" ", needed=True)
    with pytest.raises(InvalidInput, match="4096"):
        check_reason("x" * 4097)
    with pytest.raises(InvalidInput, match="surrogate"):
        check_reason("\udfff")


def test_shown_is_short_and_harmless() -> None:
    assert shown("\x1b[31m") == "'\\x1b[31m'"
    assert len(shown("x" * 1000)) == 60
    with pytest.raises(InvalidInput):
        check_name("owner", None)


class TestTemplate:
    def test_a_field_stays_one_argument(self) -> None:
        workset = holding.acquire(ready(), ctx(), holder="m", duration=60).after
        workset = apply(workset, {"workset_id": "a;rm -rf ~ $(x)", "metadata": {"n": 3, "deep": {"k": [1]}}})  # type: ignore[arg-type]
        argv = render(
            ["run", "--id={workset_id}", "{bucket}/{prefix}", "{{{attempt}}}", "{metadata.n}", "{metadata.deep}"],
            workset,
            run_token=4,
            run_folder="/r",
        )
        assert argv == ["run", "--id=a;rm -rf ~ $(x)", "bucket/prefix", "{1}", "3", '{"k": [1]}']

    def test_only_a_starred_element_becomes_several(self) -> None:
        workset = apply(ready(), {"metadata": {"args": "-p -j 20 'a b'", "list": ["x", 1], "odd": "'"}})
        argv = render(["{*metadata.args}", "{*metadata.list}"], workset, run_token=1, run_folder="/r")
        assert argv == ["-p", "-j", "20", "a b", "x", "1"]
        with pytest.raises(InvalidInput, match="split"):
            render(["{*metadata.odd}"], workset, run_token=1, run_folder="/r")

    def test_a_missing_key_and_a_nul_are_refused(self) -> None:
        workset = apply(ready(), {"metadata": {"z": "a\0b"}})
        with pytest.raises(InvalidInput, match=r"metadata\.args"):
            render(["{metadata.args}"], workset, run_token=1, run_folder="/r")
        with pytest.raises(InvalidInput, match="NUL"):
            render(["x", "{metadata.z}"], workset, run_token=1, run_folder="/r")

    @pytest.mark.parametrize("bad", [[], "run.sh", ["{nope}"], ["{workset_id"], ["x{*metadata.a}"], ["{*bucket}"], [1]])
    def test_a_bad_template_is_refused_at_the_start(self, bad: Any) -> None:
        with pytest.raises(SettingsError):
            check_template(bad)

    def test_a_good_one_is_given_back(self) -> None:
        good = ["run", "{workset_id}", "{{}}", "{*metadata.a.b}"]
        assert check_template(good) == tuple(good)


@pytest.mark.parametrize(
    ("code", "category"),
    [
        (None, "transient"),
        (65, "data"),
        (69, "transient"),
        (71, "resource"),
        (78, "configuration"),
        (127, "configuration"),
        (137, "resource"),
        (143, "transient"),
        (1, "permanent"),
    ],
)
def test_exit_codes_have_categories(code: int | None, category: str) -> None:
    assert category_of(code) is ErrorCategory(category)


def leased() -> Lease:
    lease = holding.acquire(ready(), ctx(), holder="m", duration=60).lease
    assert lease is not None
    return lease


class TestLeaseWatch:
    """A lock is dead by the observer's own clock, or long past by the wall's."""

    lease = leased()

    def test_unchanged_for_its_whole_duration(self) -> None:
        watch = LeaseWatch(skew=60)
        watch.observe([self.lease], 100.0)
        watch.observe([self.lease], 160.0)
        assert watch.dead(self.lease, T0, 160.0) is None
        assert watch.dead(self.lease, T0, 160.1) == (1, 0)

    def test_a_renewal_starts_the_wait_anew(self) -> None:
        watch = LeaseWatch(skew=60)
        watch.observe([self.lease], 100.0)
        renewed = self.lease.renewed(T0 + SECOND)
        watch.observe([renewed], 150.0)
        assert watch.dead(renewed, T0, 170.0) is None
        watch.observe([], 180.0)
        assert watch.dead(renewed, T0, 500.0) is None

    def test_past_expiry_and_skew(self) -> None:
        watch = LeaseWatch(skew=60)
        assert watch.dead(self.lease, T0 + 120 * SECOND, 0.0) is None
        assert watch.dead(self.lease, T0 + 120 * SECOND + 1, 0.0) == (1, 0)


@pytest.mark.parametrize("a", IN_STATE.values())
@pytest.mark.parametrize("b", IN_STATE.values())
def test_a_diff_applied_gives_the_other(a: Any, b: Any) -> None:
    one, other = a(), b()
    assert apply(one, diff(one, other)) == other
    assert diff(one, one) == {}


def test_a_row_is_small_whatever_the_workset_holds() -> None:
    held = apply(locked(), {"current_step": "s" * 1000, "prefix": "p" * 1000})
    row = row_of(held)
    assert len(row.current_step or "") <= 120
    assert len(row.prefix) <= 120


@given(st.integers(min_value=0, max_value=4 * 10**15))
def test_instants_print_in_order_and_read_back(at: int) -> None:
    text = times.isoformat(at)
    assert times.from_datetime(dt.datetime.fromisoformat(text)) == at
    assert times.isoformat(at + 1) > text


def test_naive_datetimes_are_utc() -> None:
    assert times.from_datetime(dt.datetime(1970, 1, 1, 0, 0, 1)) == SECOND  # noqa: DTZ001


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (11100, "3h05"), (187200, "2d04h")],
)
def test_ages(seconds: float, text: str) -> None:
    assert times.age(seconds) == text


@pytest.mark.parametrize(
    "text", ["\u200b", "a\u200bb", "\u3164", "\u115f\u1160", "a\u061cb", "\U000e0041", "\x9b", "\u2028"]
)
def test_a_name_that_shows_nothing_or_forges_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        WorksetSpec(text, "b")
    assert text not in visible(text)
    assert json.loads(escaped(json.dumps([text], ensure_ascii=False))) == [text]
    assert escaped(json.dumps([text], ensure_ascii=False)).isascii()
