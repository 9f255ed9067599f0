"""The embedded stack's server: ministack, made to behave like AWS where Arrears depends on it.

``stack.py`` starts this file as a process of its own. ministack runs as published, but a few of its habits would make
the workflow behave otherwise than on AWS, so they are put right here, in memory, before it starts:

* **Errors keep their names.** The class of a handler's exception is its ``errorType`` (ministack answers
  ``Runtime.HandlerError`` for each), since ``Retry`` and ``Catch`` go by it; and the worker lives on, as on AWS.
* **A worker that is killed has exited.** The error is ``Runtime.ExitError``, which ``Retry`` goes by; those at work
  are named by ``/_arrears/activity``.
* **Logs cost no wait.** The worker marks the end of an invocation's output, so nobody waits 50 ms to see whether more
  comes.
* **Layers are unpacked once.** Each worker links to them (ministack unpacks them for every worker, and checks the paths
  of all files: seconds of each cold start, in which nothing else is answered).
* **A condition is parsed once**, and not for every item that a query looks at.
* **Handlers queue.** At most ``ARREARS_LOCAL_CONCURRENCY`` run at a time (ministack starts a process for each
  invocation of a burst, and hundreds of cold starts bring a laptop down).
* **An S3 event names the version** of a versioned object, which the import reads.
* **SNS answers about opt-outs**: nobody has opted out.
* **Calls are noted**, where ``ARREARS_LOCAL_CALLS`` names a file: which function called what on which resource, a line
  of JSON each. Tests hold them against what the template grants.
* **What ends in a restart is told.** Where the state is kept (``PERSIST_STATE=1``), ministack fails what ran when it
  was stopped; each such execution has its event, as every failure has on AWS, and the stream begins anew.

``GET /_arrears/activity`` tells whether the stack has come to rest, so that a driver can watch for it instead of
sleeping.

Each change first looks whether the code it changes is the code it was written for, and otherwise says which one no
longer fits, before anything is started: a new ministack is looked at by a person.
"""

# ruff: noqa: ANN401, SLF001 - this file changes the insides of a package that has no types

import functools
import hashlib
import importlib
import importlib.metadata
import inspect
import json
import logging
import os
import queue
import sys
import tempfile
import threading
import time
import urllib.parse
import zipfile
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

#: The release that the changes below were written for and tried on.
MINISTACK_VERSION = "1.5.33"

#: Told to the process by ``stack.py``, and back to it by ``/_arrears/activity``: this server is that one.
INSTANCE_ENV = "ARREARS_LOCAL_INSTANCE"
CONCURRENCY_ENV = "ARREARS_LOCAL_CONCURRENCY"
CALLS_ENV = "ARREARS_LOCAL_CALLS"
ACTIVITY_PATH = "/_arrears/activity"

_FAILURE_KEY = "__arrears_handler_failure__"
_END_OF_LOG = "__arrears_end_of_log__"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


class DoesNotFitError(RuntimeError):
    """ministack is not the release that this server was written for."""


class Activity:
    """What is going on in the stack, counted: who is at work now, and how often anybody began."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._now: dict[str, int] = {}

    @contextmanager
    def at_work(self, kind: str) -> Iterator[None]:
        """Count one more at work of this kind, for as long as the block runs."""
        with self._lock:
            self._begun += 1
            self._now[kind] = self._now.get(kind, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._now[kind] -= 1

    def counted(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, counted as at work while it runs."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.at_work(kind):
                return function(*args, **kwargs)

        return call

    def snapshot(self) -> tuple[int, dict[str, int]]:
        """How much has begun since the start, and how many of each kind are at work now."""
        with self._lock:
            return self._begun, dict(self._now)


def _module(name: str) -> Any:
    return importlib.import_module(f"ministack.{name}")


def _misfit(what: str) -> DoesNotFitError:
    return DoesNotFitError(
        f"{what} of ministack is not as in release {MINISTACK_VERSION}: "
        "install that release, or adapt infra/local/server.py"
    )


def _replace(text: str, old: str, new: str, what: str) -> str:
    if text.count(old) != 1:
        raise _misfit(what)
    return text.replace(old, new)


def keep_error_names() -> None:
    """A handler's exception becomes an answer of its own kind, which the service turns into AWS's error."""
    runtime, service = _module("core.lambda_runtime"), _module("services.lambda_svc")
    failed = (
        '_real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")'
    )
    answer = (
        f'_real_stdout.write(json.dumps({{"status": "ok", "result": {{"{_FAILURE_KEY}": '
        '{"errorMessage": str(e), "errorType": type(e).__name__, '
        '"stackTrace": traceback.format_exc().splitlines()}}}) + "\\n")'
    )
    runtime._PYTHON_WORKER_SCRIPT = _replace(runtime._PYTHON_WORKER_SCRIPT, failed, answer, "the Python worker")
    execute = service._execute_function_warm

    def execute_warm(func: Any, event: Any, request_id: str) -> Any:
        result = execute(func, event, request_id)
        body = result.get("body")
        if not isinstance(body, dict) or set(body) != {_FAILURE_KEY}:
            return result
        error = body[_FAILURE_KEY]
        log = "\n".join(filter(None, [result.get("log", ""), *error["stackTrace"]]))
        return {"body": error, "error": True, "log": log}

    service._execute_function_warm = execute_warm


def name_killed_workers() -> None:
    """A worker that is gone in the middle of its work is what AWS calls a runtime that exited, and no other error."""
    runtime = _module("core.lambda_runtime")
    source = inspect.getsource(runtime.Worker)
    if not all(text in source for text in ('"Worker process died"', '"Worker process exited immediately')):
        raise _misfit("the end of a worker")
    invoke = runtime.Worker.invoke
    exited = {
        "errorMessage": "RequestId: Error: Runtime exited with error: signal: killed",
        "errorType": "Runtime.ExitError",
        "stackTrace": [],
    }

    def invoke_or_exit(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            result: dict[str, Any] = invoke(self, *args, **kwargs)
        except (RuntimeError, BrokenPipeError) as error:
            # Killed before it could say that it was ready.
            if isinstance(error, RuntimeError) and "exited immediately" not in str(error):
                raise
            self._proc, result = None, {"status": "error", "error": "Worker process died"}
        told = str(result.get("error", ""))
        if result.get("status") == "error" and (told == "Worker process died" or "Broken pipe" in told):
            return {**result, "status": "ok", "result": {_FAILURE_KEY: exited}}
        return result

    runtime.Worker.invoke = invoke_or_exit


def workers_at_work() -> dict[int, str]:
    """The processes that run a handler now, each with its function."""
    runtime = _module("core.lambda_runtime")
    return {
        worker._proc.pid: worker.func_name
        for pool in list(runtime._workers.values())
        for worker in list(pool)
        if worker.in_use and worker._proc is not None
    }


def keep_over_restarts(activity: Activity) -> None:
    """What was kept is whole, and what did not survive the stop ends the way it does on AWS."""
    app_module, states = _module("app"), _module("services.stepfunctions")
    lambdas, persistence = _module("services.lambda_svc"), _module("core.persistence")
    if "States.ServiceRestart" not in inspect.getsource(states._restore_state):
        raise _misfit("the restart of executions")
    restore, load, save_all = states._restore_state, app_module._load_persisted_state, persistence.save_all
    ended: list[Any] = []

    def patiently(get_state: Callable[[], Any]) -> Callable[[], Any]:
        def call() -> Any:
            for _ in range(50):
                try:
                    return get_state()
                except RuntimeError:  # a thread that is still at it changed what was being copied
                    time.sleep(0.02)
            return get_state()

        return call

    def restore_and_note(data: Any) -> None:
        running = {each["executionArn"] for each in data["executions"].all_values() if each["status"] == "RUNNING"}
        restore(data)
        ended.extend(each for each in states._executions.all_values() if each["executionArn"] in running)

    def tell() -> None:
        with activity.at_work("dispatches"):
            for execution in ended:
                states._emit_execution_status_event(execution)

    def load_and_tell() -> None:
        load()
        # The stream's records are not kept, so that a place in it means nothing any more.
        lambdas._dynamodb_stream_positions.clear()
        threading.Thread(target=tell, daemon=True).start()

    states._restore_state = restore_and_note
    app_module._load_persisted_state = load_and_tell
    app_module.save_all = lambda services: save_all({name: patiently(get) for name, get in services.items()})


def mark_end_of_log() -> None:
    """The worker says when an invocation's output is over; its reader stops there."""
    runtime = _module("core.lambda_runtime")
    old = "        _real_stdout.flush()\n\nrun()"
    new = f'        sys.stderr.write("{_END_OF_LOG}\\n")\n        sys.stderr.flush()\n{old}'
    runtime._PYTHON_WORKER_SCRIPT = _replace(runtime._PYTHON_WORKER_SCRIPT, old, new, "the Python worker")
    if not hasattr(runtime.Worker, "_drain_stderr_bounded"):
        raise _misfit("the worker's log reader")

    def drain(self: Any, *_: Any, **__: Any) -> str:
        lines: list[str] = []
        deadline = time.monotonic() + 0.25
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._stderr_queue.get(timeout=left)
            except queue.Empty:
                break
            if line.endswith(_END_OF_LOG):
                lines.extend(filter(None, [line.removesuffix(_END_OF_LOG)]))
                break
            lines.append(line)
        return "\n".join(lines)

    runtime.Worker._drain_stderr_bounded = drain


def share_layers() -> None:
    """Every worker gets a link to a layer that is unpacked once, by its content."""
    runtime = _module("core.lambda_runtime")
    source = inspect.getsource(runtime.Worker._spawn)
    if not all(line in source for line in ("with zipfile.ZipFile(lzip) as lzf:", "lzf.extractall(layer_dir)")):
        raise _misfit("the unpacking of layers")
    unpacking = threading.Lock()

    class SharedZipFile(zipfile.ZipFile):
        """A layer's zip file, or another one, which is unpacked as ever."""

        def __init__(self, file: str) -> None:
            super().__init__(file)
            path = Path(file)
            self._shared = None
            if path.name.startswith("layer_"):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                self._shared = Path(tempfile.gettempdir()) / "layers" / digest

        def namelist(self) -> list[str]:
            """What is still to be checked."""
            return [] if self._shared is not None and self._shared.is_dir() else super().namelist()

        def extractall(self, path: Any = None, *arguments: Any, **named: Any) -> None:
            if self._shared is None:
                super().extractall(path, *arguments, **named)
                return
            with unpacking:
                if not self._shared.is_dir():
                    draft = self._shared.with_name(f"{self._shared.name}.draft")
                    super().extractall(draft)
                    draft.replace(self._shared)
            Path(path).rmdir()
            Path(path).symlink_to(self._shared, target_is_directory=True)

    runtime.zipfile = SimpleNamespace(
        ZipFile=SharedZipFile, BadZipFile=zipfile.BadZipFile, LargeFileError=zipfile.LargeZipFile
    )


def parse_conditions_once() -> None:
    """The grammar check of a condition is kept: it depends on nothing but the condition."""
    tables = _module("services.dynamodb")
    check = getattr(tables, "_condition_syntax_error", None)
    if check is None or list(inspect.signature(check).parameters) != ["expr", "slot"]:
        raise _misfit("the grammar check of conditions")
    tables._condition_syntax_error = functools.lru_cache(maxsize=1024)(check)


#: Put into the worker: notes what is called on which resources, and nothing of what is said there.
_NOTE_CALLS = """
    def _note_calls(path):
        import botocore.client
        call = botocore.client.BaseClient._make_api_call
        named = ("TableName", "IndexName", "Bucket", "Key", "Prefix", "QueueUrl", "TopicArn", "stateMachineArn",
                 "KeyId", "ReturnValuesOnConditionCheckFailure", "VersionId")

        def noted(self, operation, params):
            parts = [{"kind": kind, **{name: part[name] for name in named if name in part and name != "Key"}}
                     for item in params.get("TransactItems", ()) for kind, part in item.items()]
            line = {"function": init.get("function_name", ""), "service": self.meta.service_model.service_name,
                    "operation": operation, "parts": parts,
                    "buses": sorted({entry.get("EventBusName", "") for entry in params.get("Entries", ())
                                     if isinstance(entry, dict) and "EventBusName" in entry}),
                    **{name: params[name] for name in named if isinstance(params.get(name), str)}}
            try:
                return call(self, operation, params)
            except Exception as error:
                line["error"] = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
                raise
            finally:
                with open(path, "a", encoding="utf-8") as calls:
                    calls.write(json.dumps(line) + "\\n")

        botocore.client.BaseClient._make_api_call = noted

    _note_calls(PATH)
"""


def note_calls(path: str) -> None:
    """Each worker writes down which function called which operation on which resource."""
    runtime = _module("core.lambda_runtime")
    old = "    _ms_install_invoke_depth()\n    try:"
    new = old.replace("    try:", _NOTE_CALLS.replace("PATH", repr(path)).lstrip("\n") + "    try:")
    runtime._PYTHON_WORKER_SCRIPT = _replace(runtime._PYTHON_WORKER_SCRIPT, old, new, "the Python worker")


def queue_handlers(concurrency: int, activity: Activity) -> None:
    """At most so many handlers at a time; an invocation that finds them all taken waits for its turn."""
    service = _module("services.lambda_svc")
    execute = service._execute_function_warm
    turns = threading.BoundedSemaphore(concurrency)

    def execute_in_turn(func: Any, event: Any, request_id: str) -> Any:
        # A handler that waits for another would hold a turn meanwhile; Arrears has none, and a timeout would end it.
        with turns:
            return execute(func, event, request_id)

    service._execute_function_warm = execute_in_turn
    service._execute_function = activity.counted("invocations", service._execute_function)


def name_object_versions(activity: Activity) -> None:
    """The EventBridge event of a versioned object carries its ``version-id``, as AWS's does."""
    s3, eventbridge = _module("services.s3"), _module("services.eventbridge")
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event
    if "version_id" not in inspect.signature(fire).parameters:
        raise _misfit("the S3 event")
    current = threading.local()

    def fire_with_version(*args: Any, version_id: str | None = None, **kwargs: Any) -> Any:
        current.version_id = version_id
        try:
            return fire(*args, version_id=version_id, **kwargs)
        finally:
            current.version_id = None

    def dispatch_with_version(event: Any, *args: Any, **kwargs: Any) -> Any:
        version_id = getattr(current, "version_id", None)
        if version_id and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *args, **kwargs)

    s3._fire_s3_event = activity.counted("dispatches", fire_with_version)
    eventbridge._dispatch_event = activity.counted("dispatches", dispatch_with_version)


def answer_opt_outs() -> None:
    """SNS's two questions about opted-out numbers, which ministack does not know: nobody has opted out."""
    sns = _module("services.sns")
    handle = sns.handle_request
    answers = {
        "CheckIfPhoneNumberIsOptedOut": "<isOptedOut>false</isOptedOut>",
        "ListPhoneNumbersOptedOut": "<phoneNumbers/>",
    }

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        action = urllib.parse.parse_qs((body or b"").decode("utf-8", "replace")).get("Action", [""])[0]
        if action not in answers:
            return await handle(method, path, headers, body, query_params)
        name = f'{action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'
        result = f"<{name}><{action}Result>{answers[action]}</{action}Result></{action}Response>"
        return 200, {"Content-Type": "text/xml"}, result.encode()

    sns.handle_request = handle_request


def count_executions(activity: Activity) -> None:
    """An execution is at work unless all it does is wait for its token."""
    states = _module("services.stepfunctions")
    states._run_execution = activity.counted("executions", states._run_execution)
    states._invoke_aws_sdk_integration = activity.counted("integrations", states._invoke_aws_sdk_integration)


def waiting_tokens() -> int:
    """Executions that wait for their token to be answered."""
    tokens = _module("services.stepfunctions")._task_tokens
    return sum(1 for token in list(tokens.all_values()) if not token["event"].is_set())


def pending_retries() -> int:
    """Asynchronous invocations under way, those between two attempts included: each is a thread of its own."""
    work = "invoke_async_with_retry.<locals>._run"
    return sum(
        1
        for thread in threading.enumerate()
        if any(getattr(argument, "__qualname__", "") == work for argument in getattr(thread, "_args", None) or ())
    )


def stream_backlog() -> int:
    """Stream records that their function has not been given yet."""
    service, table_service = _module("services.lambda_svc"), _module("services.dynamodb")
    backlog = 0
    for account, region, mapping in service._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if not mapping.get("Enabled", True) or ":dynamodb:" not in source:
            continue
        table = source.split("/stream/")[0].split("/")[-1]
        end = table_service.stream_end_position(table, account_id=account, region=region)
        position = service._dynamodb_stream_positions.get_scoped(account, region, mapping["UUID"])
        backlog += end - (position if position is not None else end)
    return backlog


def activity_report(activity: Activity) -> dict[str, Any]:
    """What ``/_arrears/activity`` says.

    ``idle`` is true when nothing is at work. A watcher asks twice: at rest is two answers in a row that are idle and
    have the same ``begun``, since one answer may fall between the end of one piece of work and the start of what it
    set off.
    """
    begun, now = activity.snapshot()
    waiting, backlog = waiting_tokens(), stream_backlog()
    busy = now.get("executions", 0) - waiting + now.get("integrations", 0)
    at_work = {
        "invocations": now.get("invocations", 0),
        "dispatches": now.get("dispatches", 0) + pending_retries(),
        "executions": max(0, busy),
        "stream_records": backlog,
    }
    return {
        "instance": os.environ.get(INSTANCE_ENV, ""),
        "pid": os.getpid(),
        "idle": not any(at_work.values()),
        "begun": begun,
        "waiting": waiting,
        "workers": workers_at_work(),
        **at_work,
    }


def serve_activity(activity: Activity) -> None:
    """Answer for ``/_arrears/activity``, and leave all else to ministack."""
    app_module = _module("app")
    inner = app_module.app

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != ACTIVITY_PATH:
            await inner(scope, receive, send)
            return
        body = json.dumps(activity_report(activity)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    app_module.app = app


def default_concurrency() -> int:
    """One more than there are cores: a handler mostly waits for this very process, and each one costs memory."""
    return max(2, min(6, (os.cpu_count() or 2) + 1))


def prepare() -> Activity:
    """Makes ministack, in this process, behave as described above."""
    try:
        version = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        raise DoesNotFitError(f"{sys.executable} has no ministack; `make tools` installs it") from None
    if version != MINISTACK_VERSION:
        raise DoesNotFitError(
            f"ministack {version} is installed, infra/local/server.py was written for {MINISTACK_VERSION}: "
            f"install ministack=={MINISTACK_VERSION}"
        )
    activity = Activity()
    mark_end_of_log()
    keep_error_names()
    name_killed_workers()
    share_layers()
    parse_conditions_once()
    if os.environ.get(CALLS_ENV):
        note_calls(os.environ[CALLS_ENV])
    queue_handlers(int(os.environ.get(CONCURRENCY_ENV) or default_concurrency()), activity)
    name_object_versions(activity)
    answer_opt_outs()
    count_executions(activity)
    if os.environ.get("PERSIST_STATE") == "1":
        keep_over_restarts(activity)
    serve_activity(activity)
    return activity


def main() -> int:
    """Prepare ministack and serve until told to stop."""
    try:
        prepare()
    except (DoesNotFitError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    _module("app").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
