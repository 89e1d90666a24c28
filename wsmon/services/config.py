"""What a monitor is told at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wsmon.domain.errors import SettingsError
from wsmon.domain.outcome import EXIT_CATEGORIES
from wsmon.domain.spec import check_name
from wsmon.domain.states import ErrorCategory
from wsmon.domain.template import check_template


@dataclass(frozen=True, slots=True)
class MonitorConfig:
    """How one monitor works; seconds throughout. Raises SettingsError where it cannot be."""

    name: str
    cluster: str
    slots: int
    command: tuple[str, ...] = ()
    poll_seconds: float = 5.0
    look_seconds: float = 0.2
    """How often the runs are looked at between two polls."""
    max_concurrent: int = 2
    lease_seconds: float = 60.0
    renew_seconds: float = 20.0
    skew_seconds: float = 60.0
    timeout_seconds: float | None = None
    stop_grace_seconds: float = 10.0
    on_stop: Literal["leave", "wait"] = "leave"
    allow_metadata_command: bool = False
    exit_categories: Mapping[int, ErrorCategory] = field(default_factory=lambda: EXIT_CATEGORIES)
    env: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """A command for each step of domain.steps.STEPS that a run has; empty: the one `command`."""
    workdir: str = ""
    """Where the steps work, a template; empty: the run's own folder."""
    pipeline_folder: str = ""
    """Where the pipeline leaves daylily.successful_run or daylily.failed_run, a template."""

    def __post_init__(self) -> None:
        check_name("owner id", self.name)
        check_name("cluster", self.cluster)
        texts = [[text] for text in (self.workdir, self.pipeline_folder) if text]
        for template in [self.command, *self.steps.values(), *texts]:
            if template:
                check_template(template)
        if self.lease_seconds < 2 * self.renew_seconds:
            raise SettingsError(
                f"a lock of {self.lease_seconds:g} s renewed every {self.renew_seconds:g} s dies of one late renewal;"
                " lease_seconds must be at least twice renew_seconds"
            )
        for what in ("poll_seconds", "look_seconds", "max_concurrent", "slots", "renew_seconds"):
            if getattr(self, what) <= 0:
                raise SettingsError(f"{what} is {getattr(self, what):g}; it must be greater than 0")
