"""The embedded stack: ``stack.py up`` brings it up, ``stack.py down`` takes it down, ``stop`` lets it go on later.

``up`` starts a server of its own (``server.py``: ministack on a free loopback port), builds the template for the Python
at hand (``tools/build.py local``), deploys it with ``sam deploy`` and the ``local`` section of ``samconfig.toml``, and
writes ``.local/stack.json``::

    {"endpoint": "http://127.0.0.1:PORT", "region": ..., "outputs": {...}, "stack": ..., "pid": ..., "instance": ...}

What has not changed is not done again: a build of the same files is used as it is, and a stack that is up with it is
left alone. A stack that is up with another one is deployed over, and keeps its data.

``down`` stops the server that ``up`` started and no other process: the one of its pid, if that process began when ours
did. Everything the stack held is gone then.

``up --keep`` starts a server that can be stopped and go on: ``stop`` stops it, and the next ``up --keep`` starts it
with what it held. Executions that ran end as failed, as in an outage; their cases are put back on the queue.

Neither uses an AWS profile or credentials of yours, and neither talks to anything but 127.0.0.1.

Files, all under ``.local``: ``stack.json`` (while a stack is up), ``server.json`` (which process), ``ministack.log``,
``sam.log``, ``sam`` (sam's own settings), ``tmp`` (the functions' working folders) and ``kept`` (what a stack that can
be stopped holds).
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

ENVIRONMENT = "local"
REGION = "us-east-1"
STACK_NAME = "arrears"

SERVER_PROGRAM = Path(__file__).with_name("server.py")

START_TIMEOUT = 60.0
STOP_TIMEOUT = 1.0
#: So long a stack that is to go on may take to write down what it holds.
KEEP_TIMEOUT = 60.0
LOG_LINES_SHOWN = 40


class StackError(Exception):
    """Something that whoever typed the command can read and act on."""


@dataclass(frozen=True)
class Settings:
    """Where things are. Paths are absolute."""

    root: Path
    state: Path
    python: Path
    sam: Path
    template: Path | None
    """A template that is built already; None to build the project's."""
    keep: bool = False
    """Whether a server that is started can be stopped and go on."""

    @property
    def stack_file(self) -> Path:
        """What the rest of the project reads about the stack that is up."""
        return self.state / "stack.json"

    @property
    def server_file(self) -> Path:
        """Which process the server is, whether the stack is deployed or not."""
        return self.state / "server.json"

    @property
    def server_log(self) -> Path:
        """What the server said since it started."""
        return self.state / "ministack.log"

    @property
    def sam_log(self) -> Path:
        """What ``sam`` said the last time."""
        return self.state / "sam.log"

    @property
    def tmp(self) -> Path:
        """Where the server and the functions may write."""
        return self.state / "tmp"

    @property
    def kept(self) -> Path:
        """What a stack that can be stopped holds."""
        return self.state / "kept"

    @property
    def stopped_file(self) -> Path:
        """What was `stack_file` when the stack was stopped."""
        return self.kept / "stack.json"


@dataclass(frozen=True)
class Server:
    """The process that ``up`` started.

    ``began`` tells it from a later process with the same pid, ``instance`` from another server on the same port, and
    ``program`` from one that an older ``server.py`` started.
    """

    pid: int
    began: str
    instance: str
    endpoint: str
    region: str
    program: str


# --- processes --------------------------------------------------------------------------------------------------------


def process_began(pid: int) -> str | None:
    """When the process began, in whatever way this system says it; None when there is no such process (any more)."""
    if Path("/proc/self/stat").exists():
        try:
            # After the name in parentheses: the state first, and the start time (field 22) as the twentieth.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id")
            boot_id = boot.read_text(encoding="ascii").strip() if boot.exists() else ""
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{boot_id}:{fields[19]}"
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    state, _, began = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else began.strip()


def is_running(server: Server) -> bool:
    """Whether the very process that was started still runs."""
    return process_began(server.pid) == server.began


def stop_server(server: Server, patience: float = STOP_TIMEOUT) -> bool:
    """Stop the server and the functions' processes, which are its process group; False if it was not running."""
    if not is_running(server):
        return False
    for signal_number, timeout in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal_number)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(server.pid, os.WNOHANG)  # when it is a child of this very process
            if not is_running(server):
                return True
            time.sleep(0.02)
    raise StackError(f"process {server.pid} does not end")


# --- talking to the server --------------------------------------------------------------------------------------------

#: Straight to 127.0.0.1, whatever proxies the environment names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def activity(server: Server, timeout: float = 5.0) -> dict[str, Any] | None:
    """The server's own word on who it is and what it does; None if it does not answer, or another one does."""
    try:
        with _OPENER.open(f"{server.endpoint}/_arrears/activity", timeout=timeout) as response:
            answer: Any = json.load(response)
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) and answer.get("instance") == server.instance else None


def stack_outputs(server: Server, stack_name: str) -> dict[str, str]:
    """The outputs of the deployed stack, by one plain request: boto3 would take longer to load than to answer."""
    form = {"Action": "DescribeStacks", "Version": "2010-05-15", "StackName": stack_name}
    scope = f"test/20200101/{server.region}/cloudformation/aws4_request"
    request = urllib.request.Request(
        server.endpoint,
        data=urllib.parse.urlencode(form).encode(),
        headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"},
    )
    try:
        with _OPENER.open(request, timeout=30) as response:
            document = ET.fromstring(response.read())  # noqa: S314  (from the server that this program started)
    except (OSError, ET.ParseError) as error:
        raise StackError(f"the deployed stack {stack_name} cannot be read: {error}") from error
    return {
        output.findtext("{*}OutputKey", ""): output.findtext("{*}OutputValue", "")
        for output in document.iterfind(".//{*}Outputs/{*}member")
    }


# --- files ------------------------------------------------------------------------------------------------------------


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty when there is none, or none that can be read."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write at once or not at all, so that a reader never sees half of it."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def read_server(settings: Settings) -> Server | None:
    """The server that the last ``up`` started, whether it still runs or not."""
    try:
        return Server(**read_json(settings.server_file))
    except TypeError:
        return None


def forget_server(settings: Settings) -> None:
    """Remove what speaks of a server that runs no more. Its logs stay."""
    for path in (settings.stack_file, settings.server_file):
        path.unlink(missing_ok=True)
    shutil.rmtree(settings.tmp, ignore_errors=True)


def last_lines(path: Path) -> str:
    """The end of a log, to show under an error."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    shown = "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])
    return f"{shown}\n  (all of it: {path})"


@contextlib.contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Let no two of these commands work on one stack at a time."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"another command is at work on the stack in {settings.state}") from None
        yield


# --- the server -------------------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def without_aws(environment: dict[str, str]) -> dict[str, str]:
    """The environment less all that could lead to a real account, plus the embedded stack's credentials."""
    return {
        **{name: value for name, value in environment.items() if not name.startswith("AWS_")},
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def server_environment(settings: Settings, port: int | None, instance: str) -> dict[str, str]:
    """What the server, and with it every function, sees: as little of this machine as in Lambda, and UTC."""
    passed_on = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    ours = ("ARREARS_LOCAL_CONCURRENCY", "ARREARS_LOCAL_CALLS")
    return {
        **without_aws({name: os.environ[name] for name in (*passed_on, *ours) if name in os.environ}),
        "ARREARS_LOCAL_INSTANCE": instance,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
        "LOG_LEVEL": os.environ.get("ARREARS_LOCAL_LOG_LEVEL", "WARNING"),
        # Nothing is kept unless it is asked for, and nothing else is started.
        "PERSIST_STATE": "1" if settings.keep else "0",
        "S3_PERSIST": "1" if settings.keep else "0",
        "STATE_DIR": str((settings.kept if settings.keep else settings.tmp) / "state"),
        "S3_DATA_DIR": str((settings.kept if settings.keep else settings.tmp) / "s3"),
        "TMPDIR": str(settings.tmp),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{settings.tmp}/no-docker",
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
    }


def program_digest(settings: Settings) -> str:
    """Which program the server would be: what is up was started by this one, or by an older one."""
    return hashlib.sha256(SERVER_PROGRAM.read_bytes() + bytes(settings.python)).hexdigest()


def launch_server(settings: Settings) -> tuple[Server, subprocess.Popen[bytes]]:
    """Start the process and note at once which one it is, so that ``down`` finds it whatever happens next."""
    forget_server(settings)
    stopped = read_json(settings.stopped_file)
    if not settings.keep:
        shutil.rmtree(settings.kept, ignore_errors=True)
    settings.tmp.mkdir(parents=True)
    # What is kept speaks of its queues by the port they were made on.
    port = urllib.parse.urlsplit(stopped["endpoint"]).port if settings.keep and stopped else free_port()
    instance = uuid.uuid4().hex
    with settings.server_log.open("wb") as log:
        process = subprocess.Popen(
            [settings.python, SERVER_PROGRAM],
            cwd=settings.state,
            env=server_environment(settings, port, instance),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(
        pid=process.pid,
        began=process_began(process.pid) or "",
        instance=instance,
        endpoint=f"http://127.0.0.1:{port}",
        region=REGION,
        program=program_digest(settings),
    )
    write_json(settings.server_file, asdict(server))
    return server, process


def wait_for_server(settings: Settings, server: Server, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers; say why if it ends instead."""
    deadline = time.monotonic() + START_TIMEOUT
    while activity(server, timeout=2.0) is None:
        if process.poll() is not None:
            raise StackError(f"ministack ended at once:\n{last_lines(settings.server_log)}")
        if time.monotonic() > deadline:
            log = last_lines(settings.server_log)
            raise StackError(f"ministack does not answer after {START_TIMEOUT:.0f} s:\n{log}")
        time.sleep(0.05)


# --- what is deployed -------------------------------------------------------------------------------------------------


def build(settings: Settings) -> Path:
    """The built template: the project's, built unless it has been, or the one that was given."""
    if settings.template is not None:
        return settings.template
    sys.path.insert(0, str(settings.root))
    from tools.build import build as build_project

    return build_project("local")


def stack_name(settings: Settings) -> str:
    """The name that ``samconfig.toml`` gives the local stack."""
    try:
        config = tomllib.loads((settings.root / "samconfig.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise StackError(f"samconfig.toml cannot be read: {error}") from error
    section = config.get(ENVIRONMENT, {})
    parameters = {**section.get("global", {}).get("parameters", {}), **section.get("deploy", {}).get("parameters", {})}
    return str(parameters.get("stack_name", STACK_NAME))


def deployment_digest(settings: Settings, template: Path) -> str:
    """A digest of all that a deployment is made from: equal digests, equal stacks."""
    digest = hashlib.sha256()
    # sam leaves what has no build (state machines, templates in templates) where it is: below infra.
    referred_to = [path for suffix in ("json", "yaml") for path in (settings.root / "infra").rglob(f"*.{suffix}")]
    built = [path for path in template.parent.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for path in sorted([settings.root / "samconfig.toml", *referred_to, *built]):
        content = path.read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def sam_environment(settings: Settings, server: Server) -> dict[str, str]:
    """An environment in which sam knows no account but this one, reports nothing and looks for no newer release."""
    own = settings.state / "sam"
    own.mkdir(parents=True, exist_ok=True)
    write_json(own / "metadata.json", {"telemetryEnabled": False, "lastVersionCheck": time.time()})
    return {
        **without_aws(dict(os.environ)),
        "AWS_ENDPOINT_URL": server.endpoint,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
        "__SAM_CLI_APP_DIR": str(own),
    }


def deploy(settings: Settings, server: Server, template: Path, name: str) -> None:
    """Deploy the built template with ``sam deploy``."""
    command = [str(settings.sam), "deploy", "--config-file", str(settings.root / "samconfig.toml")]
    command += ["--config-env", ENVIRONMENT, "--region", REGION, "--stack-name", name, "--template-file", str(template)]
    command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
    with settings.sam_log.open("wb") as log:
        log.write(f"$ {shlex.join(command)}\n".encode())
        log.flush()
        try:
            done = subprocess.run(
                command,
                cwd=settings.root,
                env=sam_environment(settings, server),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError as error:
            raise StackError(f"{settings.sam} cannot be run: {error}") from error
    if done.returncode != 0:
        raise StackError(f"sam deploy failed:\n{last_lines(settings.sam_log)}")


# --- the commands -----------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, flush=True)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Print a line that says what is being done, and how long it took once it is."""
    began = time.monotonic()
    print(f"{name} ...", end=" ", flush=True)
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(f"{time.monotonic() - began:.1f} s")


def check_tools(settings: Settings) -> None:
    """Say at once what is missing."""
    for path, option in ((settings.python, "--python"), (settings.sam, "--sam")):
        if not os.access(path, os.X_OK):
            raise StackError(f"{path} is not there: `make tools` sets it up, {option} names another one")


def up(settings: Settings) -> None:
    """Bring the stack up, or up to date."""
    check_tools(settings)
    name = stack_name(settings)
    server = read_server(settings)
    launched: subprocess.Popen[bytes] | None = None
    if server is None or not is_running(server) or activity(server) is None:
        if server is not None:
            stop_server(server)  # it may run and not answer
        server, launched = launch_server(settings)
    elif server.program != program_digest(settings):
        say("the server that is up is of an older program: `make down up` starts the new one")
    try:
        with step("building"):
            template = build(settings)
        digest = deployment_digest(settings, template)
        if launched is not None and settings.keep and settings.stopped_file.exists():
            wait_for_server(settings, server, launched)
            stopped = read_json(settings.stopped_file)
            write_json(settings.stack_file, {**stopped, "pid": server.pid, "instance": server.instance})
            settings.stopped_file.unlink()
        deployed = read_json(settings.stack_file)
        if deployed.get("deployment") == digest:
            say(f"up as it was: {server.endpoint}")
            return
        if deployed:
            # What is up stays readable, but should this deployment fail, the next `up` must not take it for done.
            write_json(settings.stack_file, {**deployed, "deployment": ""})
        if launched is not None:
            wait_for_server(settings, server, launched)
        with step("deploying"):
            deploy(settings, server, template, name)
        outputs = stack_outputs(server, name)
    except BaseException:
        if launched is not None:
            stop_server(server)
            forget_server(settings)
        raise
    content = {
        "endpoint": server.endpoint,
        "region": server.region,
        "outputs": outputs,
        "stack": name,
        "pid": server.pid,
        "instance": server.instance,
        "log": str(settings.server_log),
        "deployment": digest,
    }
    write_json(settings.stack_file, content)
    say(f"up: {server.endpoint}")


def stop(settings: Settings) -> None:
    """Stop the stack, so that it can go on later."""
    server, deployed = read_server(settings), read_json(settings.stack_file)
    if server is None or not deployed or not is_running(server):
        raise StackError("no stack is up that could go on later")
    if not settings.kept.is_dir():
        raise StackError("this stack keeps nothing: only one that `up --keep` started can be stopped and go on")
    stop_server(server, KEEP_TIMEOUT)
    write_json(settings.stopped_file, deployed)
    forget_server(settings)
    say("stopped; `up --keep` lets it go on")


def down(settings: Settings) -> None:
    """Take the stack down."""
    server = read_server(settings)
    stopped = server is not None and stop_server(server)
    forget_server(settings)
    shutil.rmtree(settings.kept, ignore_errors=True)
    say("down" if stopped else "nothing was up")


def parse_settings(arguments: list[str] | None) -> tuple[str, Settings]:
    """The command and where things are, from the arguments, the environment and the defaults."""
    parser = argparse.ArgumentParser(prog="stack.py", description="The embedded stack of Arrears.")
    parser.add_argument("command", choices=["up", "stop", "down"])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the project's folder")
    parser.add_argument("--state", type=Path, help="where the stack's files go (ARREARS_LOCAL_STATE; .local)")
    parser.add_argument("--python", type=Path, help="the Python with ministack (ARREARS_LOCAL_PYTHON; in .venv-tools)")
    parser.add_argument("--sam", type=Path, help="the sam command (ARREARS_LOCAL_SAM; in .venv-tools)")
    parser.add_argument("--template", type=Path, help="deploy this template, which is built, instead of building")
    parser.add_argument("--keep", action="store_true", help="let what comes up be stopped and go on")
    options = parser.parse_args(arguments)
    root: Path = options.root.absolute()

    def path(given: Path | None, variable: str, default: str) -> Path:
        # Not resolved: a virtual environment's python is a link, and belongs to it by its name alone.
        return (given or Path(os.environ.get(variable) or root / default)).absolute()

    return options.command, Settings(
        root=root,
        state=path(options.state, "ARREARS_LOCAL_STATE", ".local"),
        python=path(options.python, "ARREARS_LOCAL_PYTHON", ".venv-tools/bin/python"),
        sam=path(options.sam, "ARREARS_LOCAL_SAM", ".venv-tools/bin/sam"),
        template=options.template.absolute() if options.template else None,
        keep=options.keep,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 0 when it did what it says."""
    command, settings = parse_settings(arguments)
    try:
        with only_one(settings):
            {"up": up, "stop": stop, "down": down}[command](settings)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
