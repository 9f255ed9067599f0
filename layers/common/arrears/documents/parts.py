"""What letters, case sheets and dossiers have in common: who writes, what was paid, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from arrears.documents.clean import in_script_of
from arrears.documents.errors import DocumentError
from arrears.documents.typeset import Rendered
from arrears.documents.written import locale_of
from arrears.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """The bank as it presents itself, in the language of the document.

    Attributes:
        hours: when the phone is answered.
        how_to_pay: the account or channel that payments go to.
        seal: the words on the seal; the bank's name when empty.
        objections: the address that objections and evidence go to; the bank's own when empty.
    """

    name: str
    address: tuple[str, ...]
    phone: str
    hours: str
    website: str
    how_to_pay: str
    email: str = ""
    seal: str = ""
    objections: str = ""

    @property
    def seal_text(self) -> str:
        """The words on the seal."""
        return self.seal or self.name

    def named_in(self, language: str) -> "Bank":
        """Return the bank with its names in the script of a language, where they are given in two."""
        return replace(self, name=in_script_of(self.name, language), seal=in_script_of(self.seal, language))

    @property
    def one_line_address(self) -> str:
        """The address on one line."""
        return one_line(self.address)

    @property
    def objection_address(self) -> str:
        """Where objections and evidence go, on one line."""
        return self.objections or one_line(
            (*self.address, self.name) if _is_chinese(self.address) else (self.name, *self.address)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LawFirm:
    """The law firm that writes for the bank.

    Attributes:
        lawyer: who signs.
        mandate: the reference of the bank's power of attorney.
        mandate_date: its date.
    """

    name: str
    address: tuple[str, ...]
    phone: str
    lawyer: str
    mandate: str
    mandate_date: date

    def named_in(self, language: str) -> "LawFirm":
        """Return the law firm with its names in the script of a language, where they are given in two."""
        return replace(self, name=in_script_of(self.name, language), lawyer=in_script_of(self.lawyer, language))


@dataclass(frozen=True, slots=True)
class Repayment:
    """A payment that the bank received.

    Attributes:
        on: the date it counts from, at the account's place.
    """

    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """A document as it leaves.

    Attributes:
        sha256: of the PDF, in hexadecimal.
        text: what the document says, paragraph by paragraph; pages are divided by a form feed.
        language: the language it is written in, after fallback.
        missing_glyphs: characters that no font has; each is printed as 〓. Not empty means somebody should look.
        clipped: texts that did not fit their place and were cut.
    """

    pdf: bytes
    sha256: str
    text: str
    pages: int
    language: str
    missing_glyphs: tuple[str, ...] = ()
    clipped: tuple[str, ...] = ()

    @classmethod
    def of(cls, rendered: Rendered, language: str) -> "RenderedDocument":
        """Return what a sheet gave, with its hash."""
        return cls(
            rendered.pdf,
            sha256(rendered.pdf).hexdigest(),
            rendered.text,
            rendered.pages,
            language,
            rendered.missing_glyphs,
            rendered.clipped,
        )


def remaining(reported: Money, as_of: date, repayments: Sequence[Repayment]) -> Money:
    """Return the arrears that remain: what was reported, less the payments dated later; never below zero."""
    result = reported
    for repayment in repayments:
        if repayment.on > as_of:
            result -= repayment.amount
    return result if result.amount > 0 else Money(result.amount * 0, result.currency)


def check_arithmetic(reported: Money, as_of: date, repayments: Sequence[Repayment], arrears: Money) -> None:
    """Refuse arrears that are not what was reported less what was paid since.

    Raises:
        DocumentError: they are not.
    """
    expected = remaining(reported, as_of, repayments)
    if expected != arrears:
        raise DocumentError(f"the arithmetic does not add up: {expected} remain of what was reported, not {arrears}")


def total(amounts: Sequence[Money], currency: str) -> Money:
    """Add amounts of one currency."""
    result = Money(amounts[0].amount * 0, amounts[0].currency) if amounts else None
    for amount in amounts:
        result = amount if result is None else result + amount
    return result if result is not None else _zero(currency)


def _zero(currency: str) -> Money:
    from decimal import Decimal

    return Money(Decimal(0), currency)


def one_line(lines: Sequence[str]) -> str:
    """Join the lines of an address."""
    return (" " if _is_chinese(lines) else ", ").join(line for line in lines if line.strip())


def _is_chinese(lines: Sequence[str]) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for line in lines for character in line)


def postal_address(
    *,
    line1: str,
    line2: str = "",
    city: str = "",
    region: str = "",
    postal_code: str = "",
    country: str = "",
    language: str = "en",
    abroad: bool = False,
) -> tuple[str, ...]:
    """Return an address as it stands on an envelope, from the parts that a portfolio file has.

    A Chinese address goes from the large to the small on one line, below the postal code; others line by line. The
    country is named only for mail that goes `abroad`.
    """
    parts = (region.strip(), city.strip(), line1.strip(), line2.strip())
    country_name = str(locale_of(language).territories.get(country.upper(), country)) if abroad and country else ""
    if any("\u4e00" <= character <= "\u9fff" for character in line1):
        place = "".join(part for index, part in enumerate(parts) if part and part not in parts[:index])
        return tuple(line for line in (postal_code.strip(), place, country_name) if line)
    town = " ".join(part for part in (postal_code.strip(), city.strip()) if part)
    region = "" if region.strip() == city.strip() else region.strip()
    return tuple(line for line in (line1.strip(), line2.strip(), town, region, country_name) if line)
