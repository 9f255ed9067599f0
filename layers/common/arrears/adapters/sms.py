"""Text messages through SNS.

SNS does not carry debt messages everywhere: mainland China wants a domestic channel with registered templates. A bank
puts its own gateway behind the same port there.
"""

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from arrears.adapters.aws import TRANSIENT, certainly_not_done, error_code
from arrears.errors import PermanentActionError, TransientServiceError
from arrears.usecases.carry_out import UncertainError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

#: SNS answers this when an account sends faster than it may (20 texts a second at first: SNS quotas); nothing was sent.
_TRIES = 5
_FIRST_PAUSE = 0.2


class SnsSms:
    """Publishes to phone numbers.

    Args:
        client: an SNS client that makes one attempt; botocore would repeat a publish after a read timeout.
        sender_id: shown as the sender where the country allows it, 1 to 11 letters and digits; empty for none.
        pause: sleeps so many seconds between tries after a throttle.
    """

    def __init__(self, client: "SNSClient", sender_id: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client, self._sender_id, self._pause = client, sender_id, pause

    def send(self, to: str, text: str) -> str:
        """Send a text; see `effects.ports.SmsGateway`. A throttled publish, and only that, is tried again."""
        for attempt in range(_TRIES):
            try:
                return self._publish(to, text)
            except TransientServiceError:
                if attempt == _TRIES - 1:
                    raise
            self._pause(random.uniform(0, _FIRST_PAUSE * 2**attempt))  # noqa: S311 - no secret depends on it
        raise AssertionError("unreachable")

    def _publish(self, to: str, text: str) -> str:
        attributes = {"AWS.SNS.SMS.SMSType": "Transactional"}
        if self._sender_id:
            attributes["AWS.SNS.SMS.SenderID"] = self._sender_id
        try:
            answer = self._client.publish(
                PhoneNumber=to,
                Message=text,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        except ClientError as error:
            code = error_code(error)
            if not certainly_not_done(error):
                raise UncertainError(f"sns:Publish: {code}") from error
            if code in TRANSIENT:
                raise TransientServiceError(f"sns:Publish: {code}") from error
            raise PermanentActionError(f"sns:Publish: {code}") from error
        except BotoCoreError as error:
            name = type(error).__name__
            if certainly_not_done(error):
                raise TransientServiceError(f"sns:Publish: {name}") from error
            raise UncertainError(f"sns:Publish: {name}") from error
        return answer["MessageId"]
