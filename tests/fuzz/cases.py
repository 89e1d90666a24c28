"""How many cases a fuzz test tries, and the values that have broken programs before."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("WSMON_FUZZ_CASES", "60"))
fuzzed = settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    derandomize="WSMON_FUZZ_CASES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
NASTY = (
    *("", " ", "\0", "\x1b[2J\x1b]0;title\x07", "a\r\nSubject: x", "\u202eevil", "\u2028", "\x9b31m", "\ud800"),
    *(
        "[bold red]x[/]",
        "=1+1",
        "@SUM(A1)",
        "a;rm -rf ~",
        "$(id)",
        "{workset_id}",
        "../../etc/passwd",
        "-rf",
        "世" * 400,
    ),
    *("x" * 5000, "NaN", "1e999", "null", "true", "\ufeff", "\U000e0041", "\u200b", "%s%n", "' OR 1=1 --"),
)
texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
scalars = st.one_of(
    texts,
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -1, 2**63, 0]),
    st.floats(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
