"""Where the policies, templates and schemas that ship with Arrears lie.

The wheel and the Lambda layer carry them inside the package, as `arrears/policies`. A checkout, and an editable install
of it, has them once, in `infra/policies`.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_SHIPPED = _PACKAGE / "policies"
_CHECKOUT = _PACKAGE / ".." / ".." / ".." / "infra" / "policies"


def policies_folder() -> Path:
    """The folder of the policies that ship, with `templates/` and the schemas below it."""
    return _SHIPPED if _SHIPPED.is_dir() else _CHECKOUT.resolve()


def resource(*parts: str) -> Path:
    """The path of one shipped file, for example `resource("cn-credit-card.yaml")`.

    Raises:
        FileNotFoundError: nothing of that name ships.
    """
    path = policies_folder().joinpath(*parts)
    if not path.is_file():
        raise FileNotFoundError(f"no such file among the policies that ship: {path.relative_to(policies_folder())}")
    return path
