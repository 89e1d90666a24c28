"""The bench covers every budget, and what are counts holds at small size too."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.bench import counts, report, scaling
from tests.bench.figures import Figure, Scale
from tests.bench.groups import GROUPS, LATER
from tests.bench.stores import close_shared

SMALL = Scale(worksets=(260, 300))
COUNTED = [counts.lifecycle, counts.claim, counts.depth]
if os.environ.get("WSMON_REQUIRE_PEERS"):
    COUNTED.append(counts.refresh)  # by CI: a twentieth of the whole suite


@pytest.fixture(autouse=True)
def no_world_left() -> Iterator[None]:
    yield
    close_shared()


def budget_rows() -> list[str]:
    """The first cells of the design's section 8."""
    page = report.PAGE.with_name("design.md").read_text(encoding="utf-8")
    section = page.partition("## 8. Budgets")[2].partition("## 9.")[0]
    cells = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    return [cell for cell in cells if cell != "what" and not set(cell) <= {"-"}]


def test_every_budget_has_its_figures() -> None:
    measured = [group.row for group in GROUPS if group.row]
    assert sorted([*measured, *LATER]) == sorted(budget_rows())


@pytest.mark.parametrize("measure", COUNTED)
def test_counts_hold(measure: counts.Measure) -> None:
    figures = list(measure(SMALL))
    assert [figure.name for figure in figures if figure.met is False] == []
    assert any(figure.met for figure in figures)


def test_the_page_names_neither_host_nor_folder() -> None:
    assert not re.search(r"/(tmp|home|root|work)/|127\.0\.0\.1|localhost", report.PAGE.read_text(encoding="utf-8"))


def test_a_figure_over_its_budget_is_told() -> None:
    over, under = Figure("a", "b", 2, "x", at_most=1.5), Figure("a", "b", 0.5, "x", at_least=0.8)
    free, good = Figure("a", "b", 9, "x"), Figure("a", "b", 1.5, "x", at_most=1.5)
    assert [figure.met for figure in (over, under, free, good)] == [False, False, None, True]
    assert "OVER" in report.table([over])


def test_the_models_coefficients_are_figures_of_the_bench() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    scale = report.PAGE.with_name("scale.md").read_text(encoding="utf-8")
    for name in scaling.COEFFICIENTS:
        assert f"| {name} |" in page
        assert f"| {name} |" in scale


def test_a_pass_grows_with_all_locks_and_all_monitors() -> None:
    units = dict.fromkeys(scaling.COEFFICIENTS, 1.0) | {"units.pass.reads": 3.0}
    small, large = scaling.Load(1_000, 20, 1, units), scaling.Load(1_000_000, 1_000, 1, units)
    assert small.pass_reads() == 3.0
    assert large.pass_reads() == pytest.approx(2.0 * large.leases / 50 + 1_000 / 20)
    assert large.partitions()["LEASES"][0] > 100 * small.partitions()["LEASES"][0]
