"""The connection: one botocore client (boto3 would load its S3 transfers as well, a fifth of a short command), retries within a bound, and what goes wrong in wsmon's own words."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import botocore.session
import tenacity
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from wsmon.domain.errors import StoreError, StoreUnreachable, StoreUnusable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class NotDynamo(HTTPClientError):
    """Something else answered, such as a proxy that wants a login; botocore takes a success without a body for one."""


READ_PATIENCE_SECONDS = 8.0
WRITE_PATIENCE_SECONDS = 20.0
MAX_ATTEMPTS = 14
_CONFIG = Config(
    # Our own loop retries: it must know whether an earlier try may have been applied.
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=3,
    read_timeout=5,  # under the patience of a read, so that a reply which never comes is asked for once more
    max_pool_connections=64,
)
_PASSING = frozenset(
    [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
        "TransactionInProgressException",
        "TransactionConflictException",
        "LimitExceededException",
    ]
)
_EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired"})
_CONFLICTS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
HINTS = {
    "UnrecognizedClientException": "the credentials are not known there; check the profile",
    "InvalidSignatureException": "the credentials' secret is wrong, or this machine's clock is",
    "AccessDeniedException": "these credentials may not; check the IAM policy",
    "ResourceNotFoundException": "the table does not exist there; make it with `wsmon init`",
}


class Usage:
    """Calls made and units they consumed, as far as the endpoint tells."""

    def __init__(self) -> None:
        self.calls = 0
        self.units = 0.0

    def add(self, reply: Any) -> None:
        """Count one reply."""
        self.calls += 1
        consumed = reply.get("ConsumedCapacity") or []
        for part in consumed if isinstance(consumed, list) else [consumed]:
            self.units += part.get("CapacityUnits", 0.0)


class Connection:
    """Makes its client at the first call and anew after credentials expired."""

    def __init__(self, table: str, region: str | None, profile: str | None, endpoint_url: str | None) -> None:
        self.table = table
        self._region, self._profile, self._endpoint = region, profile, endpoint_url
        self._mutex = threading.Lock()
        self._client: DynamoDBClient | None = None
        self._session: botocore.session.Session | None = None
        self.usage = Usage()
        self.diagnose: Callable[[], None] = lambda: None
        """Raises what is wrong with the table; asked when it refuses a request as malformed."""
        self._diagnosing = False

    def client(self) -> DynamoDBClient:
        """The client. Raises StoreUnusable when settings or credentials do not make one."""
        with self._mutex:
            if self._client is None:
                try:
                    self._session = botocore.session.Session(profile=self._profile)
                    self._client = self._made("dynamodb")
                except (BotoCoreError, ValueError) as error:
                    raise self.explained(error) from None
            return self._client

    def _made(self, service: str) -> Any:
        assert self._session is not None
        return self._session.create_client(
            service, region_name=self._region, endpoint_url=self._endpoint, config=_CONFIG
        )

    @property
    def region(self) -> str:
        """The region in use, as far as it is known yet."""
        return self._region or (self._client.meta.region_name if self._client is not None else "")

    @property
    def endpoint(self) -> str:
        """The endpoint that was chosen, empty for AWS's own."""
        return self._endpoint or ""

    def read(self, operation: str, **parameters: Any) -> Any:
        """One reading call, again within the bound. Raises StoreUnreachable, StoreUnusable."""
        parameters.setdefault("ReturnConsumedCapacity", "TOTAL")
        return self.call(lambda: self._send(operation, parameters), READ_PATIENCE_SECONDS)

    def call(self, work: Callable[[], Any], patience: float = WRITE_PATIENCE_SECONDS) -> Any:
        """`work()` with full jitter between tries, within the bound. Raises StoreError."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_delay(patience) | tenacity.stop_after_attempt(MAX_ATTEMPTS),
            wait=tenacity.wait_random_exponential(multiplier=0.04, max=2),
            retry=tenacity.retry_if_exception(may_pass),
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    return work()
        except (ClientError, BotoCoreError) as error:
            raise self.explained(error) from None
        raise AssertionError("a retry loop either returns or raises")

    def send(self, operation: str, **parameters: Any) -> Any:
        """One call without a retry; botocore's errors come through."""
        return self._send(operation, parameters)

    def _send(self, operation: str, parameters: dict[str, Any]) -> Any:
        reply = getattr(self.client(), operation)(**parameters)
        if "RequestId" not in reply["ResponseMetadata"]:  # of the header that each reply of DynamoDB has
            raise NotDynamo(error=operation)
        self.usage.add(reply)
        return reply

    def explained(self, error: Exception) -> StoreError:
        """A botocore error as one of ours, saying what to do."""
        where = f"table {self.table!r}" + (f" at {self._endpoint}" if self._endpoint else "")
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            if code in _EXPIRED:
                with self._mutex:
                    self._client = None
                return StoreUnreachable(f"{where}: the credentials have expired; log in again (aws sso login)")
            if _malformed(error) and (other := self._diagnosed()) is not None:
                return other
            if may_pass(error):
                return StoreUnreachable(f"{where}: still {code or 'refused'} after several tries")
            return StoreUnusable(f"{where}: {HINTS.get(code) or f'{code}: {error}'}")
        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            return StoreUnusable(f"{where}: no AWS credentials; set AWS_PROFILE or run `aws configure`")
        if isinstance(error, NoRegionError):
            return StoreUnusable(f"{where}: no AWS region; give --region or set AWS_REGION")
        if isinstance(error, ProfileNotFound):
            return StoreUnusable(f"{where}: there is no AWS profile {self._profile!r}; `aws configure list-profiles`")
        if isinstance(error, NotDynamo):
            return StoreUnreachable(f"{where}: what answers there is not DynamoDB; check network and endpoint")
        if isinstance(error, BotoConnectionError | HTTPClientError):
            return StoreUnreachable(f"{where} does not answer ({type(error).__name__}); check network and endpoint")
        return StoreUnusable(f"{where}: {error}")

    def _diagnosed(self) -> StoreError | None:
        """Why the table takes none of our requests: usually it is not one of ours."""
        if self._diagnosing:
            return None
        self._diagnosing = True
        try:
            self.diagnose()
        except StoreError as error:
            return error
        finally:
            self._diagnosing = False
        return None

    def clock_skew(self) -> float | None:
        """Seconds this machine's clock is ahead of the endpoint's, by its Date header; None without one."""
        sent = time.time()
        reply = self.read("get_item", TableName=self.table, Key={"pk": {"S": "-"}, "sk": {"S": "-"}})
        header = reply["ResponseMetadata"]["HTTPHeaders"].get("date")
        return sent - email.utils.parsedate_to_datetime(header).timestamp() if header else None

    def identity(self) -> str:
        """Who these credentials are, by STS. Raises StoreError."""
        self.client()
        try:
            reply = self._made("sts").get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
            if code and self._elsewhere() and code not in HINTS and code not in _EXPIRED:
                raise StoreUnusable("this endpoint cannot say who is asking (it is no AWS STS)") from None
            raise self.explained(error) from None
        return str(reply["Arn"])

    def _elsewhere(self) -> bool:
        """Whether the endpoint was chosen, by setting or by AWS's variables, and is not AWS's own."""
        assert self._client is not None
        return "amazonaws.com" not in self._client.meta.endpoint_url

    def close(self) -> None:
        """Give back the connections."""
        with self._mutex:
            client, self._client = self._client, None
        if client is not None:
            client.close()


def reasons(error: ClientError) -> list[dict[str, Any]]:
    """Why a transaction was cancelled, one reason an item; empty for other errors."""
    found: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return found


def _malformed(error: ClientError) -> bool:
    """Whether the table cannot take such a request at all."""
    code = error.response.get("Error", {}).get("Code", "")
    return code == "ValidationException" or any(reason.get("Code") == "ValidationError" for reason in reasons(error))


def condition_failed(error: ClientError) -> bool:
    """Whether a condition of ours did not hold."""
    code = error.response.get("Error", {}).get("Code", "")
    return code == "ConditionalCheckFailedException" or any(
        reason.get("Code") == "ConditionalCheckFailed" for reason in reasons(error)
    )


def may_pass(error: BaseException) -> bool:
    """Whether another try may help: a conflict, throttling, an internal error, or no answer."""
    if isinstance(error, BotoConnectionError | HTTPClientError):
        return True
    if not isinstance(error, ClientError) or condition_failed(error):
        return False
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    conflict = any(reason.get("Code") in _CONFLICTS for reason in reasons(error))
    return code in _PASSING or conflict or status >= 500
