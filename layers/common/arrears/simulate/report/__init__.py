"""One page that compares policies over the same portfolio: `arrears simulate --report`."""

from arrears.simulate.report.costs import Costs
from arrears.simulate.report.page import write_report

__all__ = ["Costs", "write_report"]
