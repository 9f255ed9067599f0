"""What an event tells of: which kind of file it is, and whose."""

import pytest

from arrears.usecases.drop import (
    drop_of,
    kind_of_rows,
    piece_key,
    piece_rejects_key,
    rejects_key,
    report_key,
    result_key,
    run_of,
)


def detail(bucket: str, key: str, **stored: str) -> dict[str, object]:
    return {"bucket": {"name": bucket}, "object": {"key": key, **stored}}


@pytest.mark.parametrize(
    ("bucket", "key", "kind", "agency_id"),
    [
        ("inbound", "portfolio/a.csv", "portfolio", ""),
        ("inbound", "payments/2005/06/a b+ç.csv.gz", "payments", ""),
        ("inbound", "letters/", "letters", ""),
        ("inbound", "portfolio", "", ""),
        ("inbound", "returns/a.csv", "", ""),
        ("inbound", "reports/portfolio/a.csv.json", "", ""),
        ("inbound", "agency_id=x/returns/a.csv", "", ""),
        ("agency", "agency_id=x.y-1/returns/a.csv", "returns", "x.y-1"),
        ("agency", "agency_id=x/acks/deep/a.json", "acks", "x"),
        ("agency", "agency_id=x/returns/", "", ""),
        ("agency", "agency_id=x/placements/date=2005-06-02/cases.csv", "", ""),
        ("agency", "agency_id=/returns/a.csv", "", ""),
        ("agency", "agency_id=a/b/returns/a.csv", "", ""),
        ("agency", "reports/agency_id=x/returns/a.csv.json", "", ""),
        ("agency", "portfolio/a.csv", "", ""),
    ],
)
def test_the_key_says_what_a_file_is(bucket: str, key: str, kind: str, agency_id: str) -> None:
    drop = drop_of(detail(bucket, key), "inbound", "agency")

    assert (drop["kind"], drop["agency_id"]) == (kind, agency_id)


def test_a_run_is_named_for_the_version_and_without_one_for_the_content() -> None:
    def run(key: str, **stored: str) -> str:
        return drop_of(detail("inbound", key, **stored), "inbound", "agency")["run"]

    assert run("portfolio/a", **{"version-id": "1"}) == run("portfolio/a", **{"version-id": "1", "etag": "x"})
    assert run("portfolio/a", **{"version-id": "1"}) != run("portfolio/a", **{"version-id": "2"})
    assert run("portfolio/a", **{"version-id": "1"}) != run("portfolio/b", **{"version-id": "1"})
    assert run("portfolio/a", etag="x") != run("portfolio/a", etag="y")


def test_what_comes_of_a_piece_lies_beside_it() -> None:
    drop = drop_of(detail("inbound", "portfolio/a", etag="x"), "inbound", "agency")
    piece = piece_key(run_of(drop, "x"), 7)

    assert piece == f"work/{drop['run']}/pieces/0007.jsonl"
    assert result_key(piece) == f"work/{drop['run']}/results/0007.json"
    assert piece_rejects_key(piece) == f"work/{drop['run']}/rejects/0007.jsonl"


def test_reports_lie_where_no_rule_looks() -> None:
    for key in (report_key("portfolio/a.csv"), rejects_key("agency_id=x/returns/a.csv"), piece_key("run", 1)):
        for bucket in ("inbound", "agency"):
            assert drop_of(detail(bucket, key), "inbound", "agency")["kind"] == ""


@pytest.mark.parametrize("kind", ["", "acks"])
def test_an_acknowledgement_has_no_rows_of_accounts(kind: str) -> None:
    drop = drop_of(detail("inbound", "other"), "inbound", "agency")

    with pytest.raises(ValueError, match="no rows"):
        kind_of_rows({**drop, "kind": kind})  # type: ignore[typeddict-item] # any of its values
