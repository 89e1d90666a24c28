"""What a run is: its argument list, its environment, and what it is measured by at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsmon.domain.errors import InvalidInput
from wsmon.domain.steps import script
from wsmon.domain.template import fill, render
from wsmon.domain.workset import RunRecord, Workset
from wsmon.ports import RunStatus
from wsmon.services.config import MonitorConfig


def argv_of(config: MonitorConfig, workset: Workset, token: int, folder: str) -> tuple[list[str], str]:
    """What is run, and where its pipeline tells of its end. Raises InvalidInput."""
    pipeline = config.pipeline_folder and fill(config.pipeline_folder, workset, run_token=token, run_folder=folder)
    if not config.steps or (config.allow_metadata_command and workset.metadata.get("command") is not None):
        return render(_template(config, workset), workset, run_token=token, run_folder=folder), pipeline
    steps = {
        name: render(template, workset, run_token=token, run_folder=folder) for name, template in config.steps.items()
    }
    workdir = config.workdir and fill(config.workdir, workset, run_token=token, run_folder=folder)
    return [*script(steps, workdir=workdir, pipeline=pipeline), folder], pipeline


def _template(config: MonitorConfig, workset: Workset) -> tuple[str, ...]:
    own = workset.metadata.get("command")
    if own is None or not config.allow_metadata_command:
        if not config.command:
            raise InvalidInput("no command is set; give one as [monitor] command in the settings")
        return config.command
    if not isinstance(own, list) or not own or not all(isinstance(part, str) for part in own):
        raise InvalidInput("metadata.command must be a list of texts that is not empty")
    # A workset's own command is taken as it is: its braces are not placeholders.
    return tuple(part.replace("{", "{{").replace("}", "}}") for part in own)


def environment(config: MonitorConfig, workset: Workset, run: RunRecord) -> Mapping[str, str]:
    """What a run finds in its environment."""
    return {
        **config.env,
        "WSMON_WORKSET_ID": workset.workset_id,
        "WSMON_ATTEMPT": str(workset.attempt),
        "WSMON_FENCING_TOKEN": str(run.run_token),
        "WSMON_BUCKET": workset.bucket,
        "WSMON_PREFIX": workset.prefix,
        "WSMON_PRIORITY": workset.priority.value,
        "WSMON_RUN_FOLDER": run.folder,
    }


def metrics_of(workset: Workset, status: RunStatus) -> dict[str, Any]:
    """What is known of a run that ended: duration, exit code, cost by its claim, and what it told itself."""
    known: dict[str, Any] = {"duration_seconds": round(status.seconds or 0.0, 3)}
    if status.exit_code is not None:
        known["exit_code"] = status.exit_code
    cost = workset.taken.cost_usd(status.seconds) if workset.taken and status.seconds is not None else None
    if cost is not None:
        known["cost_usd"] = cost
    return {**status.metrics, **known}
