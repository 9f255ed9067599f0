"""The script that agencies check a day's set with: good is good, and every single change is found."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.keys import LocalKms
from tools.agency_check import acknowledgement, check, main

FOLDER = "agency_id=north/placements/date=2006-01-09/"
BANK = LocalKms()


def pem(kms: LocalKms) -> bytes:
    import base64

    text = base64.b64encode(kms.get_public_key(KeyId="bank")["PublicKey"]).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode()


def sign(folder: Path, kms: LocalKms = BANK) -> None:
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).digest()
    answer = kms.sign(KeyId="bank", Message=digest, MessageType="DIGEST", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")
    (folder / "manifest.sig").write_bytes(answer["Signature"])


def seal(folder: Path, rows: int = 3) -> None:
    """Write a manifest that lists what is there, and sign it."""
    files = []
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("manifest"):
            body = path.read_bytes()
            count = rows if path.suffix in {".csv", ".jsonl"} else 0
            digest = hashlib.sha256(body).hexdigest()
            files.append({"key": FOLDER + path.name, "bytes": len(body), "sha256": digest, "rows": count})
    manifest = {
        "schema": "manifest-1",
        "agency_id": "north",
        "date": "2006-01-09",
        "case_count": rows,
        "totals_by_currency": {"TWD": f"{rows * 100}.50"},
        "files": files,
        "signature": {"algorithm": "RSASSA_PKCS1_V1_5_SHA_256", "key_id": "bank", "file": "manifest.sig"},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    sign(folder)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    cases = [
        {
            "case_id": f"C{number}-20050602",
            "account_id": f"C{number}",
            "agency_id": "north",
            "currency": "TWD",
            "arrears": "100.50" if number == 0 else "100.00",
        }
        for number in range(3)
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(cases[0]))
    writer.writeheader()
    writer.writerows(cases)
    (folder / "cases.csv").write_bytes(text.getvalue().encode())
    (folder / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    for case in cases:
        (folder / f"{case['case_id']}.pdf").write_bytes(b"%PDF-1.7 " + case["case_id"].encode())
    seal(folder)
    return folder


def test_a_good_set_is_good_and_its_acknowledgement_names_it(good: Path, tmp_path: Path) -> None:
    key, ack = tmp_path / "key.pem", tmp_path / "ack.json"
    key.write_bytes(pem(BANK))

    assert not list(check(good, pem(BANK)))
    assert main([str(good), "--key", str(key), "--ack", str(ack)]) == 0
    assert json.loads(ack.read_text()) == acknowledgement(good)
    assert acknowledgement(good) == {
        "manifest": f"{FOLDER}manifest.json",
        "sha256": hashlib.sha256((good / "manifest.json").read_bytes()).hexdigest(),
        "accepted": 3,
        "problems": [],
    }


def _flip(folder: Path, name: str) -> None:
    body = bytearray((folder / name).read_bytes())
    body[len(body) // 2] ^= 1
    (folder / name).write_bytes(body)


def _lose_a_row(folder: Path, name: str) -> None:
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    (folder / name).write_bytes(b"".join(lines[:-1]))


def _other_key(folder: Path) -> None:
    sign(folder, LocalKms())


def _sealed_without(folder: Path) -> None:
    """The bank's own signature over a set whose tables do not agree."""
    _lose_a_row(folder, "cases.jsonl")
    seal(folder)


CHANGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("one byte of a sheet", lambda f: _flip(f, "C1-20050602.pdf"), "C1-20050602.pdf: was changed"),
    ("one byte of the CSV", lambda f: _flip(f, "cases.csv"), "cases.csv: was changed"),
    ("one byte of the rows", lambda f: _flip(f, "cases.jsonl"), "cases.jsonl: was changed"),
    ("one byte of the manifest", lambda f: _flip(f, "manifest.json"), "manifest.sig: is not the bank's signature"),
    ("one byte of the signature", lambda f: _flip(f, "manifest.sig"), "manifest.sig: is not the bank's signature"),
    ("another key", _other_key, "manifest.sig: is not the bank's signature"),
    (
        "a row of the CSV is missing",
        lambda f: _lose_a_row(f, "cases.csv"),
        "cases.csv: has 2 rows, the manifest says 3",
    ),
    ("a row is missing", lambda f: _lose_a_row(f, "cases.jsonl"), "cases.jsonl: has 2 rows, the manifest says 3"),
    ("a file was added", lambda f: (f / "more.pdf").write_bytes(b"x"), "more.pdf: is not in the manifest"),
    ("a file is missing", lambda f: (f / "C0-20050602.pdf").unlink(), "C0-20050602.pdf: is missing"),
    ("no signature", lambda f: (f / "manifest.sig").unlink(), "the set is not complete"),
    ("no manifest", lambda f: (f / "manifest.json").unlink(), "the set is not complete"),
    ("tables that do not agree", _sealed_without, "cases.csv and cases.jsonl do not hold the same cases"),
]


@pytest.mark.parametrize(("change", "found"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_each_change_is_found(
    good: Path, tmp_path: Path, change: Callable[[Path], object], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(pem(BANK))
    changed = tmp_path / "changed"
    shutil.copytree(good, changed)
    change(changed)

    assert main([str(changed), "--key", str(key)]) == 1
    assert found in capsys.readouterr().out


def test_an_acknowledgement_that_cannot_be_written_says_which(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, ack = tmp_path / "key.pem", tmp_path / "nowhere" / "ack.json"
    key.write_bytes(pem(BANK))

    assert main([str(good), "--key", str(key), "--ack", str(ack)]) == 2
    assert capsys.readouterr().err == f"{ack}: No such file or directory\n"


def test_it_needs_nothing_of_arrears() -> None:
    source = Path(__file__).parents[2].joinpath("tools", "agency_check.py").read_text()

    assert "arrears" not in {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith("from ")}
