"""What the tests of built functions share: the build, and where AWS is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from tests.rie.emulator import BuiltFunction, Emulator, built_functions
from tests.support.embedded import Embedded
from tools.build import build
from tools.template import Resolver, load

TODAY = date(2005, 9, 3)


@dataclass(frozen=True)
class Cloud:
    """An AWS endpoint with the stack's resources in it."""

    endpoint: str
    region: str = "us-east-1"
    physical: dict[str, str] = field(default_factory=dict)
    """What `Ref X` and `GetAtt X.Y` give there, by "X" and "X.Y"; what is missing goes by its logical id."""
    parameters: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def cloud(embedded_stack: Embedded) -> Cloud:
    """The session's embedded stack. A test module with a stack of its own overrides this."""
    with embedded_stack.active():
        stack = embedded_stack.stack
        if stack.settings.clock().set_to is None:
            # On a date like those of the events: the close of a day goes through all that were missed since the last.
            embedded_stack.driver.set_clock(TODAY)
    return Cloud(
        endpoint=embedded_stack.endpoint,
        region=embedded_stack.environment["AWS_REGION"],
        physical=physical_names(stack.outputs),
        parameters=stack.parameters,
    )


def physical_names(outputs: dict[str, str]) -> dict[str, str]:
    """What the stack's resources are called: its outputs say so, by way of the template."""
    names = {}
    for output, body in load().get("Outputs", {}).items():
        if output not in outputs or not isinstance(body["Value"], dict):
            continue
        ((intrinsic, argument),) = body["Value"].items()
        if intrinsic == "Ref":
            names[argument] = outputs[output]
        elif intrinsic == "Fn::GetAtt":
            names[".".join(argument)] = outputs[output]
    return names


@pytest.fixture(scope="session")
def functions_as_built() -> dict[str, BuiltFunction]:
    """Every function of the template, built for this machine's Python."""
    return built_functions(build("local"))


class Running:
    """The function that runs at the moment: one at a time is enough, and small."""

    def __init__(self, functions: dict[str, BuiltFunction], cloud: Cloud, work: Path) -> None:
        self._functions, self._cloud, self._work = functions, cloud, work
        self._resolver = Resolver(load(), parameters=cloud.parameters, physical=cloud.physical, region=cloud.region)
        self._emulator: Emulator | None = None
        self._name = ""

    def emulator(self, logical_id: str) -> Emulator:
        """The emulator with this function in it: the one that runs, or a new one."""
        if self._emulator is None or self._name != logical_id:
            self.stop()
            work = self._work / logical_id
            work.mkdir(exist_ok=True)
            environment = self._resolver.environment(logical_id)
            emulator = Emulator(
                self._functions[logical_id],
                environment,
                work=work,
                endpoint=self._cloud.endpoint,
                region=self._cloud.region,
            )
            self._emulator, self._name = emulator.__enter__(), logical_id
        return self._emulator

    def stop(self) -> None:
        """Stop what runs."""
        if self._emulator is not None:
            self._emulator.__exit__(None, None, None)
        self._emulator = None


@pytest.fixture(scope="session")
def running(
    functions_as_built: dict[str, BuiltFunction], cloud: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Starts a built function when a test asks for it."""
    holder = Running(functions_as_built, cloud, tmp_path_factory.mktemp("rie"))
    yield holder
    holder.stop()
