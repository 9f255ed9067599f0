"""What is done for a case costs something: prices that the page says, and that can be given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from arrears.domain.policy import Policy

#: Of one text, call and so on, where nobody says otherwise: round figures to begin with, measured nowhere. An agency's
#: commission and a court's fees depend on what is owed, so they are not counted unless a price is given.
DEFAULTS: Mapping[str, Decimal] = {
    "send_sms": Decimal("0.05"),
    "queue_call": Decimal("1.50"),
    "queue_letter": Decimal("6.00"),
    "place_with_agency": Decimal(0),
    "file_legal": Decimal(0),
}
#: How the currency is called where nobody names it.
UNNAMED = "units of money"


#: A price is this at most, and a whole number of these.
_MOST, _LEAST = Decimal(1_000_000_000), Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Costs:
    """Prices, all in one currency.

    Attributes:
        currency: how it is called on the page.
        given: by action, the price of one, where it is not the default.
    """

    currency: str = UNNAMED
    given: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def parsed(cls, texts: Iterable[str], currency: str | None) -> "Costs":
        """Return the prices that were written as `action=amount`.

        Raises:
            ValueError: there is no such action, or the amount is no price.
        """
        given = {}
        for text in texts:
            action, _, amount = text.partition("=")
            if action not in DEFAULTS:
                raise ValueError(f"{text}: the price is of one of {', '.join(DEFAULTS)}, written as send_sms=0.05")
            try:
                price = Decimal(amount)
            except InvalidOperation:
                raise ValueError(f"{text}: {amount or 'nothing'} is no amount such as 0.05") from None
            if not price.is_finite() or not 0 <= price <= _MOST or price % _LEAST:
                raise ValueError(f"{text}: a price is from 0 to {_MOST:,}, with 6 decimals at most")
            given[action] = price
        return cls(currency or UNNAMED, given)

    def price(self, action: str, policy: Policy) -> Decimal:
        """Return what one costs: as given, else for a text as the policy has it (one part each), else the default."""
        if action in self.given:
            return self.given[action]
        if action == "send_sms" and policy.sms.segment_price is not None:
            return policy.sms.segment_price
        return DEFAULTS[action]

    def source(self, action: str, policy: Policy) -> str:
        """Return where a price comes from, in words."""
        if action in self.given:
            return "given"
        if action == "send_sms" and policy.sms.segment_price is not None:
            return "the policy's sms.segment_price, one part each"
        return "default" if DEFAULTS[action] else "not counted"
