"""Clusters, monitors and alerts as JSON documents."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

from wsmon.adapters.codec import cluster_document, cluster_from, life_from
from wsmon.adapters.sqlite.connection import Connections
from wsmon.adapters.sqlite.documents import documents, write_document
from wsmon.adapters.sqlite.duties import read_duty
from wsmon.adapters.sqlite.writing import apply_life, read_life, read_spend
from wsmon.domain.errors import StaleWrite
from wsmon.domain.lives import Life, LifeChange
from wsmon.domain.pool import ClusterRecord, Held
from wsmon.ports import MonitorRecord, TokenRecord


class Facts:
    """The store's part that is not about worksets."""

    _connections: Connections

    def put_cluster(self, cluster: ClusterRecord) -> None:
        """Create or update a cluster's facts."""
        self._put("cluster", cluster.name, cluster_document(cluster))

    def clusters(self, *, consistent: bool = True) -> list[ClusterRecord]:
        """The pool by name, with its claims."""

        def read(connection: sqlite3.Connection) -> list[ClusterRecord]:
            claims: dict[str, dict[str, Held]] = {}
            for cluster, workset_id, *held in connection.execute(
                "SELECT cluster, workset_id, token, vcpus, memory_mib, until FROM claims"
            ):
                claims.setdefault(cluster, {})[workset_id] = Held(*held)
            lives = {document["name"]: life_from(document) for document in documents(connection, "life")}
            facts = {document["name"]: document for document in documents(connection, "cluster")}
            found = [
                cluster_from(facts.get(name), claims.get(name, {}), lives.get(name)) for name in sorted(facts | lives)
            ]
            return [cluster for cluster in found if cluster is not None]

        return self._connections.run(read)

    def life(self, cluster: str) -> Life:
        """What was decided about a cluster."""
        return self._connections.run(lambda connection: read_life(connection, cluster))

    def lives(self) -> list[Life]:
        """What was decided about every cluster."""
        return self._connections.run(lambda connection: [life_from(d) for d in documents(connection, "life")])

    def commit_life(self, change: LifeChange) -> None:
        """Write a life and its event. Raises StaleWrite, InUse."""

        def write(connection: sqlite3.Connection) -> None:
            duty = change.under
            if duty is not None and read_duty(connection, duty.workset_id) != duty:
                raise StaleWrite(change.workset_id, None)
            apply_life(connection, change)

        self._connections.transact(write)

    def forget_cluster(self, cluster: str) -> None:
        """Forget its facts and its life; its events stay."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM facts WHERE kind IN ('cluster', 'life') AND name = ?", (cluster,))

        self._connections.transact(write)

    def spent(self, day: str) -> int:
        """Microdollars booked on a UTC day."""
        return self._connections.run(lambda connection: read_spend(connection, day))

    def put_monitor(self, monitor: MonitorRecord) -> None:
        """Record a heartbeat."""
        self._put("monitor", monitor.name, asdict(monitor))

    def remove_monitor(self, name: str) -> None:
        """A monitor is no longer expected."""
        self._remove("monitor", name)

    def monitors(self, *, consistent: bool = True) -> list[MonitorRecord]:
        """All monitors by name."""
        return self._connections.run(lambda c: [MonitorRecord(**d) for d in documents(c, "monitor")])

    def put_token(self, token: TokenRecord) -> None:
        """Keep a token."""
        self._put("token", token.token_id, asdict(token))

    def remove_token(self, token_id: str) -> None:
        """Forget a token."""
        self._remove("token", token_id)

    def tokens(self) -> list[TokenRecord]:
        """All tokens by name."""
        found = self._connections.run(lambda c: [TokenRecord(**d) for d in documents(c, "token")])
        return sorted(found, key=lambda token: (token.name, token.token_id))

    def _put(self, kind: str, name: str, document: dict[str, object]) -> None:
        self._connections.transact(lambda connection: write_document(connection, kind, name, document))

    def _remove(self, kind: str, name: str) -> None:
        self._connections.transact(
            lambda connection: connection.execute("DELETE FROM facts WHERE kind = ? AND name = ?", (kind, name))
        )
