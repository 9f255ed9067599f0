import grimp
import pytest

from tools.import_contracts import OnlyImportsContract


def contract(*allowed: str) -> OnlyImportsContract:
    options = {"source_modules": ["arrears.domain"], "allowed_modules": [*allowed]}
    return OnlyImportsContract("pure", {"root_packages": ["arrears"]}, options)


def graph(*imports: tuple[str, str]) -> grimp.ImportGraph:
    made = grimp.ImportGraph()
    for module in ("arrears", "arrears.domain", "arrears.domain.case", "arrears.adapters"):
        made.add_module(module)
    for imported in ("boto3", "decimal", "os"):
        made.add_module(imported, is_squashed=True)
    for importer, imported in imports:
        made.add_import(importer=importer, imported=imported, line_number=3, line_contents="")
    return made


def test_what_is_allowed_is_kept() -> None:
    imports = graph(("arrears.domain", "arrears.domain.case"), ("arrears.domain.case", "decimal"))
    assert contract("arrears.domain", "decimal").check(imports, verbose=False).kept


@pytest.mark.parametrize("imported", ["boto3", "os", "arrears.adapters"])
def test_what_is_not_allowed_is_found_with_its_place(imported: str) -> None:
    found = contract("arrears.domain", "decimal").check(graph(("arrears.domain.case", imported)), verbose=False)
    assert not found.kept
    assert found.metadata["broken"] == [("arrears.domain.case", imported, 3)]


def test_a_contract_about_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"arrears\.domain, which does not exist"):
        contract("decimal").check(grimp.ImportGraph(), verbose=False)
