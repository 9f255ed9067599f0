"""Tells the execution that waits that there is news. The table's stream invokes it with events from outside."""

import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.errors import ArrearsError, TransientError
from arrears.runtime import about, count, handler, logger, unexpected


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Wake one execution for each record; those for which a service was too busy are reported and come again.

    The stream gives nothing new until they are through. So what is wrong with a record itself goes into the dead
    letters, in the form that this function takes, and keeps no other account from being woken.
    """
    failed = []
    for record in event["Records"]:
        try:
            _wake(record["dynamodb"])
        except TransientError as busy:
            logger.warning("not woken", extra={"error": type(busy).__name__, "why": str(busy)})
            failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failed}


def _wake(news: dict[str, Any]) -> None:
    from arrears.bootstrap import dead_letters, wake

    about({})
    image = news.get("NewImage", {})
    try:
        about({"case_id": image["case_id"]["S"]})
        if wake()(image["case_id"]["S"], int(image["number"]["N"])):
            count("WakeUps")
    except TransientError:
        raise
    except Exception as error:  # noqa: BLE001 - it would fail at every try
        told = error if isinstance(error, ArrearsError) else unexpected(error)
        logger.error("set aside", extra={"error": type(told).__name__, "why": str(told)})
        kept = {name: image[name] for name in ("case_id", "number") if name in image}
        dead = {"dynamodb": {"SequenceNumber": news["SequenceNumber"], "NewImage": kept}}
        dead_letters().send(json.dumps({"Records": [dead]}, sort_keys=True))
