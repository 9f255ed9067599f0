"""Peaks: what falls due at the same moment for many cases does not happen in the same second for all of them."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, time, timedelta

from arrears.domain.moment import Moment
from arrears.domain.policy_parts import Window

_MIDNIGHT = timedelta(days=1)


def spread(moment: Moment, key: str, windows: Iterable[Window], over: timedelta) -> Moment:
    """Return a moment's own second for a case, at or after the moment.

    The second follows from the key alone, so a case that is decided again keeps it, and the seconds of many cases lie
    evenly over the time. It never lies on another date, and never behind the end of hours that the moment lies in.

    Args:
        moment: when something falls due: the beginning of the hours, or of the date.
        key: the case id.
        windows: the contact hours of the moment's date; of those that it lies in, the first to end counts.
        over: the time over which the cases are spread; zero leaves the moment as it is.
    """
    begins = moment.at or time.min
    since_midnight = datetime.combine(moment.on, begins) - datetime.combine(moment.on, time.min)
    ends = [end for start, end in windows if start <= begins < end]
    until = datetime.combine(moment.on, min(ends)) - datetime.combine(moment.on, time.min) if ends else _MIDNIGHT
    seconds = int(min(over, until - since_midnight).total_seconds())
    if seconds < 1:
        return moment
    drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % seconds
    return Moment(moment.on, (datetime.combine(moment.on, begins) + timedelta(seconds=drawn)).time())
