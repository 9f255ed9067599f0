"""Take calls back that are queued: their case is paid, held, or has a promise standing (schema `call-withdrawal-1`)."""

import json
from dataclasses import dataclass
from typing import Final

from arrears.effects.known import plan_of
from arrears.effects.ports import Tasks
from arrears.usecases.carry_out import Effect, Work

SCHEMA: Final = "call-withdrawal-1"


@dataclass(frozen=True)
class WithdrawCalls:
    """Queues one message that names all calls of the case that are not to be made any more.

    It goes into the account's group of the call queue, so it comes after the tasks that it takes back. The queue drops
    a second message of the same id for five minutes, and its readers drop an action id they have seen.
    """

    calls: Tasks

    def __call__(self, work: Work) -> Effect:
        """Withdraw the calls that are queued without a result.

        Raises:
            PermanentActionError: the queue refused the message.
            TransientServiceError: the queue is busy.
        """
        case, plan = work.record.case, plan_of(work)
        withdrawn = [done.action_id for done in case.unanswered_calls(work.now.on)]
        message = {
            "schema": SCHEMA,
            "action_id": work.act.action_id,
            "case_id": case.case_id,
            "account_id": case.account_id,
            "withdrawn_on": plan.on.isoformat(),
            "action_ids": withdrawn,
            "reason": work.act.reason,
        }
        body = json.dumps(message, ensure_ascii=False, sort_keys=True)
        message_id = self.calls.send(group=case.account_id, task_id=work.act.action_id, body=body)
        return Effect(message_id, (("schema", SCHEMA), ("calls", str(len(withdrawn)))))
