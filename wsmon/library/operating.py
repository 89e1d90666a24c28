"""The library's registrations, and what an operator says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wsmon.domain.spec import WorksetSpec, parse_priority
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import Workset
from wsmon.library.base import Base, unless_refused
from wsmon.library.records import Refusal


class Operating(Base):
    """Each says True, or a falsy Refusal that tells why nothing was changed."""

    def create_table_if_not_exists(self) -> None:
        """Make the table and its indexes where they are missing; safe to call again."""
        self.commands.store.init()

    def register_workset(
        self,
        workset_id: str,
        bucket: str,
        prefix: str,
        priority: WorksetPriority | str = WorksetPriority.NORMAL,
        metadata: Mapping[str, Any] | None = None,
        customer_id: str | None = None,
        requirements: Mapping[str, Any] | None = None,
    ) -> bool | Refusal:
        """Register a workset; a second time for the same id changes nothing. `customer_id` goes into the metadata."""
        about = {**(metadata or {}), **({"customer_id": customer_id} if customer_id else {})}
        spec = WorksetSpec(workset_id, bucket, prefix, parse_priority(priority), about, requirements or {})
        return _done(lambda: self.commands.register(spec))

    def reset_for_retry(self, workset_id: str) -> bool | Refusal:
        """Make a retrying workset ready now; the attempts it has used stay used."""
        return _done(lambda: self.commands.retry_now(workset_id, reason="reset for a retry"))

    def set_cluster_affinity(
        self, workset_id: str, cluster_name: str, affinity_reason: str = "manual"
    ) -> bool | Refusal:
        """Tie a workset to a cluster."""
        return _done(lambda: self.commands.set_affinity(workset_id, cluster_name, reason=affinity_reason))

    def archive_workset(
        self, workset_id: str, archived_by: str = "system", archive_reason: str | None = None
    ) -> bool | Refusal:
        """Put a finished workset away."""
        said = self.commands.acting_as(archived_by)
        return _done(lambda: said.archive(workset_id, reason=archive_reason))

    def restore_workset(self, workset_id: str, restored_by: str = "system") -> bool | Refusal:
        """Bring an archived workset back to the state it had."""
        said = self.commands.acting_as(restored_by)
        return _done(lambda: said.restore(workset_id))

    def delete_workset(
        self,
        workset_id: str,
        deleted_by: str = "system",
        delete_reason: str | None = None,
        hard_delete: bool = False,
    ) -> bool | Refusal:
        """Mark a workset deleted; `hard_delete` takes it away for good, its history stays."""
        said = self.commands.acting_as(deleted_by)

        def delete() -> Workset | None:
            workset = said.get(workset_id)
            if workset.state is not WorksetState.DELETED:
                workset = said.delete(workset_id, reason=delete_reason)
            if hard_delete:
                said.purge(workset_id, reason=delete_reason)
            return workset

        return _done(delete)


def _done(work: Callable[[], object]) -> bool | Refusal:
    answer = unless_refused(work)
    return answer if isinstance(answer, Refusal) else True
