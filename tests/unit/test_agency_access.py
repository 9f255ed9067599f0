"""What one agency may do with `infra/agency-access.yaml`: a table of requests, and proof that the table can fail."""

import copy
import re
from collections.abc import Callable
from typing import Any, get_args

import pytest

from arrears.domain.policy import AgencyFiles
from arrears.usecases.agency_files import check_key
from tests.support.iam import Request, is_allowed
from tools.template import ROOT, Resolver, load

TEMPLATE = ROOT / "infra" / "agency-access.yaml"
BUCKET = "arrears-agencybucket"
KEY = "arn:aws:kms:eu-west-2:111111111111:key/0000-1111"
OTHER_KEY = "arn:aws:kms:eu-west-2:222222222222:key/2222-3333"
AGENCY_ACCOUNT, EXTERNAL_ID = "222222222222", "a-word-agreed-with-north"
PARAMETERS = {
    "AgencyId": "north",
    "AgencyAccountId": AGENCY_ACCOUNT,
    "ExternalId": EXTERNAL_ID,
    "AgencyBucket": BUCKET,
    "DataKeyArn": KEY,
}
TLS = {"aws:SecureTransport": "true"}
PLAIN = {"aws:SecureTransport": "false"}
SSE = "s3:x-amz-server-side-encryption"
THROUGH_S3 = {"kms:ViaService": "s3.eu-west-2.amazonaws.com"}
OF_THE_BUCKET = {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{BUCKET}"}


def bucket(action: str, prefix: str | None, **context: str) -> Request:
    return Request(action, f"arn:aws:s3:::{BUCKET}", TLS | ({} if prefix is None else {"s3:prefix": prefix}) | context)


def on_object(action: str, key: str, context: dict[str, str] = TLS, name: str = BUCKET) -> Request:
    return Request(action, f"arn:aws:s3:::{name}/{key}", context)


def key(action: str, context: dict[str, str], arn: str = KEY) -> Request:
    return Request(action, arn, TLS | context)


OWN = "agency_id=north"
ALL_TYPES = AgencyFiles(returns_types=(".csv", ".csv.gz", ".jsonl", ".jsonl.gz"))
ALLOWED = "allow"
DENIED = "deny"
#: What is asked for, and whether it is allowed. A bucket's listing and its objects, then the key.
REQUESTS: list[tuple[str, str, Request]] = [
    # listing
    (ALLOWED, "list own folder", bucket("s3:ListBucket", f"{OWN}/")),
    (ALLOWED, "list own placements of a date", bucket("s3:ListBucket", f"{OWN}/placements/date=2005-09-01/")),
    (ALLOWED, "list own recalls", bucket("s3:ListBucket", f"{OWN}/recalls/")),
    (ALLOWED, "list what it wrote", bucket("s3:ListBucket", f"{OWN}/returns/")),
    (DENIED, "list everything, with no prefix", bucket("s3:ListBucket", None)),
    (DENIED, "list everything, with an empty prefix", bucket("s3:ListBucket", "")),
    (DENIED, "list the names of agencies", bucket("s3:ListBucket", "agency_id=")),
    (DENIED, "list the beginning of its own name", bucket("s3:ListBucket", "agency_id=nort")),
    (DENIED, "list another agency", bucket("s3:ListBucket", "agency_id=south/placements/")),
    (DENIED, "list an agency whose name begins with its own", bucket("s3:ListBucket", "agency_id=north-west/")),
    (DENIED, "list its own name without a slash", bucket("s3:ListBucket", OWN)),
    (ALLOWED, "list the reports on its own files", bucket("s3:ListBucket", f"reports/{OWN}/returns/")),
    (ALLOWED, "list what was refused of its own files", bucket("s3:ListBucket", f"rejects/{OWN}/")),
    (DENIED, "list the reports", bucket("s3:ListBucket", "reports/")),
    (DENIED, "list another agency's reports", bucket("s3:ListBucket", "reports/agency_id=south/")),
    (DENIED, "list north-west's refused rows", bucket("s3:ListBucket", "rejects/agency_id=north-west/")),
    (DENIED, "list old versions", bucket("s3:ListBucketVersions", f"{OWN}/")),
    (DENIED, "list uploads under way", bucket("s3:ListBucketMultipartUploads", f"{OWN}/")),
    (DENIED, "list without TLS", bucket("s3:ListBucket", f"{OWN}/", **PLAIN)),
    # reading
    (ALLOWED, "read a manifest", on_object("s3:GetObject", f"{OWN}/placements/date=2005-09-01/manifest.json")),
    (ALLOWED, "read a case sheet", on_object("s3:GetObject", f"{OWN}/placements/date=2005-09-01/TW1-20050618.pdf")),
    (ALLOWED, "read recalls", on_object("s3:GetObject", f"{OWN}/recalls/date=2005-09-02/recalls.csv")),
    (ALLOWED, "read a schema", on_object("s3:GetObject", f"{OWN}/schemas/manifest-1.schema.json")),
    (ALLOWED, "read the key that checks signatures", on_object("s3:GetObject", f"{OWN}/keys/manifest-signing.pem")),
    (DENIED, "change the key that checks signatures", on_object("s3:PutObject", f"{OWN}/keys/manifest-signing.pem")),
    (ALLOWED, "read a signature", on_object("s3:GetObject", f"{OWN}/placements/date=2005-09-01/manifest.sig")),
    (ALLOWED, "read the bank's key", on_object("s3:GetObject", f"{OWN}/keys/manifest-signing.pem")),
    (ALLOWED, "read its statement", on_object("s3:GetObject", f"{OWN}/statements/month=2005-09/statement.csv")),
    (DENIED, "read another agency's statement", on_object("s3:GetObject", "agency_id=south/statements/a.csv")),
    (DENIED, "replace the bank's key", on_object("s3:PutObject", f"{OWN}/keys/manifest-signing.pem")),
    (DENIED, "change its statement", on_object("s3:PutObject", f"{OWN}/statements/month=2005-09/statement.csv")),
    (DENIED, "sign with the bank's key", Request("kms:Sign", "arn:aws:kms:eu-west-2:111111111111:key/sign", TLS)),
    (DENIED, "read another agency's cases", on_object("s3:GetObject", "agency_id=south/placements/date=2005-09-01/c")),
    (DENIED, "read north-west's cases", on_object("s3:GetObject", "agency_id=north-west/placements/cases.csv")),
    (DENIED, "read in capitals", on_object("s3:GetObject", "agency_id=NORTH/placements/cases.csv")),
    (DENIED, "read what it wrote", on_object("s3:GetObject", f"{OWN}/returns/2005-09-03.csv")),
    (ALLOWED, "read a report on its own file", on_object("s3:GetObject", f"reports/{OWN}/returns/a.csv.json")),
    (ALLOWED, "read why rows were refused", on_object("s3:GetObject", f"rejects/{OWN}/returns/a.csv.jsonl")),
    (DENIED, "read another agency's report", on_object("s3:GetObject", "reports/agency_id=south/returns/a.csv.json")),
    (DENIED, "read another agency's refusals", on_object("s3:GetObject", "rejects/agency_id=south/acks/a.jsonl")),
    (DENIED, "read north-west's report", on_object("s3:GetObject", "reports/agency_id=north-west/returns/a.csv.json")),
    (DENIED, "read a report of the bank's", on_object("s3:GetObject", "reports/portfolio/a.csv.json")),
    (DENIED, "write a report", on_object("s3:PutObject", f"reports/{OWN}/returns/a.csv.json")),
    (DENIED, "delete a refusal", on_object("s3:DeleteObject", f"rejects/{OWN}/returns/a.csv.jsonl")),
    (DENIED, "read an old version", on_object("s3:GetObjectVersion", f"{OWN}/placements/date=2005-09-01/cases.csv")),
    (DENIED, "read another bucket", on_object("s3:GetObject", f"{OWN}/placements/cases.csv", name="arrears-legal")),
    (DENIED, "read without TLS", on_object("s3:GetObject", f"{OWN}/placements/cases.csv", PLAIN)),
    (DENIED, "read by a path with dots", on_object("s3:GetObject", f"{OWN}/../agency_id=south/placements/cases.csv")),
    # writing
    (ALLOWED, "write an acknowledgement", on_object("s3:PutObject", f"{OWN}/acks/2005-09-01.json")),
    (ALLOWED, "write returns", on_object("s3:PutObject", f"{OWN}/returns/2005-09-03.csv")),
    (ALLOWED, "write returns, compressed", on_object("s3:PutObject", f"{OWN}/returns/2005-09-03.csv.gz")),
    (ALLOWED, "write an acknowledgement, compressed", on_object("s3:PutObject", f"{OWN}/acks/2005-09-01.json.gz")),
    (ALLOWED, "write returns as lines of JSON", on_object("s3:PutObject", f"{OWN}/returns/2005-09-03.jsonl")),
    (DENIED, "write an acknowledgement as lines of JSON", on_object("s3:PutObject", f"{OWN}/acks/a.jsonl")),
    (ALLOWED, "write with the bucket's key, named", on_object("s3:PutObject", f"{OWN}/returns/a.csv", TLS | {
        SSE: "aws:kms", f"{SSE}-aws-kms-key-id": KEY})),
    (DENIED, "write with a key of its own", on_object("s3:PutObject", f"{OWN}/returns/a.csv", TLS | {
        SSE: "aws:kms", f"{SSE}-aws-kms-key-id": OTHER_KEY})),
    (DENIED, "write with S3's key", on_object("s3:PutObject", f"{OWN}/returns/a.csv", TLS | {SSE: "AES256"})),
    (DENIED, "write with a key it sends along", on_object("s3:PutObject", f"{OWN}/returns/a.csv", TLS | {
        f"{SSE}-customer-algorithm": "AES256"})),
    (DENIED, "write a program", on_object("s3:PutObject", f"{OWN}/returns/a.exe")),
    (DENIED, "write an acknowledgement as CSV", on_object("s3:PutObject", f"{OWN}/acks/a.csv")),
    (DENIED, "write returns as JSON", on_object("s3:PutObject", f"{OWN}/returns/a.json")),
    (DENIED, "change its placements", on_object("s3:PutObject", f"{OWN}/placements/date=2005-09-01/cases.csv")),
    (DENIED, "change a recall", on_object("s3:PutObject", f"{OWN}/recalls/date=2005-09-01/recalls.csv")),
    (DENIED, "write for another agency", on_object("s3:PutObject", "agency_id=south/returns/a.csv")),
    (DENIED, "write outside every folder", on_object("s3:PutObject", "returns/a.csv")),
    (DENIED, "write without TLS", on_object("s3:PutObject", f"{OWN}/returns/a.csv", PLAIN)),
    (DENIED, "make an object public", on_object("s3:PutObjectAcl", f"{OWN}/returns/a.csv")),
    # deleting, and changing the bucket
    (DENIED, "delete what it wrote", on_object("s3:DeleteObject", f"{OWN}/returns/a.csv")),
    (DENIED, "delete a version", on_object("s3:DeleteObjectVersion", f"{OWN}/acks/a.json")),
    (DENIED, "delete a placement", on_object("s3:DeleteObject", f"{OWN}/placements/date=2005-09-01/cases.csv")),
    (DENIED, "change the bucket's policy", bucket("s3:PutBucketPolicy", None)),
    (DENIED, "delete the bucket", bucket("s3:DeleteBucket", None)),
    # the key
    (ALLOWED, "decrypt through S3", key("kms:Decrypt", THROUGH_S3 | OF_THE_BUCKET)),
    (ALLOWED, "decrypt its own report where the bucket has no key of its own", key("kms:Decrypt", THROUGH_S3 | {
        "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{BUCKET}/reports/{OWN}/returns/a.csv.json"})),
    (DENIED, "decrypt another agency's report", key("kms:Decrypt", THROUGH_S3 | {
        "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{BUCKET}/reports/agency_id=south/returns/a.csv.json"})),
    (ALLOWED, "encrypt through S3", key("kms:GenerateDataKey", THROUGH_S3 | OF_THE_BUCKET)),
    (DENIED, "decrypt by itself", key("kms:Decrypt", OF_THE_BUCKET)),
    (DENIED, "decrypt through another service", key("kms:Decrypt", OF_THE_BUCKET | {
        "kms:ViaService": "dynamodb.eu-west-2.amazonaws.com"})),
    (DENIED, "decrypt another bucket's", key("kms:Decrypt", THROUGH_S3 | {
        "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::arrears-inboundbucket"})),
    (DENIED, "use another key", key("kms:Decrypt", THROUGH_S3 | OF_THE_BUCKET, OTHER_KEY)),
    (DENIED, "delete the key", key("kms:ScheduleKeyDeletion", THROUGH_S3 | OF_THE_BUCKET)),
    # anything else
    (DENIED, "read the table", Request("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-2:111111111111:table/t", TLS)),
    (DENIED, "take another role", Request("sts:AssumeRole", "arn:aws:iam::111111111111:role/admin", TLS)),
]  # fmt: skip

#: Who asks for the role, with what, and whether it is given.
TRUST: list[tuple[str, str, str, dict[str, str]]] = [
    (ALLOWED, "the agency", AGENCY_ACCOUNT, {"sts:ExternalId": EXTERNAL_ID}),
    (DENIED, "the agency without its external id", AGENCY_ACCOUNT, {}),
    (DENIED, "the agency with another agency's", AGENCY_ACCOUNT, {"sts:ExternalId": "a-word-agreed-with-south"}),
    (DENIED, "the agency with a pattern", AGENCY_ACCOUNT, {"sts:ExternalId": "*"}),
    (DENIED, "somebody else who knows it", "333333333333", {"sts:ExternalId": EXTERNAL_ID}),
]


def role(template: dict[str, Any]) -> dict[str, Any]:
    resolve = Resolver(template, parameters=PARAMETERS, region="eu-west-2", account="111111111111")
    properties: dict[str, Any] = resolve(template["Resources"]["AgencyRole"]["Properties"])
    return properties


def policies(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [policy["PolicyDocument"] for policy in role(template)["Policies"]]


def wrongly_judged(template: dict[str, Any]) -> list[str]:
    """Return the requests of the table that a template does not judge as written."""
    documents = policies(template)
    return [what for wanted, what, request in REQUESTS if is_allowed(documents, request) is not (wanted == ALLOWED)]


def statement(template: dict[str, Any], sid: str) -> dict[str, Any]:
    statements = template["Resources"]["AgencyRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return next(each for each in statements if each["Sid"] == sid)


@pytest.mark.parametrize(("wanted", "what", "request_"), REQUESTS, ids=[what for _, what, _ in REQUESTS])
def test_each_request_is_judged_as_written(wanted: str, what: str, request_: Request) -> None:
    assert is_allowed(policies(load(TEMPLATE)), request_) is (wanted == ALLOWED), what


def test_the_role_lets_in_every_type_that_the_policy_may_let_in() -> None:
    """A type that can be set and that the role forbids could never be used."""
    (types,) = get_args(AgencyFiles.model_fields["returns_types"].annotation)[:1]
    written = [f"returns/2005-09-03{ending}" for ending in get_args(types)]
    assert len(written) == 4
    for name in (*written, "acks/a.json", "acks/a.json.gz"):
        check_key({"kind": name.split("/")[0], "key": f"{OWN}/{name}"}, ALL_TYPES)  # type: ignore[typeddict-item]  # all it reads
        assert is_allowed(policies(load(TEMPLATE)), on_object("s3:PutObject", f"{OWN}/{name}")), name


@pytest.mark.parametrize(("wanted", "who", "account", "context"), TRUST, ids=[who for _, who, _, _ in TRUST])
def test_the_role_is_given_to_the_agency_alone(wanted: str, who: str, account: str, context: dict[str, str]) -> None:
    trust = role(load(TEMPLATE))["AssumeRolePolicyDocument"]
    request = Request("sts:AssumeRole", context=context, principal=f"arn:aws:iam::{account}:root")

    assert is_allowed([trust], request) is (wanted == ALLOWED), who


def _drop_prefix_condition(template: dict[str, Any]) -> None:
    del statement(template, "ListOwnFolder")["Condition"]


def _drop_slash(template: dict[str, Any]) -> None:
    statement(template, "ListOwnFolder")["Condition"]["StringLike"]["s3:prefix"][0] = {
        "Fn::Sub": "agency_id=${AgencyId}*",
    }


def _read_any_report(template: dict[str, Any]) -> None:
    statement(template, "ReadWhatBecameOfItsFiles")["Resource"] = {
        "Fn::Sub": "arn:${AWS::Partition}:s3:::${AgencyBucket}/reports/*",
    }


def _read_anything(template: dict[str, Any]) -> None:
    statement(template, "ReadPlacementsAndRecalls")["Resource"] = {
        "Fn::Sub": "arn:${AWS::Partition}:s3:::${AgencyBucket}/agency_id=*/placements/*",
    }


def _allow_delete(template: dict[str, Any]) -> None:
    statement(template, "WriteAcknowledgementsAndReturns")["Action"] = ["s3:PutObject", "s3:DeleteObject"]


def _drop_encryption(template: dict[str, Any]) -> None:
    del statement(template, "WriteAcknowledgementsAndReturns")["Condition"]


def _drop_tls(template: dict[str, Any]) -> None:
    del template["Resources"]["AgencyRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][-1]


def _drop_via_service(template: dict[str, Any]) -> None:
    del statement(template, "UseTheKeyThroughTheBucketOnly")["Condition"]["StringEquals"]


def _drop_context(template: dict[str, Any]) -> None:
    del statement(template, "UseTheKeyThroughTheBucketOnly")["Condition"]["StringLike"]


#: A change that opens the template, and requests that must then be found wrong.
LOOSENED: list[tuple[Callable[[dict[str, Any]], None], set[str]]] = [
    (_drop_prefix_condition, {"list everything, with no prefix", "list another agency"}),
    (_drop_slash, {"list an agency whose name begins with its own"}),
    (_read_anything, {"read another agency's cases"}),
    (_read_any_report, {"read another agency's report", "read north-west's report", "read a report of the bank's"}),
    (_allow_delete, {"delete what it wrote"}),
    (_drop_encryption, {"write with a key of its own", "write with a key it sends along"}),
    (_drop_tls, {"list without TLS", "read without TLS", "write without TLS"}),
    (_drop_via_service, {"decrypt by itself"}),
    (_drop_context, {"decrypt another bucket's"}),
]


@pytest.mark.parametrize(("loosen", "found"), LOOSENED, ids=[loosen.__name__ for loosen, _ in LOOSENED])
def test_the_table_notices_a_template_that_is_loosened(
    loosen: Callable[[dict[str, Any]], None], found: set[str]
) -> None:
    template = copy.deepcopy(load(TEMPLATE))
    loosen(template)

    assert found <= set(wrongly_judged(template))


def test_the_table_is_long_enough_and_nothing_in_it_is_asked_twice() -> None:
    assert len(REQUESTS) >= 30
    assert len({what for _, what, _ in REQUESTS}) == len(REQUESTS)


@pytest.mark.parametrize("agency_id", ["*", "no?th", "north/..", "", "north south", ".north"])
def test_an_agency_id_that_would_open_other_folders_is_refused(agency_id: str) -> None:
    pattern = load(TEMPLATE)["Parameters"]["AgencyId"]["AllowedPattern"]

    assert re.fullmatch(pattern, agency_id) is None


def test_the_parameters_are_named_as_the_outputs_they_come_from() -> None:
    outputs = load()["Outputs"]

    assert {"AgencyBucket", "DataKeyArn"} <= set(outputs) & set(load(TEMPLATE)["Parameters"])
    assert (
        load(TEMPLATE)["Parameters"]["AgencyId"]["AllowedPattern"] == load()["Parameters"]["AgencyId"]["AllowedPattern"]
    )
