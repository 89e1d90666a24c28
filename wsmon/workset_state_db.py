"""The state database as the predecessor's callers know it, on the engine that every face shares."""

from __future__ import annotations

from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState
from wsmon.engine import Engine, open_engine
from wsmon.library.holding import Holding
from wsmon.library.operating import Operating
from wsmon.library.reading import Reading
from wsmon.services.locking import Locks
from wsmon.settings import Settings, StoreSettings

__all__ = ["ErrorCategory", "WorksetPriority", "WorksetState", "WorksetStateDB"]


class WorksetStateDB(Reading, Holding, Operating):
    """Worksets in a DynamoDB table, or, as `sqlite:PATH` for a table name, in a SQLite file.

    Where the predecessor answered True or False, so does this, and what is false says why. What
    cannot be used raises InvalidInput, a store that is away StoreUnreachable.
    """

    def __init__(
        self,
        table_name: str,
        region: str | None = None,
        profile: str | None = None,
        lock_timeout_seconds: float = 3600,
        endpoint_url: str | None = None,
        *,
        engine: Engine | None = None,
    ) -> None:
        """`engine` is one that is open already; it is used instead of a table's."""
        if engine is None:
            url = table_name if table_name.startswith("sqlite:") else f"dynamodb:{table_name}"
            store = StoreSettings(url=url, region=region, profile=profile, endpoint_url=endpoint_url)
            engine = open_engine(Settings(store=store))
        self.table_name, self.engine = table_name, engine
        self._begin(engine.commands, Locks(engine.clock, skew=engine.skew_seconds), lock_timeout_seconds)

    def close(self) -> None:
        """Give back files and connections."""
        self.engine.close()
