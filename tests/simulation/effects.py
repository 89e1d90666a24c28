"""What truly runs, known to the simulation alone: the side effects that may never overlap."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.kernel import SECOND, Kernel, Violation


@dataclass(slots=True)
class Effect:
    """A run, or a caller's own work, from its first side effect to its last."""

    workset_id: str
    token: int
    who: str
    began: int
    ended: int | None = None
    exit_code: int | None = None
    """As the command gave it: -n where signal n ended it."""
    told: bool = False
    """Whether an exit document was written."""
    forced: bool = False
    """Whether it was ended by a signal of ours."""
    left_behind: bool = False
    """Whether its workset had gone on without it when it ended."""
    stray: bool = False
    """Whether the signal came from who did not attend it."""


class Effects:
    """All of them by (workset, token)."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.all: dict[tuple[str, int], Effect] = {}

    def live(self, workset_id: str) -> list[Effect]:
        """Those of a workset that have not ended."""
        return [e for e in self.all.values() if e.workset_id == workset_id and e.ended is None]

    def begin(self, workset_id: str, token: int, who: str) -> Effect:
        """A first side effect, now."""
        others = self.live(workset_id)
        if others:
            raise Violation(
                "no two runs of one workset overlap",
                f"{workset_id} token {token} by {who} begins while token {others[0].token} by {others[0].who} runs",
            )
        if (workset_id, token) in self.all:
            raise Violation("a run token starts one run", f"{workset_id} token {token} runs a second time")
        made = self.all[workset_id, token] = Effect(workset_id, token, who, self._kernel.now)
        self._kernel.note(who, f"EFFECT begins {workset_id} token {token}")
        return made

    def end(self, effect: Effect, exit_code: int | None) -> None:
        """The last side effect was now."""
        if effect.ended is None:
            effect.ended, effect.exit_code = self._kernel.now, exit_code
            lasted = (effect.ended - effect.began) / SECOND
            self._kernel.note(effect.who, f"EFFECT ends {effect.workset_id} token {effect.token} {exit_code} {lasted}")
