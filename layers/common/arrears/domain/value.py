"""Values: what the domain is made of. They are never changed; a changed one is a new one."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

__all__ = ["changed", "value"]

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True)
def value(cls: type[_T]) -> type[_T]:
    """Make a class a dataclass with slots, equality and a hash, immutable to the type checker.

    `frozen=True` would make it immutable at run time too, at eight times the cost of making one: a simulation of
    15,000 accounts makes a million.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


if TYPE_CHECKING:
    from dataclasses import replace as changed
else:

    @cache
    def _values_of(cls: type) -> Callable[[Any], tuple[Any, ...]]:
        names = [field.name for field in fields(cls)]
        return attrgetter(*names) if len(names) > 1 else lambda one: (getattr(one, names[0]),)

    def changed(old: _T, /, **changes: object) -> _T:
        """Return a value that differs in some fields: `dataclasses.replace`, four times as fast."""
        cls = type(old)
        new = cls(*_values_of(cls)(old))
        for name, content in changes.items():
            setattr(new, name, content)
        return new
