"""Unpacks a file that was dropped and splits it into pieces: the first state of an import."""

from typing import Any, TypedDict

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.drop import Split


class Dropped(TypedDict):
    """The `detail` of an "Object Created" event of S3."""

    detail: dict[str, Any]


@handler
def handle(event: Dropped, _context: LambdaContext) -> Split:
    """Split the file that the event names."""
    from arrears.bootstrap_import import split_file

    return split_file()(event["detail"])
