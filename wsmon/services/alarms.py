"""What an operator says to alerts: list, acknowledge, silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from wsmon.domain.alerts import ACKNOWLEDGED, MATCHED, AlertRecord, SilenceRecord
from wsmon.domain.errors import InvalidInput, NotThere
from wsmon.domain.observing import LeaseWatch
from wsmon.domain.roles import Role
from wsmon.domain.ruling import Ruling
from wsmon.domain.spec import check_reason
from wsmon.domain.states import WorksetState
from wsmon.domain.times import micros
from wsmon.services.alerting import TOLD_OF, derive
from wsmon.services.commands import Commands

MATCHERS = ("workset", *MATCHED)
LONGEST_SILENCE = 366 * 86_400.0
LONGEST_LENGTH = 100 * LONGEST_SILENCE
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Alarms:
    """One operator's words to alerts and silences, gated like every other change."""

    def __init__(self, commands: Commands, skew: float, ruling: Ruling | None = None) -> None:
        self._commands, self._store, self._clock = commands, commands.store, commands.clock
        self._skew, self._ruling = skew, ruling

    def alerts(self) -> list[AlertRecord]:
        """Everything that stands, firing and critical first."""
        leases = self._store.leases()
        watch, now, moment = LeaseWatch(self._skew), self._clock.now(), self._clock.monotonic()
        dead = frozenset(lease.workset_id for lease in leases if watch.dead(lease, now, moment))
        rows = [row for state in WorksetState if state in TOLD_OF for row in self._commands.rows(state)]
        return list(derive(rows, leases, dead, self._store.alerts(), self._ruling))

    def silenced(self, alert: AlertRecord) -> bool:
        """Whether a silence keeps it quiet now."""
        now = self._clock.now()
        return any(silence.matches(alert, now) for silence in self._store.silences())

    def ack(self, name: str, reason: str | None = None) -> list[AlertRecord]:
        """Take on the alert of a fingerprint, or all of a workset; gives them. Raises NotThere."""
        self._commands.allow(Role.OPERATOR)
        reason = check_reason(reason) or ""
        found = [alert for alert in self.alerts() if name in {alert.fingerprint, alert.subject}]
        if not found:
            raise NotThere(f"no alert {name!r} stands; `wsmon alerts` lists their fingerprints and subjects")
        return [self.take_on(alert, reason) for alert in found]

    def take_on(self, alert: AlertRecord, reason: str = "") -> AlertRecord:
        """Acknowledge one that is known to stand."""
        self._commands.allow(Role.OPERATOR)
        by, at = self._commands.actor, self._clock.now()
        if not self._store.mark_alert(alert.fingerprint, ACKNOWLEDGED, by=by, reason=reason, at=at):
            self._store.put_alert(alert)  # it was derived, and nothing was stored of it yet
            self._store.mark_alert(alert.fingerprint, ACKNOWLEDGED, by=by, reason=reason, at=at)
        return replace(alert, status=ACKNOWLEDGED, by=by, reason=reason, changed_at=at)

    def silence(self, matchers: Mapping[str, str], seconds: float, reason: str) -> SilenceRecord:
        """Keep what every matcher fits quiet for so long. Raises InvalidInput."""
        self._commands.allow(Role.OPERATOR)
        why = check_reason(reason, needed=True) or ""
        unknown = sorted(set(matchers) - set(MATCHERS))
        if unknown:
            raise InvalidInput(f"{', '.join(unknown)}: no such field; match one of {', '.join(MATCHERS)}")
        if not matchers:
            raise InvalidInput("a silence needs a matcher, such as workset=RUN-* or kind=error")
        if not 0 < seconds <= LONGEST_SILENCE:
            raise InvalidInput("a silence lasts longer than nothing and at most a year")
        now = self._clock.now()
        silence_id = self._commands.chance.change_id()[:12]
        silence = SilenceRecord(silence_id, dict(matchers), now, now + micros(seconds), self._commands.actor, why)
        self._store.put_silence(silence)
        return silence

    def silences(self) -> list[SilenceRecord]:
        """Those that have not ended."""
        now = self._clock.now()
        return [silence for silence in self._store.silences() if silence.ends_at > now]

    def end_silence(self, silence_id: str) -> SilenceRecord:
        """End one now. Raises NotThere."""
        self._commands.allow(Role.OPERATOR)
        for silence in self.silences():
            if silence.silence_id == silence_id:
                ended = replace(silence, ends_at=self._clock.now())
                self._store.put_silence(ended)
                return ended
        raise NotThere(f"no silence {silence_id!r} stands; `wsmon silences` lists them")


def seconds_of(text: str) -> float:
    """`90s`, `30m`, `4h`, `7d` as seconds. Raises InvalidInput."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", text)
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is no length of time; write it like 90s, 30m, 4h or 7d")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > LONGEST_LENGTH:
        raise InvalidInput(f"{text[:40]!r} is more than a hundred years")
    return seconds


def matchers_of(words: tuple[str, ...]) -> dict[str, str]:
    """`workset=RUN-*` and the like as field -> pattern. Raises InvalidInput."""
    found = {}
    for word in words:
        name, equals, pattern = word.partition("=")
        if not equals or not pattern:
            raise InvalidInput(f"{word[:60]!r} is no matcher; write FIELD=PATTERN, such as workset=RUN-*")
        found[name] = pattern
    return found
