"""The settings of alerts and metrics."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from wsmon.settings.section import HUGE, LONGEST, YEAR, Section


class RuleSettings(Section):
    """One rule of alerts."""

    enabled: bool = Field(True, description="Whether it is one.")
    severity: Literal["info", "warning", "critical"] | None = Field(
        None, description="How much it matters; by default as the condition asks for."
    )


class AlertSettings(Section):
    """Which conditions are alerts, and how they are gathered into messages."""

    group_wait_seconds: float = Field(30.0, ge=0, le=LONGEST, description="From a group's first notice to its message.")
    group_interval_seconds: float | None = Field(
        None,
        ge=0,
        le=LONGEST,
        description="Between two messages of one group; by default ten times group_wait_seconds.",
    )
    repeat_interval_seconds: float = Field(
        14_400.0, gt=0, le=LONGEST, description="Until a condition that holds is told again."
    )
    group_by: list[str] = Field(
        ["event_type", "state", "category"], description="What notices of one group have in common."
    )

    running_longer_times: float = Field(
        2.0,
        ge=1,
        le=1000,
        description="A run that takes so many times its expected length is told of: what its workset says "
        "(expected_hours, duration_minutes ...), else the median of the last runs.",
    )
    running_longer_seconds: float | None = Field(
        None,
        ge=0,
        le=YEAR,
        description="A limit instead of the median, for runs of which no length was said; 0: no run is ever told of.",
    )
    lock_lost_seconds: float = Field(
        900.0, ge=0, le=YEAR, description="How long the alert stands that a holder lost its lock; 0: none."
    )
    backlog: int = Field(1000, ge=0, le=HUGE, description="More ready worksets are a backlog; 0: never.")
    monitor_silent_seconds: float = Field(
        300.0, gt=0, le=LONGEST, description="A monitor without a heartbeat so long is told of."
    )
    standing_seconds: float = Field(
        60.0,
        ge=0,
        le=LONGEST,
        description="How long a lock is dead, a run unattended, a cluster or a channel unwell before it counts.",
    )

    outbox_lag_seconds: float = Field(
        900.0, gt=0, le=YEAR, description="An event that waits longer for a channel is an alert."
    )
    budget_warning: float = Field(0.8, gt=0, le=1, description="The part of the day's dollars that is told of.")
    rules: dict[str, RuleSettings] = Field(
        default_factory=dict,
        description="What is said of each rule, a table each: [alerts.rules.NAME]. Read by monitors and by screens alike.",
    )

    @field_validator("rules")
    @classmethod
    def _rules(cls, value: dict[str, RuleSettings]) -> dict[str, RuleSettings]:
        if value:
            from wsmon.domain.ruling import RULES  # only where somebody sets one

            unknown = sorted(set(value) - set(RULES))
            if unknown:
                raise ValueError(f"{', '.join(unknown)[:200]}: no such rule; known are {', '.join(RULES)}")
        return value

    @field_validator("group_by")
    @classmethod
    def _fields(cls, value: list[str]) -> list[str]:
        from wsmon.domain.grouping import GROUP_FIELDS  # only where somebody sets it

        unknown = sorted(set(value) - set(GROUP_FIELDS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} cannot be grouped by; known are {', '.join(GROUP_FIELDS)}")
        return value


class MetricsSettings(Section):
    """Figures for CloudWatch and Prometheus."""

    cloudwatch: bool = Field(False, description="Whether a monitor sends them to CloudWatch once a minute.")
    namespace: str = Field("Daylily/WorksetMonitor", min_length=1, description="CloudWatch's namespace.")
    region: str | None = Field(None, description="The AWS region; by default the store's.")
    profile: str | None = Field(None, description="The AWS profile; by default the store's.")
    endpoint_url: str | None = Field(None, description="Another endpoint that speaks CloudWatch.")
    prometheus_port: int | None = Field(
        None, ge=1, le=65535, description="The port on which a monitor serves /metrics; without it, none."
    )
    prometheus_host: str = Field("127.0.0.1", description="The address of that port.")
    period_seconds: float = Field(60.0, gt=0, le=LONGEST, description="How often figures are reported.")
