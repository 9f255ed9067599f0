"""Wake: whoever appends an event is done; the stream brings it here, and here the execution that waits is told."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from arrears.adapters.aws import error_code, translated
from arrears.adapters.settings import Settings
from arrears.adapters.table import Table

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

#: The wait ended in the meantime, by its timeout or by other news: no error (Step Functions, SendTaskSuccess).
_TOO_LATE = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


def answer(client: "SFNClient", token: str, *, error: str = "") -> bool:
    """End the wait of a token, with an error where one is named; False when it had ended already."""
    with translated("states:SendTaskFailure" if error else "states:SendTaskSuccess"):
        try:
            if error:
                client.send_task_failure(taskToken=token, error=error)
            else:
                client.send_task_success(taskToken=token, output="{}")
        except ClientError as refused:
            if error_code(refused) in _TOO_LATE:
                return False
            raise
    return True


@dataclass(frozen=True)
class Wake:
    """Ends the wait of the execution that has a case."""

    table: Table
    settings: Settings
    client: "SFNClient"

    def __call__(self, case_id: str, number: int) -> bool:
        """Wake the execution that has not seen an event yet.

        A date that a set clock stands on is played when all of its facts are in, so nobody is woken before; a case that
        was closed from outside (`end_shadow`) has nothing to decide, and its execution ends.

        Args:
            case_id: the event's case.
            number: of the event; a token stored at this version or later has seen it.

        Returns:
            whether a wait was ended.
        """
        record = self.table.case(case_id)
        if record is None or record.token is None or record.token_version >= number:
            return False
        if record.case.is_open and not self.settings.clock().open:
            return False
        return answer(self.client, record.token)
