"""All settings as one value."""

from __future__ import annotations

from pydantic import Field

from wsmon.settings.alerts import AlertSettings, MetricsSettings
from wsmon.settings.channels import Channels
from wsmon.settings.faces import ApiSettings, TuiSettings, WebSettings
from wsmon.settings.monitor import MonitorSettings, RetrySettings, StepsSettings
from wsmon.settings.pool import (
    CatalogSettings,
    ClusterSettings,
    CreationSettings,
    ParallelClusterSettings,
    PoolSettings,
    SchedulerSettings,
)
from wsmon.settings.section import Section
from wsmon.settings.store import StoreSettings

TABLES = frozenset({"channels", "clusters", "keys"})
"""Sections whose names are free: a table for each, or, of keys, a text."""


class Settings(Section):
    """All settings; frozen, handed in, read from nowhere later."""

    store: StoreSettings = Field(default_factory=StoreSettings, description="Where the state lies.")
    monitor: MonitorSettings = Field(default_factory=MonitorSettings, description="How a monitor works.")
    retry: RetrySettings = Field(default_factory=RetrySettings, description="When failures are retried.")
    pool: PoolSettings = Field(default_factory=PoolSettings, description="This machine as a pool.")
    clusters: dict[str, ClusterSettings] = Field(
        default_factory=dict, description="Clusters reached over SSH, a table each: [clusters.NAME]."
    )
    parallelcluster: ParallelClusterSettings = Field(
        default_factory=ParallelClusterSettings, description="Clusters of AWS ParallelCluster."
    )
    creation: CreationSettings = Field(
        default_factory=CreationSettings, description="Clusters that are made when work waits for one."
    )
    steps: StepsSettings = Field(default_factory=StepsSettings, description="A run in steps.")
    catalog: CatalogSettings = Field(default_factory=CatalogSettings, description="Where worksets are dropped.")
    scheduler: SchedulerSettings = Field(default_factory=SchedulerSettings, description="Order and budget.")
    tui: TuiSettings = Field(default_factory=TuiSettings, description="The terminal UI.")
    keys: dict[str, str] = Field(
        default_factory=dict, description="Keys of one's own for the terminal UI: an action's name = its keys."
    )
    api: ApiSettings = Field(default_factory=ApiSettings, description="The REST service.")
    web: WebSettings = Field(default_factory=WebSettings, description="The terminal UI in a browser.")
    alerts: AlertSettings = Field(
        default_factory=AlertSettings,
        description="Which conditions are alerts, and how notices become messages, in Alertmanager's words.",
    )
    metrics: MetricsSettings = Field(default_factory=MetricsSettings, description="Figures and where they go.")
    channels: Channels = Field(default_factory=dict, description="Who is told, a table each: [channels.NAME].")
