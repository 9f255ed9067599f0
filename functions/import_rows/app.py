"""Takes in the rows of one piece of a file: what each item of the import's map runs."""

from typing import TypedDict

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.drop import Counts, Drop


class Piece(TypedDict):
    """The file, and the key of one of its pieces."""

    drop: Drop
    piece: str


@handler
def handle(event: Piece, _context: LambdaContext) -> Counts:
    """Take in a piece."""
    from arrears.bootstrap_import import import_piece

    return import_piece()(event["drop"], event["piece"])
