"""The settings of the pool and of the scheduler."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from wsmon.domain.needs import microdollars
from wsmon.domain.scheduling import Policy


class PoolSection(BaseModel):
    """A section that is read once and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SchedulerSettings(PoolSection):
    """In which order worksets start, and what a day may cost."""

    max_wait_seconds: float = Field(
        86_400.0,
        ge=0,
        le=31_536_000,
        description="After so long a waiting workset rises one tier, and again; 0: never.",
    )
    cost_order: bool = Field(False, description="Within a tier the cheapest first, by estimated cost; else the oldest.")
    daily_budget_usd: float | None = Field(
        None,
        gt=0,
        le=1e9,
        description="What a UTC day may cost by estimates and results; beyond it only urgent ones start.",
    )
    silent_seconds: float = Field(
        300.0, gt=0, le=2_592_000, description="A cluster that nobody has reported for so long is given nothing."
    )
    refusal_seconds: float = Field(
        1800.0, ge=0, le=2_592_000, description="How long a cluster that could not grow ranks behind the others."
    )

    def policy(self) -> Policy:
        """What the scheduler is told."""
        return Policy(
            max_wait=self.max_wait_seconds or None,
            cost_order=self.cost_order,
            budget=None if self.daily_budget_usd is None else microdollars(self.daily_budget_usd),
            silent_after=self.silent_seconds,
            refusal_seconds=self.refusal_seconds,
        )


class CatalogSettings(PoolSection):
    """A bucket where workset folders are dropped."""

    bucket: str | None = Field(None, description="The bucket; without one nothing is watched.")
    prefix: str = Field("", description="The folder in it that holds the workset folders.")
    poll_seconds: float = Field(60.0, gt=0, description="How often it is listed.")
    mirror_sentinels: bool = Field(
        False, description="Write daylily.* sentinels back on each transition, for tools that still read them."
    )
    validate_before_run: bool = Field(
        True, description="Look into a workset's folder, and for what it refers to, before its run starts."
    )
    endpoint_url: str | None = Field(None, description="Another endpoint that speaks S3.")
