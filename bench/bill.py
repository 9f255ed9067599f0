"""The bill for a million cases: the measured counts times the list prices of a dated file, item by item."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PRICES = Path(__file__).with_name("prices-2026-11.yaml")
MILLION = 1_000_000
#: A message is sent, received and deleted, each with a request of its own. A reader that receives and deletes ten at a
#: time and waits for them (SQS developer guide, "Amazon SQS batch actions" and "long polling"), as our own reader of
#: letters does, brings it down to 1.2; but the calls are read by the bank's dialler, of which nothing is known.
_QUEUE_REQUESTS = 3
_S3_READS = ("s3:GetObject", "s3:HeadObject")


@dataclass(frozen=True)
class Line:
    """One item of a bill.

    Attributes:
        number: of it, a case.
        dollars: for a million cases.
    """

    item: str
    number: float
    unit: str
    dollars: float


class Prices:
    """A price file."""

    def __init__(self, path: Path = PRICES) -> None:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.date, self.region = str(read["date"]), str(read["region"])
        self.assumed: Mapping[str, float] = read["assumed"]
        self.sources = {name: str(entry["source"]) for name, entry in read["prices"].items()}
        self._prices = {name: float(entry["price"]) for name, entry in read["prices"].items()}

    def __getitem__(self, name: str) -> float:
        """Return a price, of one: `per_million` ones are divided."""
        return self._prices[name] / (MILLION if name.endswith("_per_million") else 1)


def wait_seconds(calls: Mapping[str, float], prices: Prices) -> float:
    """Return how long functions wait for the answers to their calls."""
    milliseconds = 0.0
    for name, times in calls.items():
        service = name.split(":")[0]
        milliseconds += times * prices.assumed.get(f"{service}_ms", prices.assumed["other_ms"])
    return milliseconds / 1000


def scan_units(lives: Mapping[str, Any], *, nights: int, accounts: int) -> float:
    """Return the read units, a case, of scanning the whole table each night, a million cases among so many accounts.

    What is kept of a case grows from nothing while it is open: half of it is there on average.
    """
    account = lives["account_bytes"] / lives["accounts"]
    case = lives["stored"] / lives["cases"] - account
    return float(nights * (accounts / MILLION * account + case / 2) / 4096 / 2)


def bill(lives: Mapping[str, Any], prices: Prices, scanned: float = 0.0) -> list[Line]:
    """Return the bill for a million cases like some that were measured; that of each design is made here.

    Args:
        lives: what was counted over their lives, as `life.Lives` has it.
        prices: list prices.
        scanned: read units, a case, of what is read whoever is open.
    """
    cases, life, taken_in = lives["cases"], lives["counted"], lives["imported"]
    calls = {name: times / cases for name, times in life["calls"].items()}
    invocations = sum(life["functions"].values()) / cases
    cpu = sum(life["cpu"].values()) / cases
    gb_seconds = cpu * prices.assumed["gb_per_cpu"] + wait_seconds(calls, prices) * prices.assumed["memory_gb"]
    held = prices.assumed["months"] / 2  # it fills up over the life of the cases
    table_gb, s3_gb = lives["stored"] / cases / 1e9, life["stored"] / cases / 1e9
    log_gb = (sum(life["log"].values()) / cases + invocations * prices.assumed["platform_log_bytes"]) / 1e9
    puts = calls.get("s3:PutObject", 0.0)
    reads = sum(calls.get(name, 0.0) for name in _S3_READS)
    traces = 1 + life["functions"].get("wake_case", 0) / cases
    messages = calls.get("sqs:SendMessage", 0.0) * _QUEUE_REQUESTS
    # A scan of a table of so few accounts tells nothing of one at a bank's size: that is `scanned`.
    looked = {name: units for name, units in life["read"].items() if name != "Scan"}
    read = (_total(looked) + _total(taken_in["read"])) / cases
    written, imported = _total(life["write"]) / cases, _total(taken_in["write"]) / cases
    month = prices["table_gb_month"] + prices["backup_gb_month"]
    lines = [
        ("Step Functions: state transitions", life["transitions"] / cases, "", prices["state_transitions_per_million"]),
        ("DynamoDB: write units", written, "", prices["write_units_per_million"]),
        ("DynamoDB: write units of the import", imported, "", prices["write_units_per_million"]),
        ("DynamoDB: read units", read, "", prices["read_units_per_million"]),
        ("DynamoDB: read units of the nightly scan", scanned, "", prices["read_units_per_million"]),
        ("DynamoDB: storage and backup", table_gb * held, "GB-months", month),
        ("Lambda: invocations", invocations, "", prices["lambda_requests_per_million"]),
        ("Lambda: time", gb_seconds, "GB-seconds", prices["lambda_gb_second_arm64"]),
        ("S3: objects written", puts, "", prices["s3_puts_per_million"]),
        ("S3: objects read", reads, "", prices["s3_gets_per_million"]),
        ("S3: storage", s3_gb * held, "GB-months", prices["s3_gb_month"]),
        ("SQS: requests, the readers' among them", messages, "", prices["sqs_fifo_per_million"]),
        ("EventBridge: events", calls.get("events:PutEvents", 0.0), "", prices["events_per_million"]),
        ("CloudWatch Logs: taken in", log_gb, "GB", prices["log_gb"]),
        ("X-Ray: traces", traces * prices.assumed["traced"], "", prices["traces_per_million"]),
    ]
    return [Line(item, number, unit, number * price * MILLION) for item, number, unit, price in lines if number]


def _total(units: Mapping[str, float]) -> float:
    return sum(units.values())
