"""The demo's last act: a day over three agencies, from the allocation to the statement, and where to look.

After the replay the stack gets the policy that says everything (`tw-credit-card-full.yaml`), with the way to an agency
made short, and some fifty of the sample's accounts under other names. One day allocates them; each agency's set is
checked with the agencies' own script, acknowledged, part-paid through an agency, paid in full, recalled, and the month
is stated.
"""

import csv
import gzip
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from arrears.domain.dates import ONE_DAY
from arrears.domain.events import AgencyAssigned
from arrears.effects.exports import Exports
from arrears.effects.folders import placements_folder, public_key_key, recalls_folder
from arrears.effects.wording import Wordings
from arrears.files import COLUMNS
from arrears.local.driver import Driver
from arrears.policy_file import load_policy
from arrears.resources import resource
from arrears.stack import Stack
from arrears.usecases.statements import Statements

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCOUNTS = 54
#: The names of the last act's accounts begin so, so that they are nobody's of the replay.
PREFIX = "AG"
#: What is paid through the agency, before the bank is paid the rest.
PART_PAID = Decimal("100.00")


class ActError(Exception):
    """The last act does not show what it is to show."""


def play(stack: Stack, driver: Driver, s3: "S3Client", papers: Path, root: Path) -> Iterator[str]:
    """Play the last act from the stack's business date on; yield what it shows, line by line.

    Args:
        stack: the embedded stack, its business date not opened yet.
        driver: plays its days.
        s3: a client.
        papers: where the agencies' sets and the statement are copied to.
        root: the project's folder, with the sample and the agencies' script.

    Raises:
        ActError: something is not as it is to be.
    """
    day = driver.stack.settings.clock().set_to
    if day is None:
        raise ActError("the stack's clock is not set")
    _publish(stack, papers)
    accounts = _rows(day, root)
    _drop(s3, stack.output("InboundBucket"), "portfolio/agencies.csv", accounts)
    driver.advance(day + ONE_DAY)
    given = _allocation(stack, accounts, day)
    yield f"a day over three agencies: {sum(given.values())} cases placed on {day}"
    for agency_id, count in sorted(given.items()):
        checked = _checked(s3, stack, agency_id, day, papers, root / "tools" / "agency_check.py")
        yield f"    {agency_id:<8}{count:>3} cases   {checked}"
    yield from _life(stack, driver, s3, day, papers)


def _publish(stack: Stack, papers: Path) -> None:
    """Publish the policy that says everything, with cases going to an agency on the day they are old enough."""
    fields = yaml.safe_load(resource("tw-credit-card-full.yaml").read_text(encoding="utf-8"))
    fields["version"] = "demo"
    fields["stages"]["agency"]["requires"] = []
    path = papers / "agencies.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(fields, allow_unicode=True, sort_keys=False), encoding="utf-8")
    policy_file = load_policy(path)
    stack.settings.publish(policy_file.document(), policy_file.policy.label)


def _rows(day: date, root: Path) -> list[dict[str, str]]:
    """Return accounts of the sample that owe something, as of a date, each more than three months past due."""
    sample = sorted((root / "infra" / "local" / "sample").rglob("portfolio/*.csv.gz"))
    found: dict[str, dict[str, str]] = {}
    for path in sample:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as opened:
            for row in csv.DictReader(opened):
                if float(row["past_due_amount"] or 0) > 0:
                    found[row["account_id"]] = row
    due = (day - timedelta(days=100)).isoformat()
    chosen = [row for _, row in sorted(found.items())][:ACCOUNTS]
    return [
        {**row, "account_id": f"{PREFIX}{number:04d}", "as_of": day.isoformat(), "oldest_due_date": due}
        for number, row in enumerate(chosen, 1)
    ]


def _drop(s3: "S3Client", bucket: str, key: str, rows: list[dict[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    s3.put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())


def _allocation(stack: Stack, accounts: list[dict[str, str]], day: date) -> Counter[str]:
    given: Counter[str] = Counter()
    for row in accounts:
        case_id = f"{row['account_id']}-{day:%Y%m%d}"
        for envelope in stack.table.envelopes(case_id):
            event = envelope.event
            if isinstance(event, AgencyAssigned):
                given[event.agency_id] += 1
    if sum(given.values()) != len(accounts):
        raise ActError(f"{len(accounts)} accounts, but {sum(given.values())} cases with agencies")
    return given


def _copied(s3: "S3Client", stack: Stack, prefix: str, to: Path) -> Path:
    bucket = stack.output("AgencyBucket")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            path = to / item["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
    return to / prefix


def _checked(s3: "S3Client", stack: Stack, agency_id: str, day: date, papers: Path, script: Path) -> str:
    """Check a set with the agencies' script, and acknowledge it."""
    folder = _copied(s3, stack, placements_folder(agency_id, day), papers)
    key = _copied(s3, stack, public_key_key(agency_id), papers)
    ack = papers / f"ack-{agency_id}.json"
    command: list[str | Path] = [sys.executable, script, folder, "--key", key, "--ack", ack]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    if checked.returncode:
        raise ActError(f"the set of {agency_id}: {checked.stdout}")
    name = f"agency_id={agency_id}/acks/{day}.json"
    s3.put_object(Bucket=stack.output("AgencyBucket"), Key=name, Body=ack.read_bytes())
    return checked.stdout.strip()


def _life(stack: Stack, driver: Driver, s3: "S3Client", day: date, papers: Path) -> Iterator[str]:
    """Part-pay a case through its agency, pay the rest, and state the month."""
    first = next(each for each in Exports(stack.table).rows(day) if each.kind == "PLACEMENT")
    case_id, agency_id = str(first.fields["case_id"]), first.agency_id
    arrears, currency = Decimal(str(first.fields["arrears"])), str(first.fields["currency"])
    row = dict.fromkeys(COLUMNS["returns"], "") | {
        "return_id": "DEMO-1",
        "case_id": case_id,
        "at": (day + ONE_DAY).isoformat(),
        "outcome": "payment",
        "amount": f"{PART_PAID}",
        "currency": currency,
    }
    _drop(s3, stack.output("AgencyBucket"), f"agency_id={agency_id}/returns/{day}.csv", [row])
    driver.advance(day + 2 * ONE_DAY)
    paid = {
        "payment_id": "DEMO-2",
        "account_id": str(first.fields["account_id"]),
        "paid_at": f"{day + 2 * ONE_DAY}T10:00:00+08:00",
        "amount": f"{arrears - PART_PAID}",
        "currency": currency,
    }
    _drop(s3, stack.output("InboundBucket"), "payments/agencies.csv", [paid])
    driver.advance(day + 3 * ONE_DAY)
    recalls = recalls_folder(agency_id, day + 2 * ONE_DAY)
    recalled = _copied(s3, stack, recalls, papers) / "manifest.json"
    if not recalled.is_file() or json.loads(recalled.read_text(encoding="utf-8"))["case_count"] < 1:
        raise ActError(f"{case_id} was paid and is not among the recalls of {agency_id}")
    made = Statements(Exports(stack.table), Wordings(production=False))
    month = f"{day:%Y-%m}"
    for name, body in made.files(agency_id, month, stack.settings.active()).items():
        (papers / name).write_bytes(body)
    statement, _ = made.of(agency_id, month, stack.settings.active())
    collected, received = statement.collected(currency), statement.received(currency)
    yield f"    {case_id}: {collected} through {agency_id}, {received} to the bank, recalled the same day"
    yield f"    statement of {agency_id} for {month}: commission {statement.commission(currency)} on both"
    yield f"    sets, key and statement: {papers}"


#: What to type to look further: the command and what it shows.
COMMANDS = (
    ("agency status", "which sets are acknowledged, and what each agency has"),
    ("agency operator", "cases that go nowhere by themselves"),
    ("legal due", "what waits to be sued, and by when"),
)
