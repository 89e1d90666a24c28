"""One process, one virtual clock, one order of events: actors are greenlets that a seed lets run in turn."""

from __future__ import annotations

import hashlib
import heapq
import math
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from random import Random

import greenlet

from wsmon.domain.times import micros

SECOND = 1_000_000
KEPT_LINES = 4000


class Violation(BaseException):
    """An invariant does not hold. Not an Exception: no handler of a service may swallow it."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant, self.text = invariant, text


class Process:
    """What lives and dies together: some tasks, stopped and ended at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.paused_until = 0
        self.asleep_until = 0
        """Its machine is suspended until then: nothing wakes it."""
        self.tasks: list[Task] = []


class Task:
    """One actor. `join` as a thread's."""

    def __init__(self, kernel: Kernel, process: Process, name: str, work: Callable[[], None]) -> None:
        self._kernel, self.process, self.name, self._work = kernel, process, name, work
        self.greenlet = greenlet.greenlet(self._run, kernel.hub)
        self.done = False
        self.entry = 0
        """The heap entry that counts; older ones are void."""
        self.due = 0
        """When its turn would come if it never stood still."""
        self.waits_for: threading.Event | None = None

    def _run(self) -> None:
        try:
            if not self.process.dead:
                self._work()
        except greenlet.GreenletExit:
            pass
        except Exception as error:
            lines = "".join(traceback.format_exception(error)[-6:])
            raise Violation("no service dies of an error", f"{self.process.name}/{self.name}: {lines}") from error
        finally:
            self.done = True

    def join(self, timeout: float | None = None) -> None:
        until = None if timeout is None else self._kernel.now + micros(timeout)
        while not self.done and not self.process.dead and (until is None or self._kernel.now < until):
            self._kernel.sleep(0.05)


class Kernel:
    """The event heap, ordered by (virtual time, a tie-break from the seed)."""

    def __init__(self, seed: int, *, keep_all: bool = False) -> None:
        self.now = 0
        """Microseconds since the simulation began: the true time, which no actor sees."""
        self.hub = greenlet.getcurrent()
        self.switches = 0
        self.running: Task
        """The actor whose turn it is."""
        self.trace: deque[str] = deque(maxlen=None if keep_all else KEPT_LINES)
        self._digest = hashlib.blake2b(digest_size=16)
        self._order = Random(f"{seed}/order")
        self._heap: list[tuple[int, float, int, Task]] = []
        self._entries = 0
        self._all: list[Task] = []

    def start(self, process: Process, name: str, work: Callable[[], None], after: float = 0.0) -> Task:
        """Let an actor run from `after` seconds on."""
        task = Task(self, process, name, work)
        process.tasks.append(task)
        self._all.append(task)
        self._push(task, self.now + micros(after))
        return task

    def _push(self, task: Task, at: int) -> None:
        self._entries += 1
        task.entry, task.due = self._entries, at
        heapq.heappush(self._heap, (at, self._order.random(), self._entries, task))

    def sleep(self, seconds: float) -> None:
        """Let the others act for `seconds`; called by an actor, and a switch point even at 0."""
        task = self.running
        if task.process.dead:
            raise greenlet.GreenletExit
        unwinding = sys.exc_info()[1]
        if isinstance(unwinding, Violation):
            raise unwinding  # what a service tidies up on its way out is not looked at any more
        self._push(task, self.now + max(0, math.ceil(seconds * SECOND)))  # a wait never ends early
        self.hub.switch()
        if task.process.dead:
            raise greenlet.GreenletExit

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Sleep until the event is set by somebody who pokes the process, at most `seconds`."""
        task = self.running
        if not event.is_set():
            task.waits_for = event
            self.sleep(seconds)
            task.waits_for = None
        return event.is_set()

    def poke(self, process: Process) -> None:
        """Wake what waits for an event that is set by now."""
        for task in process.tasks:
            if task.waits_for is not None and task.waits_for.is_set():
                self._push(task, self.now)

    def wake(self, process: Process) -> None:
        """It goes on before its time: what it waited for is over, or its turn comes now."""
        if process.asleep_until > self.now:
            return
        process.paused_until = self.now
        for task in process.tasks:
            if not task.done and self.running is not task and task.due <= self.now:
                self._push(task, self.now)

    def run(self, until: int, done: Callable[[], bool] | None = None) -> bool:
        """Run until the moment (False), or until `done` says so (True); it is asked once a virtual minute."""
        ask = self.now + 60 * SECOND
        while self._heap and self._heap[0][0] <= until:
            at, _, entry, task = heapq.heappop(self._heap)
            if task.entry != entry or task.done or task.process.dead:
                continue
            if task.process.paused_until > at:
                due = task.due
                self._push(task, task.process.paused_until)
                task.due = due
                continue
            self.now = max(self.now, at)
            self.switches += 1
            self.running = task
            task.greenlet.switch()
            if done is not None and self.now >= ask:
                if done():
                    return True
                ask = self.now + 60 * SECOND
        self.now = max(self.now, until)
        return False

    def end(self) -> None:
        """End every actor without a trace."""
        for task in self._all:
            task.process.dead = True
            self.running = task
            if not task.done and task.greenlet:
                task.greenlet.throw(greenlet.GreenletExit)

    def note(self, who: str, text: str) -> None:
        """A line of the trace; its hash tells two runs of one seed apart."""
        line = f"{self.now / SECOND:12.6f} {who:14} {text}"
        self._digest.update(line.encode(errors="backslashreplace"))
        self.trace.append(line)

    @property
    def digest(self) -> str:
        """The hash of the trace so far."""
        return self._digest.hexdigest()
