"""Write the parts of README.md and docs/ that are made from what they describe: `make_docs.py`, or `--check`.

A part stands between two comments, `<!-- made: NAME -->` and `<!-- end: NAME -->`; everything around it is written by
hand. `--check` changes nothing and fails where a part is out of date, as the tests do.
"""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arrears import errors
from arrears.domain.policy import Policy
from arrears.domain.policy_parts import PolicyModel
from arrears.domain.rules import Pack
from arrears.explain_rules import rule_in_words
from arrears.resources import policies_folder
from arrears.rules_file import load_pack
from bench.pages import PARTS as MEASURED
from tools.template import ROOT, functions, load, resources

State = Mapping[str, Any]


# --- tables ----------------------------------------------------------------------------------------------------------
def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar within a cell is escaped."""
    lines = [[*header], *([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def summary(text: str | None) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


# --- the policy's keys -----------------------------------------------------------------------------------------------
#: What is said of keys whose docstring is silent because the name says it, or speaks of two at once.
SILENT: dict[str, dict[str, str]] = {
    "*": {
        "action": "What is done.",
        "at_most": "How often at most.",
        "id": "What it is called in files and on the command line.",
        "template": "The text that is sent or the letter that is written; a name from `templates/`.",
        "kind": "Which kind of rule it is.",
        "source": "Where it is written.",
        "verified": "Whether the source was read and says this. What is not verified is a setting: it binds too, but a "
        "policy may name it under `without`.",
    },
    "Policy": {
        "name": "What the policy is called; a published policy is kept under its name and version.",
        "version": "Recorded with every decision. Raise it with every change.",
    },
    "Stage": {
        "from": "When the stage can be entered.",
        "requires": "What must have been done before.",
        "steps": "What is done in the stage.",
    },
    "Requirement": {"action": "The action that must have been done."},
    "MonthlyReminder": {
        "day": "The day of the month; the last day of a shorter month.",
        "template": "The text that is sent.",
        "stages": "The stages in which it is sent.",
    },
    "Bank": {
        "name": "The bank.",
        "phone": "The number to call.",
        "address": "The lines of its address.",
        "website": "Its address on the web.",
        "email": "Its address for e-mail.",
        "payment_account": "The account to pay into.",
        "law_firm": "The law firm that signs lawyer's letters.",
        "law_firm_address": "The lines of its address.",
        "law_firm_phone": "Its number.",
        "mandate": "The reference of the bank's power of attorney for the law firm.",
        "mandate_date": "Its date.",
    },
}


def policy_keys() -> str:
    """Every key of a policy: from the models that check it."""
    return _keys(Policy)


def pack_keys() -> str:
    """Every key of a pack of rules of contact."""
    return _keys(Pack)


def _keys(model: type[PolicyModel]) -> str:
    schema = model.model_json_schema(by_alias=True)
    parts = {model.__name__: schema, **schema["$defs"]}
    order = [model.__name__, *(name for name in _reached(schema, parts) if name != model.__name__)]
    return "\n\n".join(_part(name, parts) for name in order)


def pack_rules() -> str:
    """The rules of each pack that ships, with their sources."""
    return "\n\n".join(_pack(load_pack(path)) for path in sorted((policies_folder() / "rules").glob("*.yaml")))


def _pack(pack: Pack) -> str:
    rows = []
    for rule in pack.rules:
        verified = "" if rule.verified else " **Not verified: a setting.**"
        rows.append((f"`{pack.name}/{rule.id}`", rule_in_words(rule), rule.source.where, rule.source.says + verified))
    told = [f"### {pack.title} (`{pack.name}`)", pack.about]
    told += [table(("rule", "what is kept", "source", "what it says"), rows)] if rows else ["There are no rules."]
    if pack.not_held:
        told.append("\n".join(["What no rule here keeps:", "", *(f"- {each}" for each in pack.not_held)]))
    return "\n\n".join(told)


def _reached(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> list[str]:
    """The parts in the order in which a reader meets them."""
    found: list[str] = []
    for match in re.finditer(r'"#/\$defs/(\w+)"', json.dumps(schema["properties"])):
        name = match[1]
        if name not in found:
            found += [name, *(each for each in _reached(parts[name], parts) if each not in found and each != name)]
    return found


def _part(name: str, parts: Mapping[str, Any]) -> str:
    part = parts[name]
    told = {**SILENT["*"], **attributes(part["description"]), **SILENT.get(name, {})}
    rows = []
    for key, field in part["properties"].items():
        if key not in told and (said := described(field, parts)):
            told[key] = said
        if key not in told:
            raise SystemExit(
                f"{name}.{key}: say what it means, in the docstring of the model or in {Path(__file__).name}"
            )
        required = key in part.get("required", ())
        rows.append((f"`{key}`", _value(field), "required" if required else _default(field), told[key]))
    if unknown := set(SILENT.get(name, {})) - set(part["properties"]):
        raise SystemExit(f"{Path(__file__).name} describes keys of {name} that do not exist: {sorted(unknown)}")
    title = "The policy" if name == "Policy" else _title(name)
    return (
        f"### {title}\n\n{summary(part['description'])}\n\n{table(('key', 'value', 'default', 'what it says'), rows)}"
    )


def described(field: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    """What a key means whose value is a part of its own: what that part says of itself."""
    match field:
        case (
            {"$ref": str(reference)} | {"allOf": [{"$ref": str(reference)}]} | {"anyOf": [{"$ref": str(reference)}, _]}
        ):
            return summary(parts[reference.rsplit("/", 1)[1]]["description"])
    return ""


def _title(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def attributes(text: str) -> dict[str, str]:
    """What a docstring says of each attribute; a line may speak of several."""
    found: dict[str, str] = {}
    _, _, attributes = text.partition("Attributes:")
    for match in re.finditer(r"^ {4}(\w[\w, ]*): (.+(?:\n {8}.+)*)", attributes, re.MULTILINE):
        told = " ".join(match[2].split()).rstrip(",")
        for name in match[1].split(", "):
            found[name] = told[0].upper() + told[1:] + ("" if told.endswith(".") else ".")
    return found


def _value(field: Mapping[str, Any]) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each kind of value
    match field:
        case {"$ref": str(reference)}:
            title = _title(reference.rsplit("/", 1)[1])
            return f"[{title.lower()}](#{title.lower().replace(' ', '-')})"
        case {"allOf": [only]}:
            return _value(only)
        case {"oneOf": [*kinds]}:
            return _either([_value(each) for each in kinds])
        case {"anyOf": [only, {"type": "null"}]}:
            return _value(only)
        case {"anyOf": [{"type": "string"}, {"type": "array"} as several]}:
            return f"name, or {_value(several)}"
        case {"enum": [*values]}:
            return _either([f"`{value}`" for value in values])
        case {"const": value}:
            return f"`{value}`"
        case {"type": "boolean"}:
            return "`true` or `false`"
        case {"type": "integer", "minimum": low, "maximum": high}:
            return f"whole number, {low} to {high}"
        case {"type": "integer", "minimum": low}:
            return f"whole number, {low} or more"
        case {"type": "array", "prefixItems": [{"format": "time"}, {"format": "time"}]}:
            return 'two times of day in quotes: `["08:00", "21:00"]`'
        case {"type": "array", "items": item}:
            return f"list of {_plural(_value(item))}"
        case {"type": "object", "patternProperties": {"^[A-Z]{3}$": _}}:
            return 'amounts by currency, in quotes: `{CNY: "1000.00"}`'
        case {"type": "object", "patternProperties": named}:
            ((_, item),) = named.items()
            return f"by name: {_value(item)}"
        case {"type": "object", "propertyNames": {"enum": [*keys]}, "additionalProperties": item}:
            return f"by {_either([f'`{key}`' for key in keys])}: {_value(item)}"
        case {"type": "object", "additionalProperties": item}:
            return f"by name: {_value(item)}"
        case {"format": "date"}:
            return "date"
        case {"format": "time"}:
            return 'time of day in quotes, `"08:00"`'
        case {"type": "string", "pattern": str()}:
            return "name"
        case {"type": "string", "maxLength": length}:
            return f"text of at most {length} characters"
        case {"type": "string"}:
            return "text"
        case {"anyOf": [{"type": "number"}, {"type": "string"}, *_]} | {
            "anyOf": [{"type": "number"}, {"type": "null"}]
        }:
            return "decimal in quotes"
    raise SystemExit(f"a kind of value that {Path(__file__).name} cannot describe: {field}")


def _plural(value: str) -> str:
    """The same for a list: `whole number, 1 to 9` is `whole numbers, 1 to 9`."""
    return re.sub(r"^(whole number|name|text|date)", r"\1s", value)


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _default(field: Mapping[str, Any]) -> str:
    match field.get("default"):
        case None | "" | dict() | []:
            return "none"
        case list(values):
            return ", ".join(f"`{value}`" for value in values)
        case bool(value):
            return f"`{str(value).lower()}`"
        case value:
            return f"`{value}`"


# --- the workflow ----------------------------------------------------------------------------------------------------
def machine(name: str) -> dict[str, Any]:
    """A state machine as it is in infra/."""
    loaded: dict[str, Any] = json.loads((ROOT / "infra" / f"{name}.asl.json").read_text(encoding="utf-8"))
    return loaded


def tasks(name: str) -> dict[str, State]:
    """The states of a machine that call something, those of a map's items included."""
    found: dict[str, State] = {}

    def collect(states: Mapping[str, State]) -> None:
        for state_name, state in states.items():
            if state["Type"] in {"Task", "Map"}:
                found[state_name] = state
            if "ItemProcessor" in state:
                collect(state["ItemProcessor"]["States"])

    collect(machine(name)["States"])
    return found


def grouped(states: Mapping[str, State], alike: Callable[[State], object]) -> list[tuple[list[str], State]]:
    """States that are alike, put together, in the order of the first of each."""
    groups: dict[str, tuple[list[str], State]] = {}
    for name, state in states.items():
        groups.setdefault(json.dumps(alike(state), sort_keys=True), ([], state))[0].append(name)
    return list(groups.values())


def _edges(state: State) -> list[tuple[str, str]]:
    """Where a state leads, and on what."""
    edges = [("", state["Next"])] if "Next" in state else []
    edges += [("", choice["Next"]) for choice in state.get("Choices", [])]
    edges += [("else", state["Default"])] if "Default" in state else []
    edges += [(_words(clause["ErrorEquals"]), clause["Next"]) for clause in state.get("Catch", [])]
    return edges


def _words(names: Iterable[str]) -> str:
    return ", ".join("failed for good" if name == "States.ALL" else name for name in names)


def state_diagram() -> str:
    """The escalation as a picture: states that lead to the same places are drawn as one."""
    described = machine("escalation")
    groups = grouped(described["States"], lambda state: [state["Type"], _edges(state)])
    node = {name: f"s{number}" for number, (names, _) in enumerate(groups) for name in names}
    lines = ["flowchart TD", f"    start((start)) --> {node[described['StartAt']]}"]
    for names, state in groups:
        label = "<br/>".join(names)
        opens, closes = {"Choice": ("{", "}"), "Succeed": ("([", "])"), "Fail": ("([", "])")}.get(
            state["Type"], ("[", "]")
        )
        lines.append(f'    {node[names[0]]}{opens}"{label}"{closes}')
    for names, state in groups:
        labels: dict[str, list[str]] = {}
        for label, target in _edges(state):
            labels.setdefault(node[target], []).append(label)
        for target, told in labels.items():
            shown = "<br/>or ".join(dict.fromkeys(filter(None, told)))
            arrow = f'-- "{shown}" -->' if shown and "" not in told else "-->"
            lines.append(f"    {node[names[0]]} {arrow} {target}")
            if shown and "" in told:
                lines.append(f'    {node[names[0]]} -. "{shown}" .-> {target}')
    return "```mermaid\n" + "\n".join(lines) + "\n```"


#: Errors that are never raised themselves.
BASES = ("TransientError", "PermanentError")


# --- errors ----------------------------------------------------------------------------------------------------------
def own_errors() -> dict[str, str]:
    """The errors of ours that a workflow can meet, and what they mean."""
    source = ast.parse((ROOT / "layers/common/arrears/runtime.py").read_text(encoding="utf-8"))
    unexpected = next(each for each in source.body if isinstance(each, ast.ClassDef) and each.name == "UnexpectedError")
    found = {
        name: summary(each.__doc__)
        for name, each in vars(errors).items()
        if isinstance(each, type)
        and issubclass(each, errors.TransientError | errors.PermanentError)
        and name not in BASES
    }
    return found | {"UnexpectedError": summary(ast.get_docstring(unexpected))}


def error_table() -> str:
    """What becomes of each error, workflow by workflow."""
    ours = own_errors()
    parts = [table(("error", "what it is"), ((f"`{name}`", meaning) for name, meaning in ours.items()))]
    for path in sorted((ROOT / "infra").glob("*.asl.json")):
        name = path.name.removesuffix(".asl.json")
        parts.append(f"In `infra/{path.name}`:\n\n{_errors_of(tasks(name), ours)}")
    return "\n\n".join(parts)


def _errors_of(states: Mapping[str, State], ours: Iterable[str]) -> str:
    groups = grouped(states, lambda state: [state.get("Retry"), state.get("Catch")])
    named = [
        name
        for state in states.values()
        for clause in (*state.get("Retry", ()), *state.get("Catch", ()))
        for name in clause["ErrorEquals"]
    ]
    rows: dict[tuple[str, ...], list[str]] = {}
    for error in dict.fromkeys((*(each for each in ours if each in named), *named)):
        cells = tuple(_fate(state, error) for _, state in groups)
        rows.setdefault(cells, []).append("anything else" if error == "States.ALL" else f"`{error}`")
    body = [(", ".join(names), *cells) for cells, names in rows.items()]
    body.sort(key=lambda row: row[0] == "anything else")
    return table(("error", *(", ".join(names) for names, _ in groups)), body)


def _fate(state: State, error: str) -> str:
    """What a state does with an error that it names; empty where it is like anything else."""
    again = next((clause for clause in state.get("Retry", ()) if error in clause["ErrorEquals"]), None)
    caught = next((clause for clause in state.get("Catch", ()) if error in clause["ErrorEquals"]), None)
    if again is None and caught is None:
        return ""
    caught = caught or next(
        (clause for clause in state.get("Catch", ()) if "States.ALL" in clause["ErrorEquals"]), None
    )
    words = []
    if again is not None:
        attempts = again["MaxAttempts"]
        words.append(f"tried again {'once' if attempts == 1 else f'up to {attempts} times'}")
    words.append(f"{caught['Next']}" if caught is not None else "fails")
    return ", then ".join(words)


# --- the template ----------------------------------------------------------------------------------------------------
def function_table() -> str:
    """Each function: what it does, and the events to try it with."""
    rows = []
    for logical_id, function in functions(load()).items():
        folder = Path(function["CodeUri"]).name
        source = (ROOT / "functions" / folder / "app.py").read_text(encoding="utf-8")
        events = sorted((ROOT / "events" / folder).glob("*.json"))
        links = "<br/>".join(f"[{event.stem}](events/{folder}/{event.name})" for event in events)
        rows.append((f"`{logical_id}`", summary(ast.get_docstring(ast.parse(source))), links))
    return table(("function", "what it does", "events"), rows)


def parameter_table() -> str:
    """The template's parameters."""
    return table(
        ("parameter", "default", "what it is"),
        (
            (f"`{name}`", f"`{body['Default']}`" if body.get("Default") != "" else "none", body["Description"])
            for name, body in load()["Parameters"].items()
        ),
    )


_STATISTICS = {"Sum": "in all", "Maximum": "at once", "Average": "on average"}
_COMPARED = {"GreaterThanThreshold": "more than", "GreaterThanOrEqualToThreshold": "at least"}


def alarm_table() -> str:
    """The alarms, and when each rings."""
    rows = []
    for name, body in resources(load(), "AWS::CloudWatch::Alarm").items():
        alarm = body["Properties"]
        threshold = alarm["Threshold"]
        than = f"`{threshold['Ref']}`" if isinstance(threshold, dict) else f"{threshold}"
        of = [_place(each["Value"]) for each in alarm.get("Dimensions", [])]
        where = "".join(f" of `{each.removesuffix('.QueueName')}`" for each in of if each != "AWS::StackName")
        metric = f"`{alarm['MetricName']}`{where}"
        rings = (
            f"{metric}: {_COMPARED[alarm['ComparisonOperator']]} {than} {_STATISTICS[alarm['Statistic']]} "
            f"in {_period(alarm['Period'])}"
        )
        rings += f", {alarm['EvaluationPeriods']} times in a row" if alarm["EvaluationPeriods"] > 1 else ""
        rings += ", or no word at all" if alarm["TreatMissingData"] == "breaching" else ""
        rows.append((f"[`{name}`](runbook/{name}.md)", rings, alarm["AlarmDescription"]))
    return table(("alarm", "rings when", "what it means"), rows)


def _period(seconds: int) -> str:
    """A period in words: `5 minutes`, `an hour`, `a day`."""
    return {3600: "an hour", 86400: "a day"}.get(seconds, f"{seconds // 60} minutes")


def grant_table() -> str:
    """What each function may do, from its policy in the template."""
    granted = {name: _grants(body) for name, body in functions(load()).items()}
    everybody = set.intersection(*(set(grants) for grants in granted.values()))
    rows = (
        (f"`{name}`", "<br/>".join(grant for grant in grants if grant not in everybody))
        for name, grants in granted.items()
    )
    shared = "".join(f"\n\nEvery function: {grant}." for grant in sorted(everybody))
    return table(("function", "may do"), rows) + shared


def _grants(function: Mapping[str, Any]) -> list[str]:
    found = []
    for document in function.get("Policies", []):
        for statement in document["Statement"]:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            places = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            where = ", ".join(f"`{_place(place)}`" for place in places)
            found.append(f"{', '.join(f'`{action}`' for action in actions)} on {where}")
    return found


def _place(resource: Any) -> str:
    match resource:
        case str():
            return resource
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [name, attribute]}:
            return str(name) if attribute == "Arn" else f"{name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)(?:\.Arn)?\}", r"\1", text)
    raise SystemExit(f"a resource that {Path(__file__).name} cannot describe: {resource}")


# --- putting it in ---------------------------------------------------------------------------------------------------
#: Where each part stands, and what makes it.
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"functions": function_table},
    "docs/policy.md": {"keys": policy_keys},
    "docs/rules.md": {"rules": pack_rules, "keys": pack_keys},
    "docs/architecture.md": {"states": state_diagram, "errors": error_table},
    "docs/operations.md": {"parameters": parameter_table, "alarms": alarm_table},
    "docs/privileges.md": {"grants": grant_table},
    **MEASURED,
}


def made(file: str, text: str) -> str:
    """A document with its parts as they are to be."""
    for name, make in PARTS[file].items():
        begin, end = f"<!-- made: {name} -->\n", f"\n<!-- end: {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"{file}: there is no place for {name}: {begin.strip()} ... {end.strip()}")
        text = f"{before}{begin}\n{make()}\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Write the documents, or with `--check` say which are out of date."""
    stale = []
    for file in PARTS:
        path = ROOT / file
        text = path.read_text(encoding="utf-8")
        wanted = made(file, text)
        if wanted != text:
            stale.append(file)
            if "--check" not in arguments:
                path.write_text(wanted, encoding="utf-8")
    if stale:
        print(f"{'out of date' if '--check' in arguments else 'written'}: {', '.join(stale)}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
