"""Settings: frozen models, a file a subject, a sentence each; read once and handed in."""

from wsmon.domain.sources import FILE_NAME, PREFIX
from wsmon.settings.alerts import AlertSettings, MetricsSettings, RuleSettings
from wsmon.settings.channels import CHANNEL_TYPES, ChannelSettings, WebhookSettings
from wsmon.settings.faces import ApiSettings, TuiSettings, WebSettings
from wsmon.settings.loading import Loaded, load_settings
from wsmon.settings.model import TABLES, Settings
from wsmon.settings.monitor import MonitorSettings, RetrySettings, StepsSettings
from wsmon.settings.pool import (
    CatalogSettings,
    ClusterSettings,
    CreationSettings,
    KindSettings,
    ParallelClusterSettings,
    PoolSettings,
    SchedulerSettings,
)
from wsmon.settings.store import StoreSettings

__all__ = [
    "CHANNEL_TYPES",
    "FILE_NAME",
    "PREFIX",
    "TABLES",
    "AlertSettings",
    "ApiSettings",
    "CatalogSettings",
    "ChannelSettings",
    "ClusterSettings",
    "CreationSettings",
    "KindSettings",
    "Loaded",
    "MetricsSettings",
    "MonitorSettings",
    "ParallelClusterSettings",
    "PoolSettings",
    "RetrySettings",
    "RuleSettings",
    "SchedulerSettings",
    "Settings",
    "StepsSettings",
    "StoreSettings",
    "TuiSettings",
    "WebSettings",
    "WebhookSettings",
    "load_settings",
]
