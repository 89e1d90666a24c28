"""The shared store."""

from wsmon.adapters.dynamo.store import DynamoStore

__all__ = ["DynamoStore"]
