"""What several commands read from the command line."""

import argparse
from datetime import date


def a_date(text: str) -> date:
    """Return a date that was given as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date such as 2005-06-18") from None
