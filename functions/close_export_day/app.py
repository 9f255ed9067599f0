"""Closes the export day: what agencies get, manifests last, and the heads of the chains. The scheduler invokes it."""

from datetime import date, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.domain.dates import local_date
from arrears.runtime import count, handler, logger
from arrears.usecases.close_day import DayReport


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> DayReport:
    """Close the business date.

    Args:
        event: `date` names another date; `reissue`, an agency, has its set of that date written again; `time` is the
            instant for which the scheduler planned this, so that a try after midnight still closes the day before.
            Without any of them, the date is that of now, or of a set clock.
    """
    from arrears.bootstrap_effects import business_timezone, clock, close_day, watch

    now = clock()
    if "date" in event:
        day = date.fromisoformat(event["date"])
    elif "time" in event and now.set_to is None:
        day = local_date(datetime.fromisoformat(event["time"]), business_timezone())
    else:
        day = now.now(business_timezone()).on
    if "reissue" in event:
        return close_day().reissue(day, str(event["reissue"]))
    report = close_day()(day)
    count("Placements", report["placements"])
    count("Recalls", report["recalls"])
    for each in watch()(day):
        what = f"{each.agency_id} {each.kind} {each.day}"
        logger.warning("not acknowledged", extra={"handover": what, "state": each.state})
    logger.info("closed", extra={"report": report})
    return report
