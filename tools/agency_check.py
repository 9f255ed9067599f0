#!/usr/bin/env python3
"""Check a day's folder that a bank placed with you: complete, unchanged, and signed by the bank.

    aws s3 sync s3://BUCKET/agency_id=north/placements/date=2006-01-09/ FOLDER
    python3 agency_check.py FOLDER --key manifest-signing.pem

The key is the bank's, from `agency_id=<you>/keys/manifest-signing.pem`; keep it from the first day on and do not fetch
it anew with each set. It needs Python 3.9 or newer and the package `cryptography`, and nothing else of Arrears.

It ends with exit code 0 and prints what an acknowledgement needs (`--ack FILE` writes it), or with 1 and every fault
that it found: a signature that is not the bank's, a file that is missing, was changed, was added, or has another number
of rows, cases or totals that do not add up. 2 is a command line that makes no sense.
"""

import argparse
import csv
import hashlib
import io
import json
import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"


def check(folder: Path, key: bytes) -> Iterator[str]:
    """Yield what is wrong with a folder; nothing for one that is complete and authentic.

    Args:
        folder: holds the manifest, its signature and the files that it lists.
        key: the bank's public key, PEM.
    """
    try:
        manifest_bytes = (folder / MANIFEST).read_bytes()
        signature = (folder / SIGNATURE).read_bytes()
    except OSError as error:
        yield f"{error.filename}: {error.strerror}: the set is not complete"
        return
    fault = signature_fault(manifest_bytes, signature, key)
    if fault:
        # What follows goes by the manifest: of one that is not the bank's nothing can be said.
        yield fault
        return
    try:
        manifest = json.loads(manifest_bytes)
        entries = {str(entry["key"]).rsplit("/", 1)[-1]: entry for entry in manifest["files"]}
    except (ValueError, KeyError, TypeError) as error:
        yield f"{MANIFEST}: cannot be read: {type(error).__name__}"
        return
    if manifest.get("signature", {}).get("algorithm") != ALGORITHM:
        yield f"{MANIFEST}: is signed with another algorithm than {ALGORITHM}"
    yield from _files(folder, manifest, entries)
    yield from _cases(folder, manifest, entries)


def signature_fault(manifest: bytes, signature: bytes, key: bytes) -> str:
    """Return what is wrong with a signature; an empty text for one that is the bank's."""
    try:
        public = serialization.load_pem_public_key(key)
    except ValueError:
        return "the key is no public key in PEM"
    if not isinstance(public, rsa.RSAPublicKey):
        return "the key is no RSA key"
    try:
        public.verify(signature, manifest, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return f"{SIGNATURE}: is not the bank's signature of {MANIFEST}"
    return ""


def _files(folder: Path, manifest: dict[str, Any], entries: dict[str, Any]) -> Iterator[str]:
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(here - set(entries) - {MANIFEST, SIGNATURE}):
        yield f"{name}: is not in the manifest: it was added"
    if len(entries) != len(manifest["files"]):
        yield f"{MANIFEST}: lists a file twice"
    for name, entry in sorted(entries.items()):
        path = folder / name
        if name not in here:
            yield f"{name}: is missing"
            continue
        body = path.read_bytes()
        if len(body) != entry["bytes"]:
            yield f"{name}: has {len(body)} bytes, the manifest says {entry['bytes']}"
        if hashlib.sha256(body).hexdigest() != entry["sha256"]:
            yield f"{name}: was changed: its SHA-256 is not the manifest's"
        rows = _rows(name, body)
        if rows is not None and len(rows) != entry["rows"]:
            yield f"{name}: has {len(rows)} rows, the manifest says {entry['rows']}"


def _rows(name: str, body: bytes) -> "list[dict[str, Any]] | None":
    """Return the rows of a table; none of one that cannot be read, None for a file that is no table."""
    if not name.endswith((".csv", ".jsonl")):
        return None
    try:
        text = body.decode("utf-8")
        if name.endswith(".csv"):
            return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        return [json.loads(line) for line in text.split("\n") if line]
    except (ValueError, csv.Error):
        return []


def _cases(folder: Path, manifest: dict[str, Any], entries: dict[str, Any]) -> Iterator[str]:
    """Check that the tables agree with the manifest and with each other."""
    tables = {
        name: rows
        for name in sorted(entries)
        if (folder / name).is_file() and (rows := _rows(name, (folder / name).read_bytes())) is not None
    }
    for name, rows in tables.items():
        cases = {str(row.get("case_id", "")) for row in rows}
        if len(cases) != manifest.get("case_count"):
            yield f"{name}: has {len(cases)} cases, the manifest says {manifest.get('case_count')}"
        totals: dict[str, Decimal] = {}
        for row in rows:
            try:
                currency = str(row.get("currency", ""))
                totals[currency] = totals.get(currency, Decimal(0)) + Decimal(str(row.get("arrears", "")))
            except InvalidOperation:
                yield f"{name}: the arrears of {row.get('case_id')} are no number"
        told = {str(currency): Decimal(str(total)) for currency, total in manifest["totals_by_currency"].items()}
        if totals != told:
            yield f"{name}: its arrears do not add up to the manifest's totals"
        if any(str(row.get("agency_id")) != manifest.get("agency_id") for row in rows):
            yield f"{name}: holds a row that is another agency's"
        if "cases.jsonl" in entries:
            for case_id in sorted(cases):
                if f"{case_id}.pdf" not in entries:
                    yield f"{case_id}.pdf: is not in the manifest"
    if {"cases.csv", "cases.jsonl"} <= set(tables):
        of_csv = [row.get("case_id") for row in tables["cases.csv"]]
        if of_csv != [row.get("case_id") for row in tables["cases.jsonl"]]:
            yield "cases.csv and cases.jsonl do not hold the same cases"


def acknowledgement(folder: Path) -> dict[str, Any]:
    """Return what to write to `acks/` for a folder that is good."""
    body = (folder / MANIFEST).read_bytes()
    manifest = json.loads(body)
    return {
        "manifest": str(manifest["files"][0]["key"]).rsplit("/", 1)[0] + "/" + MANIFEST,
        "sha256": hashlib.sha256(body).hexdigest(),
        "accepted": manifest["case_count"],
        "problems": [],
    }


def main(arguments: "list[str] | None" = None) -> int:
    """Check a folder; the exit code says whether it is good."""
    parser = argparse.ArgumentParser(description="Check a day's folder: complete, unchanged, signed by the bank.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a copy of one day's folder")
    parser.add_argument("--key", type=Path, required=True, metavar="PEM", help="the bank's public key")
    parser.add_argument("--ack", type=Path, metavar="FILE", help="write the acknowledgement of a good folder here")
    args = parser.parse_args(arguments)
    try:
        return _checked(args)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2


def _checked(args: argparse.Namespace) -> int:
    faults = list(check(args.folder, args.key.read_bytes()))
    for fault in faults:
        print(fault)
    if faults:
        print(f"{len(faults)} faults: do not work with this set, and tell the bank")
        return 1
    ack = acknowledgement(args.folder)
    print(f"good: {ack['accepted']} cases, complete and signed by the bank")
    if args.ack is not None:
        args.ack.write_text(json.dumps(ack, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
