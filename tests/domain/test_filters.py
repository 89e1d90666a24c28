"""What a filter lets pass, what it says of one that cannot be read, and what it offers."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.domain.build import SECOND, T0
from wsmon.domain.errors import FilterError
from wsmon.domain.filters import complete, parse_filter
from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState
from wsmon.domain.workset import Row

S, P = WorksetState, WorksetPriority
HOUR = 3600 * SECOND
ROWS = [
    Row("RUN-1", S.READY, P.URGENT, 1, T0, T0 - 3 * HOUR, "omics", "runs/1", samples=12, registered_at=T0 - 3 * HOUR),
    Row(
        "RUN-2",
        S.IN_PROGRESS,
        P.NORMAL,
        4,
        T0,
        T0,
        holder="mon-1",
        cluster="use1-cl7",
        started_at=T0 - 90 * 60 * SECOND,
    ),
    Row(
        "run-3", S.IN_PROGRESS, P.LOW, 4, T0, T0, cluster="usw2-cl1", started_at=T0 - 60 * SECOND, samples=3, attempt=2
    ),
    Row("x-error", S.ERROR, P.NORMAL, 5, T0, T0, category=ErrorCategory.DATA, error="No such file [s3]", ended_at=T0),
    Row("held", S.LOCKED, P.NORMAL, 2, T0, T0, holder="mon-10", locked_at=T0 - 10 * SECOND, cancel_asked=True),
    Row("odd,name", S.RETRYING, P.NORMAL, 2, T0, T0, error="exit code 75", retry_after=T0, affinity="use1-cl7"),
]


def passing(text: str) -> str:
    chosen = parse_filter(text)
    return " ".join(row.workset_id for row in ROWS if chosen(row, T0))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "RUN-1 RUN-2 run-3 x-error held odd,name"),
        ("run", "RUN-1 RUN-2 run-3"),
        ("running", "RUN-2 run-3"),
        ("ERROR", "x-error"),
        ("!error file", ""),
        ("!run !error", "held odd,name"),
        ("state:err", "x-error"),
        ("state:running,retrying", "RUN-2 run-3 odd,name"),
        ("prio:u", "RUN-1"),
        ("tier=low", "run-3"),
        ("prio!=normal", "RUN-1 run-3"),
        ("owner:mon-1", "RUN-2"),
        ("owner:mon-*", "RUN-2 held"),
        ("!owner:none", "RUN-2 held"),
        ("owner:any", "RUN-2 held"),
        ("cluster:use1* is:held", "RUN-2"),
        ("cluster:USE1-CL7,usw2-cl1", "RUN-2 run-3"),
        ("is:unattended", "run-3"),
        ("is:cancelling,unattended", "run-3 held"),
        ("age>1h", "RUN-1 RUN-2"),
        ("age>=1h30m", "RUN-1 RUN-2"),
        ("age>1h30m", "RUN-1"),
        ("running<2m", "run-3"),
        ("locked>5s locked<1m", "held"),
        ("registered>1h", "RUN-1"),
        ("samples>=10", "RUN-1"),
        ("samples:3,12", "RUN-1 run-3"),
        ("!samples>=10", "RUN-2 run-3 x-error held odd,name"),
        ("try>1", "run-3"),
        ('error:"no such file"', "x-error"),
        ("error:*[s3]", "x-error"),
        ("id:run-?", "RUN-1 RUN-2 run-3"),
        ("id=run-3", "run-3"),
        ('id:"odd,name"', "odd,name"),
        ('"no such"', "x-error"),
        ("category:data", "x-error"),
        ("affinity:use1-cl7", "odd,name"),
        ("bucket:omi prefix:*/1", "RUN-1"),
        ("!!held", "held"),
        ("error prio:normal age>=0s !owner:mon-1 samples>=1", ""),
    ],
)
def test_what_passes(text: str, ids: str) -> None:
    assert passing(text) == ids


@pytest.mark.parametrize(
    ("text", "at", "part", "why"),
    [
        ("error prio:urgnt", 6, "prio:urgnt", "urgent, normal, low"),
        ("owners:x", 0, "owners:x", "did you mean owner?"),
        ("qqqq:x", 0, "qqqq:x", "there are state, prio, age"),
        ("run age:2h", 4, "age:2h", "age takes > >= < <="),
        ("age>2", 0, "age>2", "such as 30m"),
        ("samples>=ten", 0, "samples>=ten", "such as 10"),
        ("owner>x", 0, "owner>x", "owner takes : ="),
        ("prio:", 0, "prio:", "urgent, normal or low"),
        ("owner:,", 0, "owner:,", "wants a value"),
        ('a "b c', 2, '"b c', "not closed"),
        ("a !", 2, "!", "turns round"),
        ("is:happy", 0, "is:happy", "unattended"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_what_would_do(text: str, at: int, part: str, why: str) -> None:
    with pytest.raises(FilterError) as raised:
        parse_filter(text)
    error = raised.value
    assert (error.at, error.text[error.at : error.at + error.length]) == (at, part)
    assert why in str(error)


@given(st.text(alphabet=st.sampled_from('ab:!<>=*?[]", \t\nestateowner10hm\u20ac')))
@example("!" * 5000)
@example("id:" + "*a" * 500)
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    with contextlib.suppress(FilterError):
        chosen = parse_filter(text)
        for row in ROWS:
            chosen(row, T0)


def test_only_durations_depend_on_the_time() -> None:
    assert parse_filter("run age>2h").timely
    assert not parse_filter("run samples>2").timely
    later = replace(ROWS[1], started_at=T0)
    chosen = parse_filter("!running>1h state:running")
    assert (chosen(later, T0), chosen(later, T0 + 2 * HOUR)) == (True, False)


def known(field: str) -> list[str]:
    return {"owner": ["mon-1", "mon 2"], "cluster": ["use1-cl7"]}.get(field, [])


@pytest.mark.parametrize(
    ("text", "start", "first"),
    [
        ("", 0, ["state:", "prio:", "age>"]),
        ("run pr", 4, ["prio:", "prefix:"]),
        ("err", 0, ["error:", "error"]),
        ("prio:", 0, ["prio:urgent", "prio:normal", "prio:low"]),
        ("!prio:urgent,l", 0, ["!prio:urgent,low"]),
        ("owner:m", 0, ["owner:mon-1", 'owner:"mon 2"']),
        ("x cluster:", 2, ["cluster:none", "cluster:any", "cluster:use1-cl7"]),
        ("nosuch:", 0, []),
        ("samples>", 0, []),
    ],
)
def test_what_may_come_next(text: str, start: int, first: list[str]) -> None:
    at, found = complete(text, len(text), known)
    assert at == start
    assert [one.text for one in found][: len(first) or None] == first


def test_every_offer_can_be_read_or_lacks_only_its_value() -> None:
    for text in ("", "s", "err", "is:", "state:", "category:", "owner:"):
        for one in complete(text, len(text), known)[1]:
            if one.text[-1] not in ":>":
                parse_filter(one.text)
