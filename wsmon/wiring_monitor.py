"""A monitor, from the settings: its config, and all that it works with."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsmon import __version__, wiring_folders, wiring_pool
from wsmon.services.config import MonitorConfig
from wsmon.services.monitor import Monitor

if TYPE_CHECKING:
    from wsmon.engine import Engine
    from wsmon.ports import Log

_AS_SET = (
    "poll_seconds",
    "max_concurrent",
    "lease_seconds",
    "renew_seconds",
    "skew_seconds",
    "timeout_seconds",
    "stop_grace_seconds",
    "on_stop",
    "allow_metadata_command",
    "exit_categories",
)
"""What a monitor's config takes from [monitor] under the same name."""


def monitor(engine: Engine, log: Log, changes: Mapping[str, Any]) -> Monitor:
    """As `Engine.monitor`. Raises SettingsError."""
    config = _config(engine, changes)
    watches, problems = wiring_folders.catalog(engine, log, config)
    runner, source, gone, away = wiring_pool.pool(engine, config)
    beside = engine.beside(log, config)
    return Monitor(
        engine.store,
        engine.clock,
        runner,
        source,
        config,
        policy=engine.commands.policy,
        log=log,
        scheduling=engine.settings.scheduler.policy(),
        companions=[
            *beside.parts,
            *watches,
            *wiring_pool.sources(engine, log, away),
            *wiring_pool.keeper(engine, log, config, gone=gone),
        ],
        lost=beside.lost,
        problems=problems,
        gone=gone,
        version=__version__,
        writable=engine.writable,
    )


def _config(engine: Engine, changes: Mapping[str, Any]) -> MonitorConfig:
    settings, host = engine.settings, socket.gethostname()
    chosen = settings.monitor
    fields: dict[str, Any] = {name: getattr(chosen, name) for name in _AS_SET}
    fields |= {
        "name": chosen.owner_id if chosen.owner_id is not None else f"{host}-{os.getpid()}",
        "command": tuple(chosen.command),
        "cluster": settings.pool.name if settings.pool.name is not None else host,
        "steps": settings.steps.commands(),
        "workdir": settings.steps.workdir,
        "pipeline_folder": settings.steps.pipeline_folder,
    }
    fields |= {name: value for name, value in changes.items() if value is not None}
    slots = settings.pool.slots or max(os.cpu_count() or 1, fields["max_concurrent"])
    return MonitorConfig(**{"slots": slots, **fields})
