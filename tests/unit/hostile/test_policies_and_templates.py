"""A policy's file and a template are somebody else's text until they are checked: refused, and at little cost."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from arrears.documents.errors import TemplateError
from arrears.documents.templates import FORMAT, Templates
from arrears.documents.yaml_lines import MAX_FILE, read_located
from arrears.policy_file import PolicyFileError, load_policy
from tests.unit.hostile.fuzz import EXAMPLES, at_most, counting, fuzzed, words

POLICY = """name: a
version: "1"
cure_tolerance: {CNY: "1.00"}
stages:
  reminder:
    from: {days_past_due: 1}
    steps: [{action: send_sms, template: just_overdue, every_days: 7, at_most: 3}]
"""
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
#: What it is, its bytes, and what is said of it after the file's name.
HOSTILE: list[tuple[str, bytes, str]] = [
    ("aliases of aliases", LAUGHS.encode(), ":2: aliases (*name) are not allowed: write it out"),
    ("an anchor in itself", b"a: &a [*a]\n", ":1: aliases (*name) are not allowed: write it out"),
    ("brackets", b"[" * 200_000, ":1: nested too deeply"),
    ("braces", b"{a: " * 60_000, ":1: nested too deeply"),
    ("JSON in JSON", b'{"a":' * 50_000, ":1: nested too deeply"),
    ("dashes", b"- " * 100_000, ":1: nested too deeply"),
    ("question marks", b"? " * 100_000, ":1: nested too deeply"),
    ("lines ever deeper", "\n".join(" " * deep + "a:" for deep in range(600)).encode(), ":10: nested too deeply"),
    ("ten megabytes", b"#" * (10 << 20), ": is longer than 256 KiB"),
    ("code", b"name: !!python/object/apply:os.system [id]\n", ":1: the tag tag:yaml.org,2002:python/object/apply:"),
    ("a list as a key", b"? [a, b]\n: c\n", ":1: a key is a text"),
    ("a key twice", b"name: a\nname: b\n", ":2: name is given twice"),
    ("a zero byte", b"name: a\0b\n", ": unacceptable character #x0000"),
    ("Big5", "name: 臺北\n".encode("big5"), ":1: is not UTF-8"),
    ("UTF-16", POLICY.encode("utf-16"), ":1: is not UTF-8"),
]
hostile = pytest.mark.parametrize(
    ("body", "said"), [each[1:] for each in HOSTILE], ids=[each[0].replace(" ", "-") for each in HOSTILE]
)


@hostile
def test_a_policy_is_refused_with_its_place(tmp_path: Path, body: bytes, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(body)

    with pytest.raises(PolicyFileError) as refused, at_most(8 << 20):
        load_policy(path)

    assert str(refused.value).startswith(f"{path}{said}")


@hostile
def test_so_is_a_template_beside_it(tmp_path: Path, body: bytes, said: str) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    path = tmp_path / "just_overdue.yaml"
    path.write_bytes(body)

    with pytest.raises(PolicyFileError) as refused:
        load_policy(tmp_path / "policy.yaml")

    assert str(refused.value).startswith(f"{path}{said}")


def test_of_brackets_only_the_first_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"[" * (MAX_FILE - 1))
    scanned = [0]
    fetch = yaml.SafeLoader.fetch_more_tokens
    monkeypatch.setattr(yaml.SafeLoader, "fetch_more_tokens", counting(fetch, scanned))

    with pytest.raises(TemplateError):
        read_located(path)

    # A key may be 1,024 characters long: so far the scanner looks ahead.
    assert scanned[0] < 2_000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"1.00"', '"1E+999999999"'),
        ('"1.00"', '"NaN"'),
        ('"1.00"', "9" * 5_000),
        ('"1"', "9" * 5_000),
        ("at_most: 3", "at_most: " + "9" * 5_000),
        ("at_most: 3", "at_most: 0x7fffffffffffffff"),
        ("every_days: 7", "every_days: 1e308"),
        ("template: just_overdue", "template: ../../../etc/passwd"),
        ("name: a", "name: ../a"),
        ("name: a", 'name: "\\e[31ma"'),
        ("CNY", "\uff23\uff2e\uff39"),
    ],
)
def test_a_value_that_would_cost_or_lead_elsewhere_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(PolicyFileError):
        load_policy(path)


@given(words, st.integers(0, len(POLICY)), st.integers(0, 20))
@settings(fuzzed, max_examples=EXAMPLES // 2)
def test_whatever_stands_in_a_policy_it_is_good_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, at: int, less: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_bytes((POLICY[:at] + text + POLICY[at + less :]).encode("utf-8", "surrogatepass"))
    try:
        problems = load_policy(path, check_templates=False).warnings
    except PolicyFileError as refused:
        problems = refused.problems
    assert all(problem.reason for problem in problems)


# --- what a label is filled with ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "hole", ["{count:>999999999}", "{count.__class__}", "{count!r}", "{0}", "{}", "{count", "{{x}}"]
)
def test_a_label_holds_plain_names_only(hole: str) -> None:
    labels = {"en": {"days": hole}, "zh-TW": {"days": hole}}

    with pytest.raises(TemplateError, match="a brace that holds no plain name"):
        Templates.from_data({"format": FORMAT, "templates": {}, "labels": labels})


def test_a_label_with_plain_names_is_taken() -> None:
    labels = {"en": {"days": "{count} days"}}

    assert Templates.from_data({"format": FORMAT, "templates": {}, "labels": labels}).labels("en") == labels["en"]
