"""The figures as a table for the terminal, as JSON, and as a page of the docs."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from tests.bench import scaling
from tests.bench.figures import Figure, show

PAGE = Path(__file__).parents[2] / "docs/benchmarks.md"
BEGIN, END = "<!-- what python -m tests.bench --write puts here -->", "<!-- until here -->"
VERDICTS = {True: "ok", False: "OVER", None: ""}


def table(figures: Sequence[Figure]) -> str:
    """Name, what, budget, measured, verdict, what stood beside it."""
    head = ("figure", "what", "budget", "measured", "", "beside it, in the same run")
    lines = [head, *(_cells(figure) for figure in figures)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _cells(figure: Figure) -> tuple[str, ...]:
    measured, verdict = show(figure.value, figure.unit), VERDICTS[figure.met]
    return figure.name, figure.what, figure.budget, measured, verdict, figure.note


def as_json(figures: Iterable[Figure]) -> str:
    """One document: the machine and every figure."""
    document = {"machine": machine(), "figures": [{**asdict(f), "met": f.met} for f in figures]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read(file: Path) -> list[Figure]:
    """The figures of a document."""
    names = [field.name for field in fields(Figure)]
    return [Figure(**{name: one[name] for name in names}) for one in json.loads(file.read_text())["figures"]]


def machine() -> dict[str, str]:
    """What it ran on, without saying whose it is."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cpu": f"{_proc('/proc/cpuinfo', 'model name') or platform.machine()}, {os.cpu_count()} cores",
        "memory": f"{int(_proc('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "python": f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}",
        "load average meanwhile": f"{os.getloadavg()[2]:.0f}",
    }


def _proc(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""


def write(figures: Sequence[Figure]) -> None:
    """Put machine and figures between the pages' marks; the rest of the pages is written by hand."""
    _replace(PAGE, page_part(figures))
    measured = {figure.name: figure.value for figure in figures}
    if measured.keys() >= set(scaling.COEFFICIENTS):
        _replace(PAGE.with_name("scale.md"), scaling.page_part(measured))


def _replace(page: Path, part: str) -> None:
    head, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{head}{BEGIN}\n{part}{END}{rest.partition(END)[2]}", encoding="utf-8")


def page_part(figures: Sequence[Figure]) -> str:
    """The generated part of the page."""
    lines = [f"- {name}: {value}" for name, value in machine().items()]
    lines += ["", "| figure | what | budget | measured | | beside it, in the same run |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(_cells(figure)) + " |" for figure in figures]
    return "\n".join(lines) + "\n"
