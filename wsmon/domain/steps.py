"""A run in steps: one script that says which step it is at, made of commands whose every word is quoted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

STEPS = ("stage", "clone", "run", "export")
FAILED_FILE = "daylily.failed_run"


def script(steps: Mapping[str, Sequence[str]], *, workdir: str = "", pipeline: str = "") -> list[str]:
    """The argument list that does the steps in order, each in `workdir` (empty: the run's own folder).

    The first that fails ends it with that step's exit code. A pipeline that leaves `daylily.failed_run`
    in its folder has failed, whatever its exit code was.
    """
    lines = ["set -u", 'step() { printf %s "$1" > "$0/step.new" && mv "$0/step.new" "$0/step"; }']
    if workdir:
        lines.append(f"mkdir -p -- {shlex.quote(workdir)} && cd -- {shlex.quote(workdir)} || exit 71")
    for name, argv in steps.items():
        lines += [f"step {shlex.quote(name)}", f"{shlex.join(argv)} || exit $?"]
        if name == "run" and pipeline:
            lines.append(f"if [ -e {shlex.quote(f'{pipeline}/{FAILED_FILE}')} ]; then exit 1; fi")
    # $0 is the run folder, so that the step is told there wherever the commands work.
    return ["/bin/sh", "-c", "\n".join(lines)]
