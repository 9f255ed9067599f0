"""Puts the use cases of the import together, once a process, from the environment that the template gives."""

import os
from functools import cache

from arrears.adapters import aws
from arrears.adapters.objects import Objects
from arrears.domain.policy import AgencyFiles
from arrears.usecases.finish_import import FinishImport
from arrears.usecases.import_piece import ImportPiece
from arrears.usecases.split_file import SplitFile


def _files_of(agency_id: str) -> AgencyFiles:
    from arrears.bootstrap import settings

    return settings().active().policy.files_of(agency_id)


@cache
def split_file() -> SplitFile:
    """The use case of `split_import`."""
    return SplitFile(
        Objects(aws.s3()),
        os.environ["INBOUND_BUCKET"],
        os.environ["AGENCY_BUCKET"],
        files_of=_files_of,
    )


@cache
def import_piece() -> ImportPiece:
    """The use case of `import_rows`."""
    from arrears.bootstrap import settings, table
    from arrears.runtime import count

    return ImportPiece(table(), settings(), Objects(aws.s3()), os.environ["INBOUND_BUCKET"], count)


@cache
def finish_import() -> FinishImport:
    """The use case of `report_import`."""
    from arrears.runtime import count

    return FinishImport(Objects(aws.s3()), os.environ["INBOUND_BUCKET"], os.environ["AGENCY_BUCKET"], count)
