"""Why a row is refused."""

from collections.abc import Mapping


class RowError(ValueError):
    """One row of a file is refused. Its text names the field and the reason, never the value of a personal field.

    Attributes:
        field: the column; `header`, `row` or `file` where it is none of them.
        reason: what is wrong with it, in words for whoever made the file.
        row: the cells as far as they could be read, for the rejects file; personal data, not for a log.
    """

    def __init__(self, field: str, reason: str, row: Mapping[str, str | None] | None = None) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason
        self.row = row

    def __str__(self) -> str:
        """Field and reason, as reports and rejects files show it."""
        return f"{self.field}: {self.reason}"
