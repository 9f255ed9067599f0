"""Which stack a command talks to: the embedded one whose `.local/stack.json` lies in this folder, or one on AWS."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from arrears.adapters import aws
from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.errors import PermanentSetupError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

STACK_FILE = Path(".local/stack.json")


@dataclass(frozen=True)
class Stack:
    """A deployed stack.

    Attributes:
        outputs: of the template, by name.
        parameters: of the template, by name.
        embedded: whether it is the embedded stack of this folder.
    """

    outputs: dict[str, str]
    parameters: dict[str, str]
    embedded: bool

    def output(self, name: str) -> str:
        """Return an output; raises `PermanentSetupError` for a stack that does not have it."""
        if name not in self.outputs:
            raise PermanentSetupError(f"the stack has no output {name}: was it deployed from this version?")
        return self.outputs[name]

    @cached_property
    def table(self) -> Table:
        """The delinquency table."""
        return Table(aws.dynamodb(), self.output("TableName"), shards=int(self.parameters.get("Shards", "16")))

    def other_table(self, name: str) -> Table:
        """Return a table that was restored from this stack's own, under another name."""
        return Table(aws.dynamodb(), name, shards=self.table.shards)

    @cached_property
    def settings(self) -> Settings:
        """The settings."""
        return Settings(
            aws.dynamodb(),
            self.output("TableName"),
            production=self.parameters.get("Stage") == "prod",
            default_policy=self.parameters.get("PolicyName", ""),
            agency_id=self.parameters.get("AgencyId", "default"),
        )

    @cached_property
    def functions(self) -> "LambdaClient":
        """The Lambda client."""
        return boto3.client("lambda")


def connect(name: str | None = None) -> Stack:
    """Find the stack: the embedded one of this folder, else the one of that name by AWS's usual chain.

    Raises:
        PermanentSetupError: there is neither, or the folder's file is none that `make up` writes.
    """
    embedded = name is None and STACK_FILE.is_file()
    if embedded:
        described = _described()
        os.environ.update(
            AWS_ENDPOINT_URL=described["endpoint"],
            AWS_DEFAULT_REGION=described["region"],
            AWS_REGION=described["region"],
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - the embedded stack knows no secrets
        )
        os.environ.pop("AWS_PROFILE", None)
        os.environ.pop("AWS_SESSION_TOKEN", None)
        name = described["stack"]
    if name is None:
        raise PermanentSetupError(f"no {STACK_FILE} here: run `make up`, or name a stack on AWS with --stack NAME")
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except (BotoCoreError, ClientError) as error:
        raise PermanentSetupError(f"stack {name} cannot be read: {error}") from error
    return Stack(
        outputs={output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
        parameters={given["ParameterKey"]: given["ParameterValue"] for given in found.get("Parameters", [])},
        embedded=embedded,
    )


def _described() -> dict[str, str]:
    """Return what the folder's file says of its stack."""
    try:
        described = json.loads(STACK_FILE.read_text(encoding="utf-8"))
        texts = {key: described[key] for key in ("endpoint", "region")} | {"stack": described.get("stack", "arrears")}
    except (ValueError, TypeError, KeyError, AttributeError):
        texts = {}
    if not texts or not all(isinstance(text, str) and text for text in texts.values()):
        raise PermanentSetupError(f"{STACK_FILE} is no stack file: run `make up`") from None
    return texts
