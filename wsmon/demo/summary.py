"""What a demo did, counted, and whether an invariant broke."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from wsmon.domain.states import Verb, WorksetState
from wsmon.domain.workset import Row
from wsmon.ports import StateStore
from wsmon.services.commands import Commands


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of one demo; `broken` says which invariants did not hold."""

    registered: int
    completed: int
    failed: int
    retried: int
    adopted: int
    double_runs: int
    events: int
    broken: tuple[str, ...] = ()

    def document(self) -> dict[str, object]:
        """As JSON; `broken` only where something is."""
        document = asdict(self)
        if not self.broken:
            del document["broken"]
        return document


def double_runs(lines: Iterable[str]) -> int:
    """How often a run started while another of the same workset went on, or under a token used before."""
    open_runs: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    doubles = 0
    for line in lines:
        what, name, token = line.rstrip("\n").split("\t")
        going = open_runs.setdefault(name, set())
        if what == "end":
            going.discard(token)
            continue
        doubles += bool(going) or (name, token) in seen
        going.add(token)
        seen.add((name, token))
    return doubles


def summarise(store: StateStore, commands: Commands, effects: Path) -> Summary:
    """Read everything once more and count it."""
    rows: list[Row] = [row for state in WorksetState for row in commands.rows(state)]
    tallies = store.tallies()
    counts = {state: sum(row.state is state for row in rows) for state in WorksetState}
    broken = [
        f"the tally of {s.value} is {tallies[s]}, a count gives {counts[s]}"
        for s in WorksetState
        if tallies[s] != counts[s]
    ]
    verbs: dict[str, int] = {}
    retried = events = 0
    for row in rows:
        history = store.history(row.workset_id)
        events += len(history)
        if [event.seq for event in history] != list(range(1, row.rev + 1)):
            broken.append(f"the events of {row.workset_id} are not one a change")
        for event in history:
            verbs[event.verb] = verbs.get(event.verb, 0) + 1
            retried += event.after is WorksetState.RETRYING and event.verb is Verb.FAIL
    doubles = double_runs(effects.read_text(encoding="utf-8").splitlines()) if effects.exists() else 0
    if doubles:
        broken.append(f"{doubles} runs overlapped another of the same workset")
    return Summary(
        registered=verbs.get(Verb.REGISTER, 0),
        completed=counts[WorksetState.COMPLETE],
        failed=counts[WorksetState.FAILED] + counts[WorksetState.ERROR],
        retried=retried,
        adopted=verbs.get(Verb.ADOPT, 0),
        double_runs=doubles,
        events=events,
        broken=tuple(broken),
    )
