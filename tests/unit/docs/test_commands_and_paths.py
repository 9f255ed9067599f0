"""What README and docs name exists: make targets, commands, options, files, links, outputs, functions, events."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from arrears.cli import main, parser_of
from tests.unit.docs.markdown import DOCUMENTS, anchors, commands, links, name_of, read, spans
from tools.template import ROOT, functions, load

IDS = [name_of(document) for document in DOCUMENTS]
ALL = "\n\n".join(read(document) for document in DOCUMENTS)
#: Top-level folders of the project: what begins with one of them is a path.
FOLDERS = ("docs/", "events/", "functions/", "infra/", "layers/", "requirements/", "tests/", "tools/")
#: Files that making or running the project brings.
MADE = (".venv", ".local", ".aws-sam")


def named(pattern: str) -> list[str]:
    """Return what a pattern finds in the command lines of all documents, each once."""
    found = [match for command in commands(ALL) for match in re.findall(pattern, command)]
    return sorted(set(found))


MAKE_TARGETS = named(r"(?:^|[ ;&(])make ([a-z][a-z-]*)\b(?!=)")
ARREARS = named(r"^(?:\.venv/bin/)?arrears ((?:[a-z]+(?:-[a-z]+)* ?)+)(?:$|[^a-z])")
EVENTS = named(r"sam local invoke (\w+) --event (\S+)")


@pytest.mark.parametrize("target", MAKE_TARGETS)
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", read(ROOT / "Makefile"), re.MULTILINE)


@pytest.mark.parametrize("words", ARREARS)
def test_commands_of_arrears_exist(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--help"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: arrears")


@pytest.mark.parametrize(
    "command", [each for each in commands(ALL) if each.startswith(("arrears ", ".venv/bin/arrears "))]
)
def test_options_of_arrears_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = command.split()[1:]
    group = [word for word in words[:2] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)]
    with pytest.raises(SystemExit):
        main([*(group[:1] if group[0] == "simulate" else group), "--help"])

    usage = capsys.readouterr().out
    assert [option for option in words if option.startswith("--") and option not in usage] == []


#: Whole command lines that a reader may copy: with what they are about, not only their names. The changelog and the
#: decisions name options in passing.
WHOLE = sorted(
    {
        command.removeprefix(".venv/bin/")
        for document in DOCUMENTS
        if document.name != "CHANGELOG.md" and document.parent.name != "decisions"
        for command in commands(read(document))
        if re.match(r"(?:\.venv/bin/)?arrears (?:[a-z-]+ )*[^a-z ]", command) and "..." not in command
    }
)


class _AsksStackError(Exception):
    """The command line made sense: the command went on to its stack."""


@pytest.mark.parametrize("command", WHOLE)
def test_a_whole_command_is_one_that_the_command_line_takes(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connect(_name: str | None = None) -> None:
        raise _AsksStackError

    monkeypatch.setattr("arrears.stack.connect", connect)
    text = re.split(r"\s{3,}", command.replace("DATE", "2005-06-18"))[0]
    words = shlex.split(re.sub(r"[\[\]]", "", text))[1:]
    taken: str | int | None
    try:
        # A file that is named only for example is not there: 1. What makes no sense is 2.
        taken = main(words) if "--stack" in words else parses(words)
    except _AsksStackError:
        taken = 0
    except SystemExit as ended:
        taken = ended.code
    assert taken in {0, 1}, capsys.readouterr().err


def parses(words: list[str]) -> int:
    parser_of(words).parse_args(words)
    return 0


def test_whole_commands_are_found() -> None:
    assert len(WHOLE) > 40
    assert "arrears policy diff A B" in WHOLE
    assert "arrears case retry" not in WHOLE


def test_what_the_contract_names_is_documented() -> None:
    contract = {
        *("simulate", "policy check", "policy explain", "policy publish", "case show", "case retry", "audit verify"),
        *("local clock", "local advance"),
    }

    assert contract <= {words.strip() for words in ARREARS}
    assert {"up", "down", "demo", "test", "build", "venv"} <= set(MAKE_TARGETS)


@pytest.mark.parametrize(("function", "event"), EVENTS)
def test_events_go_to_the_function_that_they_are_for(function: str, event: str) -> None:
    assert (ROOT / event).is_file()
    assert Path(event).parent.name == Path(functions(load())[function]["CodeUri"]).name


def test_every_function_is_in_the_readme_with_every_event_of_it() -> None:
    text = read(ROOT / "README.md")
    for name, function in functions(load()).items():
        assert f"`{name}`" in text
        folder = ROOT / "events" / Path(function["CodeUri"]).name
        assert list(folder.glob("*.json")), f"{folder.name} has no event"
        assert all(f"({name_of(event)})" in text for event in folder.glob("*.json"))


@pytest.mark.parametrize("section", named(r"sam deploy --config-env (\w+)"))
def test_sections_of_samconfig_exist(section: str) -> None:
    assert section in tomllib.loads(read(ROOT / "samconfig.toml"))


def test_stacks_are_called_as_samconfig_calls_them() -> None:
    config = tomllib.loads(read(ROOT / "samconfig.toml"))
    stacks = {
        part["deploy"]["parameters"]["stack_name"] for name, part in config.items() if isinstance(part, dict) and name
    }

    assert {name for name in named(r"--stack (\S+)") if name not in {"NAME", "NAME`"}} <= stacks


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_paths_exist(document: Path) -> None:
    words = [
        word.rstrip(".,:;")
        for command in [*commands(read(document)), *spans(read(document))]
        for word in command.split()
    ]
    paths = {word for word in words if word.startswith(FOLDERS) and not re.search(r"[<>*{}$]|\.\.\.", word)}

    assert [path for path in sorted(paths) if not (ROOT / path).exists() and not path.startswith(MADE)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for link in links(read(document)):
        if re.match(r"https?://", link):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        known = target.is_relative_to(ROOT) and target.exists()
        if not known or (anchor and anchor not in anchors(read(target))):
            broken.append(link)

    assert broken == []


def test_outputs_exist() -> None:
    outputs = set(load()["Outputs"]) | {"RoleArn"}
    words = re.findall(r"outputs?\s+`(\w+)`", ALL)

    assert words
    assert set(words) <= outputs
    assert set(spans(ALL)) >= {"InboundBucket", "AgencyBucket", "LegalBucket", "CallQueueUrl", "LetterQueueUrl"}


def test_parameters_of_the_agency_access_are_all_given() -> None:
    given = next(each for each in commands(ALL) if "cloudformation deploy" in each and "agency-access" in each)
    template = load(ROOT / "infra" / "agency-access.yaml")

    assert set(re.findall(r"(\w+)=", given)) == set(template["Parameters"])


RUNBOOK = ROOT / "docs" / "runbook"
ALARMS = sorted(name for name, body in load()["Resources"].items() if body["Type"] == "AWS::CloudWatch::Alarm")
#: What whoever is called at night wants to know, in this order.
ASKED = ["What it means", "Why at this threshold", "What to look at", "What to do", "When to wake somebody"]


def test_every_alarm_has_its_page_and_every_page_its_alarm() -> None:
    assert sorted(path.stem for path in RUNBOOK.glob("*Alarm.md")) == ALARMS
    assert all(f"({name}.md)" in read(RUNBOOK / "README.md") for name in ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_a_page_of_the_runbook_answers_what_whoever_is_called_asks(name: str) -> None:
    title, *parts = re.split(r"^#+ ", read(RUNBOOK / f"{name}.md"), flags=re.MULTILINE)[1:]

    assert title.strip() == name
    assert [part.partition("\n")[0] for part in parts] == ASKED
    assert all(len(part.partition("\n")[2].split()) >= 1 for part in parts)


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_no_path_of_a_machine_is_named(document: Path) -> None:
    assert re.findall(r"(?<![\w.])/(?:home|root|tmp|work|Users)/", read(document)) == []


def test_the_reader_of_documents_sees_what_is_there() -> None:
    text = "# A b: c\n\n    make demo  # all\n\n[x](a.md#b) `make up` and\n\n"
    text += "```sh\narrears case show X \\\n  --stack Y\n```\n"

    assert links(text) == ["a.md#b"]
    assert list(commands(text)) == ["arrears case show X    --stack Y", "make demo", "make up"]
    assert anchors(text) == {"a-b-c"}
