"""The keys that change something: each asks about what it will do to what, then does exactly that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import verbs
from tui.screens.confirm import Answer, Confirm
from tui.screens.results import Results
from wsmon.domain.errors import WsmonError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.host import Host
    from tui.screens.confirm import Question
    from tui.work import Asked, Done, Work

NO_WORKSET = "no workset under the cursor; 1 goes to the queue"
NO_ALERT = "no alert under the cursor; 4 goes to the alerts"
NO_CLUSTER = "no cluster under the cursor; 3 goes to the clusters"


class Changing:
    """Questions, answers and results."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def _production(self) -> str:
        """The name to type before anything is changed on a production store."""
        return self._host.session.production if self._host.session is not None else ""

    # worksets

    def workset(self, verb: str) -> None:
        """Ask about the marked worksets, or the one under the cursor."""
        host, ids = self._host, self._host.view.active.targets()
        if not ids:
            host.say(NO_WORKSET, refused=True)
        elif host.work is not None:
            what = ids[0] if len(ids) == 1 else f"{len(ids)} worksets"
            host.expect(f"{verb} {what}: asking the store …")
            host.work.ask(verb, ids, self._hidden(ids))

    def _hidden(self, ids: list[str]) -> list[str]:
        """Those of several that the filter, or the chosen state, hides."""
        table = self._host.view.active.table
        return [name for name in ids if len(ids) > 1 and name in table.marked and table.rows.find(name) is None]

    def asked(self, message: Asked) -> None:
        """The store has answered: show what would be done."""
        host = self._host
        host.say("")

        def change(work: Work, answer: Answer) -> None:
            host.expect(f"{message.verb}: waiting for the store …")
            work.change(message.verb, message.targets, answer)

        self._confirm(message.question, change)

    def _confirm(self, question: Question, then: Callable[[Work, Answer], None]) -> None:
        """Ask; a yes is carried out by what works on the store now."""
        host = self._host

        def answered(answer: Answer | None) -> None:
            if answer is not None and host.work is not None:
                then(host.work, answer)

        host.ask(Confirm(question), answered)

    def done(self, message: Done) -> None:
        """What came of it: one in a line, several one by one; what failed stays marked."""
        host = self._host
        host.view.active.table.unmark([one.name for one in message.results if one.done])
        if len(message.results) > 1:
            host.say("")
            host.ask(Results(message.text, message.results))
            return
        host.say(message.text, refused=message.refused)

    # alerts and clusters

    def alert(self, verb: str) -> None:
        """Acknowledge or silence the marked alerts, or the one under the cursor."""
        host, panel = self._host, self._host.view.alerts
        alerts = panel.chosen() if host.view.active is panel else []
        if not alerts:
            host.say(NO_ALERT, refused=True)
            return
        question = verbs.alerts_question(verb, alerts, host.now(), self._production)
        self._confirm(question, lambda work, answer: work.alerts(verb, alerts, answer))

    def cluster(self, _: str) -> None:
        """Drain the cluster under the cursor, or let work in again."""
        host, panel = self._host, self._host.view.clusters
        cluster = panel.table.current
        if host.view.active is not panel or cluster is None:
            host.say(NO_CLUSTER, refused=True)
            return
        question = verbs.cluster_question(cluster, host.now(), self._production)
        self._confirm(question, lambda work, answer: work.drain(cluster.name, answer, drained=bool(cluster.drained)))

    # the gate

    def arm(self) -> None:
        """Arm writes for a while, after a question; what is armed is disarmed at once."""
        host, session = self._host, self._host.session
        if session is None:
            return
        gate = session.commands.gate
        if not session.writable:
            host.say(verbs.READ_ONLY, refused=True)
        elif gate is None:
            host.say("writes are on: this store is this machine's own")
        elif gate.armed(session.clock):
            gate.disarm()
            host.say("writes are off again")
        else:
            minutes = gate.seconds / 60

            def answered(answer: Answer | None) -> None:
                if answer is None:
                    return
                try:
                    session.commands.arm()
                except WsmonError as error:
                    host.say(str(error), refused=True)
                else:
                    host.say(f"writes are armed for {minutes:.0f} minutes; W ends that")

            host.ask(Confirm(verbs.arm_question(session, minutes)), answered)
