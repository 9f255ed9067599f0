"""A contract for import-linter: a package imports what a list allows, and nothing else."""

from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyImportsContract(Contract):
    """Fails when a source module, or a module below one, imports what is not allowed.

    The linter's own contracts name what is forbidden, which forgets what nobody thought of.
    """

    type_name = "only_imports"

    source_modules = fields.ListField(subfield=fields.StringField())
    allowed_modules = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001  (the linter's own signature)
        """Look at every direct import; what an allowed module imports in turn is its own affair."""
        del verbose
        broken = sorted(set(self._strays(graph)))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Say which module imports what, and where."""
        for importer, imported, line in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported} (line {line})")

    def _strays(self, graph: ImportGraph) -> Iterator[tuple[str, str, int]]:
        for source in self.source_modules:  # type: ignore[attr-defined]  # a field stands for its value
            if source not in graph.modules:
                raise ValueError(f"the contract {self.name!r} names {source}, which does not exist")
            for module in sorted({source} | graph.find_descendants(source)):
                for imported in graph.find_modules_directly_imported_by(module):
                    if not self._is_allowed(imported):
                        details = graph.get_import_details(importer=module, imported=imported)
                        yield module, imported, int(details[0]["line_number"]) if details else 0

    def _is_allowed(self, imported: str) -> bool:
        return any(
            imported == allowed or imported.startswith(f"{allowed}.")
            for allowed in self.allowed_modules  # type: ignore[attr-defined]
        )
