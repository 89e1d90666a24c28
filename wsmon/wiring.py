"""Settings of channels and alerts turned into what the relay works with."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsmon.domain.alerts import Rules
from wsmon.domain.errors import SettingsError
from wsmon.domain.grouping import GroupRule, Route
from wsmon.domain.metering import LOCK_FAILURES
from wsmon.domain.needs import microdollars
from wsmon.domain.notices import Severity
from wsmon.domain.ruling import OFF, Ruling
from wsmon.ports import Channel, Clock, Log, MetricSink, StateStore
from wsmon.services.companion import Companion
from wsmon.services.config import MonitorConfig
from wsmon.services.plans import ChannelPlan, RelayConfig

if TYPE_CHECKING:
    from wsmon.settings import AlertSettings, ChannelSettings, Settings

INTERVAL_FACTOR = 10.0
DUTY_SECONDS = 30.0
"""Longer than a channel may take to answer, so that a message on its way outlives no duty."""
RELAY_POLL_SECONDS = 2.0
FIRST_METRICS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Beside:
    """What works beside a monitor, and whom it tells of a lock that it did not get or lost."""

    parts: Sequence[Companion]
    lost: Callable[[], None]


def beside(settings: Settings, store: StateStore, clock: Clock, config: MonitorConfig, log: Log) -> Beside:
    """The relay duty with the channels as set, and the metrics. Raises SettingsError, MissingExtra."""
    from wsmon.adapters.courier import ThreadCourier
    from wsmon.services.metrics import Metrics
    from wsmon.services.relay import Relay
    from wsmon.services.watching import Watcher

    chosen = sinks(settings)
    ruled = ruling(settings.alerts)
    metrics = Metrics(store, clock, chosen, lambda: relay.on_duty, log, settings.metrics.period_seconds, ruled)
    relay = Relay(
        store,
        clock,
        ThreadCourier(),
        plans(settings.channels),
        RelayConfig(
            config.name,
            duty_seconds=max(DUTY_SECONDS, config.lease_seconds),
            skew_seconds=config.skew_seconds,
            poll_seconds=min(RELAY_POLL_SECONDS, config.poll_seconds),
            rule=group_rule(settings.alerts),
            ruling=ruled,
        ),
        log=log,
        jitter=random.random,
        watcher=Watcher(store, clock, alert_rules(settings), skew=config.skew_seconds, ruling=ruled),
        saw=metrics.saw if chosen else lambda _: None,
    )
    parts = [Companion("relay", relay.step, relay.close, clock, log)]
    if chosen:
        # The gauges are whoever's on duty: by then it is known who that is, and nobody scrapes a minute without.
        first = min(FIRST_METRICS_SECONDS, settings.metrics.period_seconds)
        parts.append(Companion("metrics", metrics.step, metrics.close, clock, log, first=first))
    return Beside(parts, lambda: metrics.count(LOCK_FAILURES))


def group_rule(chosen: AlertSettings) -> GroupRule:
    """How notices are gathered."""
    wait, interval = chosen.group_wait_seconds, chosen.group_interval_seconds
    return GroupRule(
        by=tuple(chosen.group_by),
        wait=wait,
        interval=INTERVAL_FACTOR * wait if interval is None else interval,
        repeat=chosen.repeat_interval_seconds,
    )


def ruling(chosen: AlertSettings) -> Ruling:
    """What is said of each rule."""
    severities = {name: rule.severity if rule.enabled else OFF for name, rule in chosen.rules.items()}
    return Ruling({name: severity for name, severity in severities.items() if severity is not None})


def alert_rules(settings: Settings) -> Rules:
    """Which conditions are alerts."""
    chosen, scheduler = settings.alerts, settings.scheduler
    budget = scheduler.daily_budget_usd
    return Rules(
        running_longer=chosen.running_longer_seconds,
        running_times=None if chosen.running_longer_seconds == 0 else chosen.running_longer_times,
        lock_lost=chosen.lock_lost_seconds or None,
        waiting_longer=scheduler.max_wait_seconds or None,
        backlog=chosen.backlog or None,
        silent=chosen.monitor_silent_seconds,
        outbox_lag=chosen.outbox_lag_seconds,
        budget_warning=chosen.budget_warning,
        budget=microdollars(budget) if budget is not None else None,
        standing=chosen.standing_seconds,
    )


def sinks(settings: Settings) -> list[MetricSink]:
    """Where a monitor's figures go, the Prometheus port opened. Raises SettingsError."""
    chosen, store, found = settings.metrics, settings.store, list[MetricSink]()
    if chosen.cloudwatch:
        from wsmon.adapters.cloudwatch import CloudWatchSink

        found.append(
            CloudWatchSink(
                chosen.namespace,
                region=chosen.region or store.region,
                profile=chosen.profile or store.profile,
                endpoint_url=chosen.endpoint_url,
            )
        )
    if chosen.prometheus_port is not None:
        from wsmon.adapters.prometheus import PrometheusSink, serve

        sink = PrometheusSink()
        try:
            serve(sink, chosen.prometheus_host, chosen.prometheus_port)
        except OSError as error:
            where = f"{chosen.prometheus_host}:{chosen.prometheus_port}"
            raise SettingsError(f"metrics.prometheus_port: {where} cannot be opened ({error.strerror})") from None
        found.append(sink)
    return found


def plans(channels: Mapping[str, ChannelSettings]) -> list[ChannelPlan]:
    """Every channel with what it wants."""
    return [plan(name, chosen) for name, chosen in channels.items()]


def plan(name: str, chosen: ChannelSettings) -> ChannelPlan:
    """One channel with what it wants."""
    route = Route(
        event_types=tuple(chosen.event_types),
        states=tuple(chosen.states),
        priorities=tuple(chosen.priorities),
        worksets=tuple(chosen.worksets),
        clusters=tuple(chosen.clusters),
        min_severity=Severity(chosen.min_severity),
    )
    return ChannelPlan(channel(name, chosen), route, chosen.max_per_minute)


def channel(name: str, chosen: ChannelSettings) -> Channel:
    """The adapter of a channel; what it needs is loaded at its first message. Raises MissingExtra."""
    made: Callable[[str, Any], Channel] = _MAKERS[chosen.type]
    return made(name, chosen)


def _webhook(name: str, chosen: Any) -> Channel:
    from wsmon.adapters.webhook import WebhookChannel

    secret = chosen.secret.get_secret_value() if chosen.secret is not None else None
    return WebhookChannel(name, chosen.url.get_secret_value(), secret)


def _slack(name: str, chosen: Any) -> Channel:
    from wsmon.adapters.slack import SlackChannel

    return SlackChannel(name, chosen.url.get_secret_value())


def _sns(name: str, chosen: Any) -> Channel:
    from wsmon.adapters.sns import SnsChannel

    return SnsChannel(
        name, chosen.topic_arn, region=chosen.region, profile=chosen.profile, endpoint_url=chosen.endpoint_url
    )


def _linear(name: str, chosen: Any) -> Channel:
    from wsmon.adapters.linear import LinearChannel

    return LinearChannel(
        name,
        chosen.api_key.get_secret_value(),
        chosen.team_id,
        project_id=chosen.project_id,
        done_state_id=chosen.done_state_id,
        open_state_id=chosen.open_state_id,
        url=chosen.url,
    )


def _pagerduty(name: str, chosen: Any) -> Channel:
    from wsmon.adapters.pagerduty import PagerDutyChannel

    return PagerDutyChannel(name, chosen.routing_key.get_secret_value(), chosen.url)


def _apprise(name: str, chosen: Any) -> Channel:
    from wsmon.adapters.apprise_ import AppriseChannel

    return AppriseChannel(name, chosen.url.get_secret_value())


_MAKERS: dict[str, Callable[[str, Any], Channel]] = {
    "webhook": _webhook,
    "slack": _slack,
    "sns": _sns,
    "linear": _linear,
    "pagerduty": _pagerduty,
    "apprise": _apprise,
}
