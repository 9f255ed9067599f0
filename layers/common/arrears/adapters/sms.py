"""Text messages through SNS.

SNS does not carry debt messages everywhere: mainland China wants a domestic channel with registered templates. A bank
puts its own gateway behind the same port there.
"""

import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from arrears.adapters.aws import TRANSIENT, certainly_not_done, error_code, translated
from arrears.effects.ports import OptedOutError
from arrears.errors import PermanentActionError, TransientServiceError, UncertainError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

#: SNS answers this when an account sends faster than it may (20 texts a second at first: SNS quotas); nothing was sent.
_TRIES = 5
#: The number is on the list of those that have opted out (SNS API Reference, Publish).
_OPTED_OUT = frozenset({"OptedOut", "OptedOutException"})
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

    def has_opted_out(self, to: str) -> bool:
        """Say whether a number is on the list of those that have opted out; see `effects.ports.SmsGateway`."""
        with translated("sns:CheckIfPhoneNumberIsOptedOut"):
            return self._client.check_if_phone_number_is_opted_out(phoneNumber=to)["isOptedOut"]

    def send(self, to: str, text: str, max_price: Decimal | None = None) -> str:
        """Send a text; see `effects.ports.SmsGateway`. A throttled publish, and only that, is tried again."""
        for attempt in range(_TRIES):
            try:
                return self._publish(to, text, max_price)
            except TransientServiceError:
                if attempt == _TRIES - 1:
                    raise
            self._pause(random.uniform(0, _FIRST_PAUSE * 2**attempt))  # noqa: S311 - no secret depends on it
        raise AssertionError("unreachable")

    def _publish(self, to: str, text: str, max_price: Decimal | None) -> str:
        attributes: dict[str, tuple[str, str]] = {"AWS.SNS.SMS.SMSType": ("String", "Transactional")}
        if self._sender_id:
            attributes["AWS.SNS.SMS.SenderID"] = ("String", self._sender_id)
        if max_price is not None:
            attributes["AWS.SNS.SMS.MaxPrice"] = ("Number", f"{max_price:f}")
        try:
            answer = self._client.publish(
                PhoneNumber=to,
                Message=text,
                MessageAttributes={
                    name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()
                },
            )
        except ClientError as error:
            code = error_code(error)
            if code in _OPTED_OUT:
                raise OptedOutError(f"sns:Publish: {code}") from error
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
