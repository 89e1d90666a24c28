"""The settings of a monitor and of the runs it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from wsmon.domain.errors import SettingsError
from wsmon.domain.outcome import EXIT_CATEGORIES
from wsmon.domain.states import ErrorCategory
from wsmon.domain.template import check_template
from wsmon.settings.section import LONGEST, MANY, YEAR, Section, expanded


class MonitorSettings(Section):
    """How a monitor works."""

    command: list[str] = Field(
        [],
        description="The command of a run, an argument list with {placeholders}; an id may begin with -, so put -- before"
        " it where the command takes options.",
    )
    poll_seconds: float = Field(5.0, gt=0, le=LONGEST, description="How often the queue is looked at.")
    max_concurrent: int = Field(2, gt=0, le=MANY, description="How many runs one monitor attends at once.")
    owner_id: str | None = Field(None, description="The monitor's name; by default host and process id.")
    lease_seconds: float = Field(60.0, ge=0.2, le=LONGEST, description="How long a lock lives without a renewal.")
    renew_seconds: float = Field(
        20.0, gt=0, le=LONGEST, description="How often a lock is renewed; at most half of lease_seconds."
    )
    skew_seconds: float = Field(
        60.0, ge=0, le=LONGEST, description="How far the clocks of different machines may differ."
    )
    timeout_seconds: float | None = Field(
        None, gt=0, le=YEAR, description="How long a run may last; without it, for ever."
    )
    stop_grace_seconds: float = Field(10.0, ge=0, le=LONGEST, description="How long a run has between TERM and KILL.")
    on_stop: Literal["leave", "wait"] = Field(
        "leave", description="At a clean stop: leave runs for another monitor to adopt, or wait for them."
    )
    allow_metadata_command: bool = Field(False, description="Whether a workset's metadata.command is run instead.")
    exit_categories: dict[int, ErrorCategory] = Field(
        default_factory=lambda: dict(EXIT_CATEGORIES), description="The failure category of each exit code."
    )
    run_root: Path | None = Field(
        None, description="Where run folders lie; a network disk is refused. By default beside the store."
    )
    log_format: Literal["text", "json"] = Field("text", description="How the monitor writes its log.")

    @field_validator("run_root")
    @classmethod
    def _home(cls, value: Path | None) -> Path | None:
        return None if value is None else expanded(value)

    @field_validator("command")
    @classmethod
    def _template(cls, value: list[str]) -> list[str]:
        try:
            return list(check_template(value)) if value else value
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _room_for_a_late_renewal(self) -> Self:
        if self.lease_seconds < 2 * self.renew_seconds:
            raise ValueError(
                f"lease_seconds ({self.lease_seconds:g}) must be at least twice renew_seconds ({self.renew_seconds:g})"
            )
        return self


class RetrySettings(Section):
    """When a failed workset is tried again."""

    max_attempts: int = Field(3, gt=0, le=MANY, description="How many attempts a workset has.")
    base_seconds: float = Field(
        30.0, ge=0, le=YEAR, description="The wait after the first failure; it doubles each time."
    )
    cap_seconds: float = Field(3600.0, ge=0, le=YEAR, description="The longest wait.")
    max_expiries: int = Field(3, gt=0, le=MANY, description="How many dead locks without a start count as one attempt.")


class StepsSettings(Section):
    """A run in steps, each an argument list with {placeholders}; without any the one [monitor] command."""

    stage: list[str] = Field([], description="Bring the samples to the cluster.")
    clone: list[str] = Field([], description="Make the pipeline's working tree.")
    run: list[str] = Field([], description="Run the pipeline.")
    export: list[str] = Field([], description="Bring the results home.")
    workdir: str = Field("", description="Where the steps work; empty: the run's own folder.")
    pipeline_folder: str = Field(
        "", description="Where the pipeline leaves daylily.successful_run or daylily.failed_run, if it does."
    )

    @field_validator("stage", "clone", "run", "export", "workdir", "pipeline_folder")
    @classmethod
    def _template(cls, value: list[str] | str) -> list[str] | str:
        try:
            if value:
                check_template([value] if isinstance(value, str) else value)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return value

    def commands(self) -> dict[str, tuple[str, ...]]:
        """The steps that are set, in their order."""
        steps = {"stage": self.stage, "clone": self.clone, "run": self.run, "export": self.export}
        return {name: tuple(argv) for name, argv in steps.items() if argv}
