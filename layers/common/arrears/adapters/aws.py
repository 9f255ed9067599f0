"""Clients, and what their errors mean.

Clients are made once a process and only those that a function uses (each costs start-up time). `AWS_ENDPOINT_URL`,
which botocore reads itself, points all of them at an embedded stack. They are botocore's: boto3 would load its
resources and transfers first, a fifth of what a function takes to start.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from botocore.session import Session, get_session

from arrears.errors import PermanentActionError, TransientServiceError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

#: Short timeouts, so that a function fails while there is time to try again; the standard mode backs off with jitter.
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
#: A publish is tried once: botocore repeats one after a read timeout, and an SMS would go out twice (invariant 2).
_ONCE = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1})
#: `inject_host_prefix` off: the embedded stack knows no `sync-` host. Nothing here uses the calls that need it.
_NO_PREFIX = _CONFIG.merge(Config(inject_host_prefix=False))

#: Error codes that pass by themselves (AWS "Common errors" and the services' API references).
TRANSIENT = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "OperationAborted",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


@cache
def _session() -> Session:
    return get_session()


def make(service: str, config: Config) -> Any:  # noqa: ANN401 - botocore knows no types of clients
    """Make a client of a service."""
    return _session().create_client(service, config=config)


@cache
def dynamodb() -> "DynamoDBClient":
    """The DynamoDB client."""
    client: DynamoDBClient = make("dynamodb", _CONFIG)
    return client


@cache
def s3() -> "S3Client":
    """The S3 client."""
    client: S3Client = make("s3", _CONFIG)
    return client


@cache
def sns() -> "SNSClient":
    """The SNS client, which tries once."""
    client: SNSClient = make("sns", _ONCE)
    return client


@cache
def sqs() -> "SQSClient":
    """The SQS client."""
    client: SQSClient = make("sqs", _CONFIG)
    return client


@cache
def kms() -> "KMSClient":
    """The KMS client."""
    client: KMSClient = make("kms", _CONFIG)
    return client


@cache
def events() -> "EventBridgeClient":
    """The EventBridge client."""
    client: EventBridgeClient = make("events", _CONFIG)
    return client


@cache
def stepfunctions() -> "SFNClient":
    """The Step Functions client."""
    client: SFNClient = make("stepfunctions", _NO_PREFIX)
    return client


def error_code(error: ClientError) -> str:
    """Return the code of a service's error."""
    return str(error.response.get("Error", {}).get("Code", ""))


#: What a single write is refused with, by the words of a cancelled transaction.
_SINGLE_WRITE = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "TransactionConflictException": "TransactionConflict",
    "ValidationException": "ValidationError",
}


def cancellation_reasons(refused: PermanentActionError) -> list[str]:
    """Return why DynamoDB refused a write, or each item of a transaction, in the words of a cancelled transaction."""
    cause = refused.__cause__
    if not isinstance(cause, ClientError):
        return []
    if error_code(cause) in _SINGLE_WRITE:
        return [_SINGLE_WRITE[error_code(cause)]]
    reasons: Sequence[dict[str, Any]] = cause.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return [str(reason.get("Code", "")) for reason in reasons]


def certainly_not_done(error: BotoCoreError | ClientError) -> bool:
    """Say whether a call that raised this has had no effect: refused by the service, or never connected."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return 400 <= int(status) < 500  # noqa: PLR2004 - HTTP's client errors
    return isinstance(error, ConnectTimeoutError | EndpointConnectionError)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn a service's errors into ours; `what` names the call in the message, which holds nothing personal."""
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in TRANSIENT or status >= 500:  # noqa: PLR2004 - HTTP's server errors
            raise TransientServiceError(f"{what}: {code}") from error
        raise PermanentActionError(f"{what}: {code}") from error
    except BotoCoreError as error:
        raise TransientServiceError(f"{what}: {type(error).__name__}") from error


Item = dict[str, Any]
