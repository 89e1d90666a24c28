"""The StateStore port on one DynamoDB table."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from wsmon.adapters import codec
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import schema, writing
from wsmon.adapters.dynamo.alerts import Alerts
from wsmon.adapters.dynamo.client import Connection, condition_failed
from wsmon.adapters.dynamo.delivering import Delivering
from wsmon.adapters.dynamo.duties import Duties
from wsmon.adapters.dynamo.identity import Identity
from wsmon.adapters.dynamo.reading import lease_of
from wsmon.adapters.dynamo.registering import Registering
from wsmon.adapters.resolving import stands
from wsmon.domain.change import Change
from wsmon.domain.errors import NoCapacity, OverBudget, StaleWrite
from wsmon.domain.workset import Lease
from wsmon.ports import Clock, StoreInfo


class DynamoStore(Registering, Alerts, Delivering, Duties, Identity):
    """For many machines; every change is one transaction."""

    def __init__(
        self,
        table: str,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._connection = Connection(table, region, profile, endpoint_url)
        self._connection.diagnose = self.check
        self._clock = clock or SystemClock()
        self._claims_made = set()
        self.info = StoreInfo("dynamodb", table, region or "", endpoint_url or "", shared=True)

    def init(self) -> list[str]:
        """Make the table and its indexes where they are missing, and wait for them."""
        return schema.init(self._connection)

    def check(self) -> None:
        """Raises StoreUnusable unless the table is one of ours."""
        schema.check(self._connection)

    def clock_skew(self) -> float | None:
        """Seconds this machine's clock is ahead of the endpoint's; None where it does not tell."""
        return self._connection.clock_skew()

    def identity(self) -> str:
        """Who the credentials are."""
        return self._connection.identity()

    @property
    def usage(self) -> tuple[int, float]:
        """Calls made and capacity units consumed so far."""
        return self._connection.usage.calls, self._connection.usage.units

    # writing

    def commit(self, change: Change) -> None:
        """Write the change in one transaction. Raises StaleWrite, NoCapacity, OverBudget.

        A try whose reply was lost may have been applied: the event at the seq it would have
        written tells, read consistently.
        """
        claim = change.claim
        if claim is not None and claim.budget is not None and claim.takes.cost > claim.budget:
            raise OverBudget(claim.cluster, claim.takes.day)
        parts = writing.transaction(self._connection.table, change)
        writing.transact(
            self._connection, change.event.change_id, parts, lambda refused: self._refused(change, refused)
        )

    def _refused(self, change: Change, refused: writing.Failed) -> None:
        """Return where the change stands all the same; raise what stands in its way where not."""
        standing = refused.get(writing.WORKSET)
        if stands(change, standing["rev"] if standing else None, self._change_id_at):
            return None
        if refused and set(refused) <= {writing.SLOT, writing.SPEND}:
            return self._no_room(change, refused)
        current = codec.record_from(standing) if standing else None
        if writing.WORKSET not in refused:
            current = self.record(change.workset_id)
        lease = refused.get(writing.LEASE)
        found = lease_of(lease) if lease else self.lease(change.workset_id)
        raise StaleWrite(change.workset_id, current, found)

    def _no_room(self, change: Change, refused: writing.Failed) -> None:
        """Raise what the cluster or the budget lacks; go on where only the claims' item was missing."""
        claim = change.claim
        assert claim is not None, "only a claim has these conditions"
        if writing.SPEND in refused:
            raise OverBudget(claim.cluster, claim.takes.day)
        standing = refused[writing.SLOT]
        if standing is None and self._ensure_claims(claim.cluster):
            return self.commit(change)
        held = (standing or {}).get("held", {})
        closed = (standing or {}).get("closed")
        if closed and change.workset_id not in held:
            raise NoCapacity(claim.cluster, f"no room for anything new: {closed}")
        if len(held) >= claim.slots and change.workset_id not in held:
            raise NoCapacity(claim.cluster)
        raise NoCapacity(claim.cluster, "too few free vCPUs or too little free memory")

    def renew(self, lease: Lease) -> None:
        """Replace the lease if it stands as it was before this renewal. Raises StaleWrite."""
        condition = writing.lease_condition((lease.token, lease.renewal - 1))

        def work() -> None:
            try:
                self._connection.send(
                    "put_item",
                    TableName=self._connection.table,
                    Item=writing.lease_item(lease),
                    ReturnConsumedCapacity="TOTAL",
                    **condition,
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                item: Any = error.response.get("Item")
                stands = lease_of(ex.plain(item)) if item else self.lease(lease.workset_id)
                if stands != lease:
                    raise StaleWrite(lease.workset_id, None, stands) from None

        self._connection.call(work)

    def close(self) -> None:
        """Give back the connections."""
        self._connection.close()
