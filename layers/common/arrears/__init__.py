"""Arrears: takes an overdue credit-card account from the first missed payment to a cure or to court."""

__version__ = "0.1.0"
