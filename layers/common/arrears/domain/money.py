"""Money is a `Decimal` with its currency; nothing is ever added across currencies (invariant 7)."""

from decimal import Decimal

from arrears.domain.value import value


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were to be added, subtracted or compared."""


@value
class Money:
    """An amount in one currency.

    Attributes:
        amount: in the currency's major unit (dollars, yuan); exact, never a float.
        currency: ISO 4217 code, three capital letters.
    """

    amount: Decimal
    currency: str

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            msg = f"cannot combine {self.currency} with {other.currency}"
            raise CurrencyMismatchError(msg)

    def __add__(self, other: "Money") -> "Money":
        """Add an amount of the same currency; raises `CurrencyMismatchError` otherwise."""
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Subtract an amount of the same currency; raises `CurrencyMismatchError` otherwise."""
        self._same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def __str__(self) -> str:
        """Amount and currency as the files write them, with a point: `1234.50 TWD`."""
        return f"{self.amount} {self.currency}"
