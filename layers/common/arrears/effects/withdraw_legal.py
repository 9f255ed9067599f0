"""Tell the legal department that a case that was filed is paid, so that the suit is withdrawn."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from arrears.effects.folders import legal_folder, withdrawal_folder
from arrears.effects.known import plan_of, written
from arrears.effects.ports import Objects
from arrears.errors import PermanentSetupError
from arrears.usecases.carry_out import Effect, Work

WITHDRAWAL_SCHEMA: Final = "legal-withdrawal-1"
MANIFEST_SCHEMA: Final = "legal-manifest-1"


@dataclass(frozen=True)
class WithdrawLegal:
    """Writes `withdrawal.json`, and the manifest last. All dates come from the events."""

    legal: Objects

    def __call__(self, work: Work) -> Effect:
        """Withdraw the case of an action.

        Raises:
            PermanentSetupError: the case was never filed.
            TransientServiceError: the bucket is busy.
        """
        case, on = work.record.case, plan_of(work).on
        filed_on = next((done.on for done in case.done if done.action == "file_legal"), None)
        if filed_on is None:
            raise PermanentSetupError(f"{case.case_id}: was never filed")
        arrears = case.arrears(on)
        court = case.court[-1] if case.court else None
        withdrawal = {
            "case_id": case.case_id,
            "account_id": case.account_id,
            "schema": WITHDRAWAL_SCHEMA,
            "withdrawn_on": on.isoformat(),
            "filed_on": filed_on.isoformat(),
            "filed_as": legal_folder(case.case_id, filed_on),
            "court_reference": next((each.reference for each in reversed(case.court) if each.reference), None),
            "last_status": court.status if court is not None else None,
            "reason": plan_of(work).reason,
            "currency": arrears.currency,
            "arrears": written(arrears),
            "payments": [
                {
                    "payment_id": payment.payment_id,
                    "on": payment.paid_on.isoformat(),
                    "currency": payment.amount.currency,
                    "amount": written(payment.amount),
                    "source": payment.source,
                }
                for payment in sorted(case.payments, key=lambda each: (each.paid_on, each.payment_id))
                if filed_on <= payment.paid_on <= on
            ],
        }
        folder = withdrawal_folder(case.case_id, on)
        body = (json.dumps(withdrawal, ensure_ascii=False, indent=2) + "\n").encode()
        manifest = {
            "schema": MANIFEST_SCHEMA,
            "case_id": case.case_id,
            "account_id": case.account_id,
            "date": on.isoformat(),
            "case_count": 1,
            "totals_by_currency": {arrears.currency: written(arrears)},
            "files": [
                {
                    "key": f"{folder}withdrawal.json",
                    "bytes": len(body),
                    "sha256": hashlib.sha256(body).hexdigest(),
                    "rows": 0,
                }
            ],
        }
        told = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()
        self.legal.put(f"{folder}withdrawal.json", body, "application/json")
        self.legal.put(f"{folder}manifest.json", told, "application/json")
        return Effect(f"{folder}manifest.json", (("folder", folder),))
