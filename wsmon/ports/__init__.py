"""What the services need from the world, as protocols. Adapters provide them; nothing here imports one."""

from wsmon.domain.alerts import AlertRecord  # the faces read these two from here
from wsmon.domain.pool import ClusterRecord
from wsmon.ports.catalog import Catalog, CatalogEntry, Inspected, Inspector, Sentinels
from wsmon.ports.channels import Channel, Courier, Sent
from wsmon.ports.clock import Clock, Joinable, StartBeside
from wsmon.ports.clusters import ClusterSource
from wsmon.ports.records import FeedPage, MonitorRecord, OutboxPage, RowPage, StoreInfo, TokenRecord
from wsmon.ports.runner import CommandRunner, Place, RunRequest, RunState, RunStatus
from wsmon.ports.store import AlertStore, EventStore, OutboxStore, PoolStore, StateStore, TokenStore, WorksetStore
from wsmon.ports.telling import Log, MetricSink

__all__ = [
    "AlertRecord",
    "AlertStore",
    "Catalog",
    "CatalogEntry",
    "Channel",
    "Clock",
    "ClusterRecord",
    "ClusterSource",
    "CommandRunner",
    "Courier",
    "EventStore",
    "FeedPage",
    "Inspected",
    "Inspector",
    "Joinable",
    "Log",
    "MetricSink",
    "MonitorRecord",
    "OutboxPage",
    "OutboxStore",
    "Place",
    "PoolStore",
    "RowPage",
    "RunRequest",
    "RunState",
    "RunStatus",
    "Sent",
    "Sentinels",
    "StartBeside",
    "StateStore",
    "StoreInfo",
    "TokenRecord",
    "TokenStore",
    "WorksetStore",
]
