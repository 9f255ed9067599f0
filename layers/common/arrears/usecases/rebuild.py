"""Rebuild: a file for court made again from the events, and compared with the one that was filed."""

from dataclasses import dataclass, replace

from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.effects.file_legal import FileLegal
from arrears.effects.filed import FiledCases
from arrears.effects.ports import Objects
from arrears.effects.wording import Wordings
from arrears.errors import PermanentSetupError


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was made again.

    Attributes:
        files: by name, the manifest among them.
        different: those that are not what lies in the bucket.
    """

    folder: str
    files: dict[str, bytes]
    different: tuple[str, ...]


@dataclass(frozen=True)
class Rebuild:
    """Makes files for court again; writes nothing."""

    table: Table
    settings: Settings
    documents: Objects
    legal: Objects
    filed: FiledCases
    production: bool

    def __call__(self, case_id: str) -> Rebuilt:
        """Make the file for court of a case again.

        Raises:
            PermanentSetupError: the case was not filed.
            PermanentDocumentError: its events were changed, or evidence is missing or was changed.
        """
        record, parties = self.table.case(case_id), self.filed.of(case_id)
        filing = None if record is None else next((d for d in record.case.done if d.action == "file_legal"), None)
        if record is None or filing is None:
            raise PermanentSetupError(f"{case_id} was not filed")
        if record.case.shadow:
            raise PermanentSetupError(f"{case_id} is in shadow: no file for court was made of it")
        active = self.settings.policies().for_case(record.case, filing.on)
        account = self.table.account(record.case.account_id)
        if parties is not None:
            account = replace(account, profile=parties.profile, coming={})
        maker = FileLegal(self.table, self.documents, self.legal, Wordings(production=self.production))
        made = maker.build(record, filing.action_id, account, active, parties.bank if parties is not None else None)
        files = {file.name: file.body for file in made.files} | {"manifest.json": made.manifest}
        different = tuple(name for name, body in files.items() if self.legal.get(made.folder + name) != body)
        return Rebuilt(made.folder, files, different)
