"""Puts the use cases of the actions together, once a process, from the environment that the template gives.

What draws and words documents is imported only where it is used, so that the other functions start fast.
"""

import os
from functools import cache
from typing import TYPE_CHECKING

from arrears.adapters import aws
from arrears.adapters.s3_objects import Bucket
from arrears.bootstrap import settings, table
from arrears.effects.exports import Exports
from arrears.effects.shadow import NoBus, NoGateway, NoObjects, NoTasks, ShadowExports
from arrears.runtime import count, observe
from arrears.usecases.carry_out import CarryOut, Perform

if TYPE_CHECKING:
    from arrears.adapters.queues import FifoQueue
    from arrears.adapters.settings import Clock
    from arrears.effects.wording import Wordings
    from arrears.usecases.close_day import CloseDay
    from arrears.usecases.watch import Watch


def _carry_out(perform: Perform, rehearse: Perform) -> CarryOut:
    return CarryOut(table(), settings(), perform, observe, rehearse, count)


def _bucket(variable: str) -> Bucket:
    return Bucket(aws.s3(), os.environ[variable])


def _queue(variable: str) -> "FifoQueue":
    from arrears.adapters.queues import FifoQueue

    return FifoQueue(aws.sqs(), os.environ[variable])


@cache
def _wordings() -> "Wordings":
    from arrears.effects.wording import Wordings

    return Wordings(production=settings().production)


@cache
def send_sms() -> CarryOut:
    """The use case of `send_sms`."""
    from arrears.adapters.sms import SnsSms
    from arrears.adapters.spending import TableSpending
    from arrears.effects.send_sms import SendSms

    gateway = SnsSms(aws.sns(), os.environ["SMS_SENDER_ID"])
    documents, spending = _bucket("DOCUMENTS_BUCKET"), TableSpending(table())
    perform = SendSms(gateway, documents, _wordings(), spending, _near_budget)
    return _carry_out(perform, SendSms(NoGateway(), documents, _wordings()))


def _near_budget(percent: int) -> None:
    """Tell how much of the month's budget for texts is spent; an alarm looks at the highest."""
    count("SmsBudgetPercent", percent)


@cache
def queue_call() -> CarryOut:
    """The use case of `queue_call`."""
    from arrears.effects.queue_call import QueueCall

    production = settings().production
    return _carry_out(QueueCall(_queue("CALL_QUEUE_URL"), production), QueueCall(NoTasks(), production))


@cache
def withdraw_calls() -> CarryOut:
    """The use case of `queue_call` that takes calls back."""
    from arrears.effects.withdraw_calls import WithdrawCalls

    return _carry_out(WithdrawCalls(_queue("CALL_QUEUE_URL")), WithdrawCalls(NoTasks()))


@cache
def queue_letter() -> CarryOut:
    """The use case of `queue_letter`."""
    from arrears.effects.queue_letter import QueueLetter

    documents, letters = _bucket("DOCUMENTS_BUCKET"), _queue("LETTER_QUEUE_URL")
    return _carry_out(QueueLetter(documents, letters, _wordings()), QueueLetter(documents, NoTasks(), _wordings()))


@cache
def freeze_account() -> CarryOut:
    """The use case of `freeze_account`."""
    from arrears.adapters.bus import EventBus
    from arrears.effects.freeze_account import FreezeAccount

    return _carry_out(FreezeAccount(EventBus(aws.events(), os.environ["BUS_NAME"])), FreezeAccount(NoBus()))


@cache
def lift_freeze() -> CarryOut:
    """The use case of `freeze_account` that asks for a freeze to be lifted."""
    from arrears.adapters.bus import EventBus
    from arrears.effects.lift_freeze import LiftFreeze

    return _carry_out(LiftFreeze(EventBus(aws.events(), os.environ["BUS_NAME"])), LiftFreeze(NoBus()))


@cache
def place_with_agency() -> CarryOut:
    """The use case of `export_agency` that places a case."""
    from arrears.effects.place_with_agency import PlaceWithAgency

    return _carry_out(
        PlaceWithAgency(Exports(table()), _wordings()),
        PlaceWithAgency(ShadowExports(table()), _wordings()),
    )


@cache
def recall_from_agency() -> CarryOut:
    """The use case of `export_agency` that recalls a case."""
    from arrears.effects.recall_from_agency import RecallFromAgency

    return _carry_out(RecallFromAgency(Exports(table())), RecallFromAgency(ShadowExports(table())))


@cache
def file_legal() -> CarryOut:
    """The use case of `export_legal`."""
    from arrears.effects.file_legal import FileLegal
    from arrears.effects.filed import FiledCases

    documents, filed = _bucket("DOCUMENTS_BUCKET"), FiledCases(table())
    return _carry_out(
        FileLegal(table(), documents, _bucket("LEGAL_BUCKET"), _wordings(), filed),
        FileLegal(table(), documents, NoObjects(), _wordings()),
    )


@cache
def withdraw_legal() -> CarryOut:
    """The use case of `export_legal` that withdraws a filed case."""
    from arrears.effects.withdraw_legal import WithdrawLegal

    return _carry_out(WithdrawLegal(_bucket("LEGAL_BUCKET")), WithdrawLegal(NoObjects()))


@cache
def close_day() -> "CloseDay":
    """The use case of `close_export_day`."""
    from arrears.adapters.signing import KmsSigner
    from arrears.effects.sheets import draw
    from arrears.usecases.allocate_day import AllocateDay
    from arrears.usecases.close_day import CloseDay
    from arrears.usecases.statements import Statements

    exports, wordings, agencies = Exports(table()), _wordings(), _bucket("AGENCY_BUCKET")
    statements = Statements(exports, wordings)
    return CloseDay(
        table(),
        exports,
        agencies,
        _bucket("LEGAL_BUCKET"),
        lambda sheet, placement_id: draw(sheet, placement_id, wordings, settings().kept(sheet.policy, sheet.digest)),
        lambda: settings().switches().stopping is not None,
        KmsSigner(aws.kms(), os.environ["SIGNING_KEY"]),
        AllocateDay(table(), exports, settings(), wordings, observe),
        lambda day: statements.publish_all(agencies, day, settings().active()),
    )


def watch() -> "Watch":
    """What a day tells by what did not happen on it, as the clock and the policy stand now."""
    from arrears.usecases.handovers import Handovers
    from arrears.usecases.watch import Watch

    hours = settings().active().policy.placements.acknowledge_within_hours
    return Watch(table(), Handovers(Exports(table()), clock(), business_timezone(), hours), count)


def clock() -> "Clock":
    """The stack's clock, as it stands now."""
    return settings().clock()


def business_timezone() -> str:
    """The zone in which an export day ends."""
    return os.environ["BUSINESS_TIMEZONE"]
