"""Whether a cluster may be made now, and what it is called: caps, cool-down and cost. Decisions only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wsmon.domain.errors import SettingsError
from wsmon.domain.lives import COUNTED, Life, Phase
from wsmon.domain.needs import Microdollars, day_of, money
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.queueing import Creation
from wsmon.domain.spec import shown
from wsmon.domain.times import Instant, age, isoformat, micros

MAX_DOUBLINGS = 6
HOUR = 3_600_000_000
DAY = 24 * HOUR
_PART = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of cluster that may be made."""

    create: tuple[str, ...]
    template: ClusterRecord
    """What a new one would be, for the planner; its name says which kind it is."""
    hourly: Microdollars


@dataclass(frozen=True, slots=True)
class CreationRule:
    """How clusters are made and taken down; seconds throughout."""

    kinds: tuple[Kind, ...]
    """What may be made, the cheapest first; at least one."""
    delete: tuple[str, ...]
    daily: Microdollars
    """What those that wsmon made may cost a UTC day."""
    prefix: str = "wsmon"
    most: int = 1
    least_hours: float = 1.0
    """A new one is counted with so many hours at once, before it has stood so long."""
    cooldown: float = 600.0
    idle: float = 1800.0
    create_within: float = 3600.0
    delete_within: float = 3600.0
    lead: float = 900.0
    others: bool = False
    """Whether ParallelClusters that somebody else made are taken down when they are idle."""
    quiet: float = 300.0
    """Unreported for so long, a cluster that was deleted is gone."""

    def creation(self, kinds: Sequence[Kind]) -> Creation:
        """What the planner is told of some of them."""
        return Creation(tuple(kind.template for kind in kinds), self.lead)


def check_template(argv: Sequence[str]) -> tuple[str, ...]:
    """The template, if it names the cluster and nothing else. Raises SettingsError."""
    named = False
    for element in argv:
        for match in _PART.finditer(element):
            part = match.group(0)
            if part in {"{{", "}}"}:
                continue
            if part != "{cluster}":
                raise SettingsError(
                    f"the command's {shown(element)} holds {shown(part)}; {{cluster}} is known, {{{{ is a brace"
                )
            named = True
    if argv and not named:
        raise SettingsError("the command never says which cluster; write {cluster} where its name belongs")
    return tuple(argv)


def render(template: Sequence[str], cluster: str) -> list[str]:
    """The argument list for one cluster; each element stays one argument."""
    values = {"{cluster}": cluster, "{{": "{", "}}": "}"}
    return [_PART.sub(lambda match: values[match.group(0)], element) for element in template]


def name_for(rule: CreationRule, now: Instant, drawn: str) -> str:
    """A name that no cluster had before: the prefix, the moment and a few characters drawn by chance."""
    stamp = isoformat(now)[:19].replace("-", "").replace(":", "").replace("T", "-")
    return f"{rule.prefix}-{stamp}-{drawn[:4]}"


def spent_on(lives: Iterable[Life], rule: CreationRule, now: Instant) -> Microdollars:
    """What the clusters that wsmon made cost on this UTC day so far, each new one its least hours."""
    midnight = now - now % DAY
    total = 0
    for life in lives:
        if life.asked_at is None:
            continue
        end = now if life.gone_at is None else life.gone_at
        least = round(rule.least_hours * HOUR) if life.asked_at >= midnight else 0
        stood = max(0, end - max(midnight, life.asked_at), least if end > midnight else 0)
        total += life.hourly * stood // HOUR
    return total


def affordable(lives: Iterable[Life], rule: CreationRule, now: Instant) -> list[Kind]:
    """The kinds that the day's cap still lets be made, the cheapest first."""
    left = rule.daily - spent_on(lives, rule, now)
    return [kind for kind in rule.kinds if round(kind.hourly * rule.least_hours) <= left]


def barred(lives: Sequence[Life], rule: CreationRule, now: Instant) -> str:
    """Why none is made now; empty where one may be."""
    making = [life for life in lives if life.phase is Phase.CREATING]
    if making:
        since = (now - making[0].since) / 1e6
        return f"{making[0].name} is being made since {age(since)}{_by(making[0])}"
    there = [life.name for life in lives if life.asked_at is not None and life.phase in COUNTED]
    if len(there) >= rule.most:
        return f"{len(there)} of at most {rule.most} clusters are there: {', '.join(there)}"
    if not affordable(lives, rule, now):
        spent, least = spent_on(lives, rule, now), round(rule.kinds[0].hourly * rule.least_hours)
        return (
            f"the clusters cost {money(spent)} on {day_of(now)}, and {money(least)} more would pass {money(rule.daily)}"
        )
    last = max((life.asked_at for life in lives if life.asked_at is not None), default=None)
    wait = 0 if last is None else last + micros(pause(lives, rule)) - now
    if last is not None and wait > 0:
        return f"the last one was asked for {age((now - last) / 1e6)} ago; the next may be in {age(wait / 1e6 + 1)}"
    return ""


def _by(life: Life) -> str:
    return f" ({life.note})" if life.note else ""


def pause(lives: Iterable[Life], rule: CreationRule) -> float:
    """The cool-down, twice as long after each failure in a row."""
    asked = sorted((life for life in lives if life.asked_at is not None), key=lambda life: -(life.asked_at or 0))
    failures = 0
    for life in asked:
        if not life.failed:
            break
        failures += 1
    return rule.cooldown * 2.0 ** min(failures, MAX_DOUBLINGS)


def said(rule: CreationRule | None, lives: Sequence[Life], now: Instant) -> str:
    """How it stands with making clusters, in a sentence for an operator."""
    if rule is None:
        return "switched off"
    why = barred(lives, rule, now)
    return f"not now: {why}" if why else "a cluster is made once something waits that only a new one would take"
