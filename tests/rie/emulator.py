"""A built function behind Lambda's runtime interface emulator, without a container.

The emulator is the program that `sam local invoke` runs in its containers, taken from aws-sam-cli. It starts the
function as Lambda does: the runtime client loads the handler from what was built, sees the environment variables that
the template gives and no others, and what a layer forgot is missing.
"""

import contextlib
import importlib.metadata
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tools.template import ROOT, functions, load

START_SECONDS = 30.0
STOP_SECONDS = 3.0
INVOKE = "/2015-03-31/functions/function/invocations"


@dataclass(frozen=True)
class BuiltFunction:
    """What `sam build` left of one function."""

    logical_id: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    timeout: int
    memory: int

    @property
    def folder(self) -> str:
        """The function's folder below functions/, which is also its folder below events/."""
        return folder_of(self.logical_id)


@dataclass(frozen=True)
class Answer:
    """What an invocation gave."""

    payload: Any
    """What the handler returned, or Lambda's description of what it raised."""

    log: str
    """What the function wrote while it ran."""

    @property
    def error(self) -> str | None:
        """The name of the exception that came out of the handler, if one did."""
        failed = isinstance(self.payload, dict) and "errorType" in self.payload
        return str(self.payload["errorType"]) if failed else None


def folder_of(logical_id: str) -> str:
    """`functions/send_sms` is where SendSmsFunction lies: the template says so."""
    return Path(functions(load())[logical_id]["CodeUri"]).name


def built_functions(built: Path) -> dict[str, BuiltFunction]:
    """The functions of a built template, by logical id."""
    template = load(built)
    paths = {
        name: built.parent / body["Properties"]["ContentUri"]
        for name, body in template["Resources"].items()
        if body["Type"] == "AWS::Serverless::LayerVersion"
    }
    return {
        name: BuiltFunction(
            logical_id=name,
            handler=function["Handler"],
            code=built.parent / function["CodeUri"],
            layers=tuple(paths[layer["Ref"]] for layer in function.get("Layers", [])),
            timeout=int(function.get("Timeout", 3)),
            memory=int(function.get("MemorySize", 128)),
        )
        for name, function in functions(template).items()
    }


class Emulator:
    """One function, started on a free loopback port; a context manager.

    Args:
        function: what to run.
        environment: the function's own variables.
        endpoint: where AWS is, for every client.
        region: the region it runs in.
        work: a folder for its log and for what stands in for /tmp.
    """

    def __init__(
        self,
        function: BuiltFunction,
        environment: Mapping[str, str],
        *,
        work: Path,
        endpoint: str | None = None,
        region: str = "us-east-1",
    ) -> None:
        self._function = function
        self._environment = {**lambda_environment(function, region, work, endpoint), **environment}
        self._log = work / f"{function.logical_id}.log"
        self._client = runtime_client(work / "runtime")
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        """Start the emulator; the function itself starts with the first invocation, as on Lambda."""
        self._port, runtime_port = free_ports()
        path = [self._function.code, *(layer / "python" for layer in self._function.layers), self._client]
        command = [str(emulator_program()), "--log-level", "warn"]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{runtime_port}"]
        # -S: none of this venv's packages; what the function imports has to be in its layers.
        command += [sys.executable, "-S", "-m", "awslambdaric", self._function.handler]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._function.code,
                env={**self._environment, "PYTHONPATH": os.pathsep.join(map(str, path))},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_up()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the emulator and the function in it."""
        self._stop()

    def invoke(self, event: Any) -> Answer:
        """Invoke the function with an event, and wait for what it gives."""
        before = self._log.stat().st_size
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{INVOKE}", data=json.dumps(event).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=self._function.timeout + START_SECONDS) as response:  # noqa: S310
            body = response.read()
        with self._log.open("rb") as log:
            log.seek(before)
            written = log.read().decode(errors="replace")
        try:
            return Answer(json.loads(body), written)
        except ValueError:
            # The emulator says it in plain words when the function was stopped at its timeout or died.
            return Answer({"errorType": "Stopped", "errorMessage": body.decode(errors="replace")}, written)

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        if self._process is None:
            raise RuntimeError("the emulator is not running")
        return self._process.pid

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process and self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError(f"the emulator did not start: {self._log.read_text(errors='replace')}")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # The emulator runs the function in a process group of its own, which outlives an emulator that is killed.
        groups = {process.pid, *groups_of(descendants(process.pid))}
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        process.wait()


def lambda_environment(function: BuiltFunction, region: str, work: Path, endpoint: str | None) -> dict[str, str]:
    """What Lambda itself puts into a function's environment, with the test credentials of an embedded stack."""
    temporary = work / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.logical_id,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": "test",
        "LAMBDA_TASK_ROOT": str(function.code),
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(temporary),
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }
    return environment | ({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})


def emulator_program() -> Path:
    """The emulator for this machine, out of aws-sam-cli in .venv-tools."""
    machine = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine().lower()]
    pattern = f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
    found = [*(ROOT / ".venv-tools").glob(pattern)]
    if not found:
        raise FileNotFoundError("no runtime interface emulator in .venv-tools: `make tools` brings it")
    return found[0]


def runtime_client(folder: Path) -> Path:
    """A folder with the runtime client and what it imports, and nothing else of this venv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("awslambdaric", "simplejson", "snapshot-restore-py"):
        for file in importlib.metadata.files(name) or ():
            top = file.parts[0]
            if top.endswith((".dist-info", "__pycache__")) or top == "..":
                continue
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(file.locate())).parents[len(file.parts) - 1] / top)
    return folder


def free_ports() -> tuple[int, int]:
    """Two loopback ports that nothing listens on."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return int(first.getsockname()[1]), int(second.getsockname()[1])


def descendants(pid: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for child, parent in processes():
        children.setdefault(parent, []).append(child)
    waiting = [*children.get(pid, ())]
    while waiting:
        child = waiting.pop()
        yield child
        waiting.extend(children.get(child, ()))


def processes() -> Iterator[tuple[int, int]]:
    """Every process on this machine, and its parent."""
    if Path("/proc/self/stat").exists():
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # pid (name) state parent ...: the name may hold anything, so read from behind it
                yield int(stat.parent.name), int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    else:
        found = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
        for line in found.stdout.splitlines():
            child, parent = line.split()
            yield int(child), int(parent)


def groups_of(pids: Iterator[int]) -> Iterator[int]:
    """The process groups of processes, of those that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            yield os.getpgid(pid)
