"""A moment at the account's place: the business date, and the time of day where it matters."""

from datetime import date, time

from arrears.domain.value import value


@value
class Moment:
    """A business date and a local time of day.

    Attributes:
        on: the date at the account's place.
        at: the local time of day; None is a moment that lies inside any contact hours (a played day has no clock).
    """

    on: date
    at: time | None = None
