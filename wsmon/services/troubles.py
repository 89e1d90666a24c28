"""Something outside that work comes from, or goes to, and that does not answer: told in the log and as an alert."""

from __future__ import annotations

from wsmon.domain.alerts import AWAY, RESOLVED, WARNING, AlertRecord
from wsmon.domain.times import Instant, micros
from wsmon.ports import Clock, Log, StateStore

SAME_AGAIN_SECONDS = 300.0
"""How often an alert that stands is written again; well within what ends one that nobody tells of any more."""


class Trouble:
    """What one source is to one monitor. Whoever gets an answer ends the alert, whoever raised it."""

    def __init__(self, store: StateStore, clock: Clock, log: Log, subject: str) -> None:
        self._store, self._clock, self._log, self._subject = store, clock, log, subject
        self._problem: str | None = None
        """What was told last; None: nothing yet."""
        self._told: Instant = 0

    def note(self, problem: str) -> None:
        """Why it does not answer; empty: it does. Raises StoreError."""
        fingerprint, now = f"source-away/{self._subject}", self._clock.now()
        if problem:
            if problem != self._problem:
                self._log.warning("source away", source=self._subject, why=problem)
            if problem != self._problem or now - self._told >= micros(SAME_AGAIN_SECONDS):
                text = f"{self._subject}: {problem}"
                self._store.put_alert(AlertRecord(fingerprint, AWAY, WARNING, self._subject, text, now, now))
                self._told = now
        elif self._problem != "":
            self._store.mark_alert(fingerprint, RESOLVED, at=now)
            if self._problem:
                self._log.info("source answers again", source=self._subject)
        self._problem = problem
