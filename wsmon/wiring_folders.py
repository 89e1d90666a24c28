"""Settings of the catalog turned into what looks into workset folders, beside a monitor and for whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wsmon.domain.errors import OutsideError
from wsmon.domain.workset import Workset
from wsmon.ports import Clock, Inspector, Log

if TYPE_CHECKING:
    from wsmon.adapters.s3 import Bucket
    from wsmon.domain.spec import Facts
    from wsmon.engine import Engine
    from wsmon.services.companion import Companion
    from wsmon.services.config import MonitorConfig
    from wsmon.services.runs import Problems
    from wsmon.settings import Settings

DUTY_SECONDS, ASK_AGAIN_SECONDS = 60.0, 60.0


def bucket(settings: Settings, *, hurried: bool = False) -> Bucket:
    """The client for buckets, as set; a `hurried` one gives up soon."""
    from wsmon.adapters.s3 import Bucket  # boto3 loads where it is needed

    chosen, endpoint = settings.store, settings.catalog.endpoint_url
    return Bucket(region=chosen.region, profile=chosen.profile, endpoint_url=endpoint, hurried=hurried)


def inspector(name: str, client: Callable[[], Bucket]) -> Inspector:
    """What looks into the folders of a bucket, or of this machine."""
    from wsmon.adapters.folder import BUCKET, FolderInspector

    if name == BUCKET:
        return FolderInspector()
    from wsmon.adapters.s3 import S3Inspector

    return S3Inspector(client())


class Rereader:
    """What worksets' folders say now; where a bucket cannot be asked, nothing, and it is left alone for a minute.

    Somebody waits for each answer, and may have a hundred worksets to requeue.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._client: Bucket | None = None
        self._due = 0.0

    def _bucket(self) -> Bucket:
        if self._client is None:
            self._client = bucket(self._settings, hurried=True)
        return self._client

    def __call__(self, workset: Workset) -> Facts | None:
        """The facts of a workset's folder; None where there is none, or it cannot be asked from here."""
        if self._clock.monotonic() < self._due:
            return None
        try:
            return inspector(workset.bucket, self._bucket).inspect(workset.bucket, workset.prefix).facts
        except OutsideError:
            self._due = self._clock.monotonic() + ASK_AGAIN_SECONDS
            return None


def catalog(engine: Engine, log: Log, config: MonitorConfig) -> tuple[list[Companion], Problems | None]:
    """What works beside a monitor for the catalog, and what is asked of it before a run."""
    chosen = engine.settings.catalog
    if chosen.bucket is None:
        return [], None
    from wsmon.adapters.s3 import S3Catalog, S3Inspector
    from wsmon.adapters.s3_sentinels import S3Sentinels
    from wsmon.services.companion import Companion
    from wsmon.services.discovery import CatalogWatch, Discovery, Mirror
    from wsmon.services.duties import Duty
    from wsmon.services.elsewhere import elsewhere
    from wsmon.services.troubles import Trouble
    from wsmon.services.validating import validate

    name, client, clock = chosen.bucket, engine.bucket(), engine.clock
    store, here = engine.store, engine.commands.acting_as(config.name)
    unread, unwritten = (Trouble(store, clock, log, f"{what} {name}") for what in ("bucket", "sentinels of bucket"))
    found = Discovery(S3Catalog(client, name, chosen.prefix), here, log, unread)
    sentinels = S3Sentinels(client) if chosen.mirror_sentinels else None
    mirror = Mirror(sentinels, store, clock, log, name, unwritten) if sentinels is not None else None
    seconds = max(DUTY_SECONDS, config.lease_seconds)
    duty = Duty(engine.store, clock, f"catalog/{name}", config.name, seconds=seconds, skew=config.skew_seconds)
    watch = CatalogWatch(found, mirror, duty, clock, seconds=chosen.poll_seconds, look=config.poll_seconds)
    looks = S3Inspector(client)

    def problems(workset: Workset) -> tuple[str, ...]:
        if workset.bucket != name:
            return ()
        other = elsewhere(sentinels, engine.store, workset) if sentinels is not None else None
        if other is not None and other.working:
            raise OutsideError(other.why)
        if other is not None:
            return (other.why,)
        return validate(workset, looks).problems if chosen.validate_before_run else ()

    companion = Companion("catalog", watch.step, watch.close, clock, log)
    return [companion], problems if chosen.validate_before_run or chosen.mirror_sentinels else None
