"""Those who run the stack, and the networks: they turn switches, publish a policy, decide on suits, tell of texts."""

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from arrears import bootstrap
from arrears.domain.events import ApprovalAsked, LegalDecided
from arrears.errors import PermanentSetupError
from arrears.switches import Name
from arrears.usecases.end_shadow import EndShadow
from arrears.usecases.orders import Orders
from tests.faults.deploy import document_of, policy_of

if TYPE_CHECKING:
    from arrears.domain.rollout import Scope
    from tests.faults.world import World

DAY = 86_400.0
_WHO = "I. Operator"
#: What SNS says of a text: delivered, or why not (SNS Developer Guide, "SMS delivery failure reasons").
_SAID = (
    ("SUCCESS", "Message has been accepted by phone"),
    ("FAILURE", "Unknown error attempting to reach phone"),
    ("FAILURE", "Invalid phone number"),
    ("FAILURE", "Phone number is opted out"),
)


class Staff:
    """What is done on purpose in a world.

    Args:
        world: whose choices decide what is done when; 0 is always that nothing is.
        dates: so many business dates things are done on.
    """

    def __init__(self, world: "World", dates: int) -> None:
        self._world, self._dates = world, dates
        self.published_at: float | None = None

    def plan(self) -> None:
        """Decide what will be done, and when."""
        world = self._world
        match world.choices.pick((0.55, 0.3, 0.15)):
            case 1:
                self._turn_for("pause", (0.05, 0.5, 2.0, 4.0)[world.choices.below(4)])
            case 2:
                self._turn_for("shadow", (1.0, 3.0, 6.0)[world.choices.below(3)])
            case _:
                pass
        if world.choices.chance(0.35):
            # Early enough for all who wait to have looked at it when the storm is over.
            world.at(world.time + DAY * (self._dates - 3) * world.choices.below(1000) / 1000, "publish", self._publish)
        if world.policy.legal.approval is not None:
            for _ in range(self._dates):
                world.at(world.time + DAY * self._dates * world.choices.below(1000) / 1000, "officer", self._decide)

    def _done(self, name: str, do: Callable[[], Any], then: Callable[[], None] = lambda: None) -> None:
        """Do something, again and again until it is done."""

        def ended(_answer: Any, error: str | None) -> None:
            if error is not None:
                self._world.at(self._world.time + 5, f"{name} again", lambda: self._done(name, do, then))
            else:
                then()

        self._world.start(name, do, ended, seconds=60.0)

    # --- switches ----------------------------------------------------------------------------------------------------
    def _turn_for(self, name: Name, days: float) -> None:
        world = self._world
        drawn = world.choices.below(1000)
        # A case lives in shadow if it opens in it, which most do on the first day.
        on_at = DAY * self._dates * (drawn if name == "pause" else max(0, drawn - 500)) / 1000
        off_at = min(on_at + days * DAY, self._dates * DAY)
        world.at(world.time + on_at, f"{name} on", lambda: self._turn(name, on=True))
        world.at(world.time + off_at, f"{name} off", lambda: self._turn(name, on=False))

    def _turn(self, name: Name, *, on: bool) -> None:
        def turn() -> None:
            settings = bootstrap.settings()
            try:
                settings.turn(name, on=on, by=_WHO, why="wrong rates" if on else "", at=settings.clock().at("UTC"))
            except PermanentSetupError:
                return  # it was turned before the answer was lost

        def then() -> None:
            if name == "shadow" and not on:
                self._done("end of shadow", EndShadow(bootstrap.table(), bootstrap.settings()))

        self._world.moves[f"{name} {'on' if on else 'off'}"] += 1
        self._done(f"{name} {'on' if on else 'off'}", turn, then)

    # --- a policy ----------------------------------------------------------------------------------------------------
    def _publish(self) -> None:
        world = self._world
        number, today = world.policy_number, datetime.fromtimestamp(world.time, UTC).date()
        scope: Scope = "new_cases" if world.choices.chance(0.2) else "all"
        since = (None, today + timedelta(days=1), today + timedelta(days=2))[world.choices.below(3)]

        def publish() -> None:
            label = policy_of(number, 2).label
            if world.watch.rollouts[-1][1][-1].label != label:  # else it is done, and only its answer was lost
                bootstrap.settings().publish(document_of(number, 2), label, scope=scope, since=since)

        def then() -> None:
            self.published_at = world.time if scope == "all" else None
            world.every("roll_out_policy", world.time + 150, 3600)

        world.moves["policy published"] += 1
        self._done("publish", publish, then)

    # --- a legal officer ---------------------------------------------------------------------------------------------
    def _decide(self) -> None:
        """Let a legal officer look at who waits, and approve, decline, or leave it."""
        world = self._world
        for case_id, log in world.watch.log.items():
            asked = any(isinstance(event, ApprovalAsked) for event in log)
            if asked and not any(isinstance(event, LegalDecided) for event in log):
                said = world.choices.pick((0.3, 0.5, 0.2))
                if said:
                    self._decides(case_id, approved=said == 1)

    def _decides(self, case_id: str, *, approved: bool) -> None:
        def decide() -> None:
            try:
                orders = Orders(bootstrap.table(), bootstrap.settings())
                orders.decide(case_id, "L. Officer", "looked at", approved=approved)
            except PermanentSetupError:
                return  # it is closed by now, or decided

        self._world.moves["suit approved" if approved else "suit declined"] += 1
        self._done(f"decision on {case_id}", decide)

    # --- the network -------------------------------------------------------------------------------------------------
    def tell_of_text(self, message_id: str) -> None:
        """Have the log of deliveries say what became of a text: sooner or later, twice, or never."""
        world = self._world
        said = world.choices.pick((0.4, 0.35, 0.1, 0.1, 0.05)) if world.storm else 0
        if not said:
            return
        status, response = _SAID[said - 1]
        delay = (2.0, 90.0, 7200.0)[world.choices.below(3)]
        at = datetime.fromtimestamp(world.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
        entry = {
            "notification": {"messageId": message_id, "timestamp": at},
            "delivery": {"providerResponse": response},
            "status": status,
        }
        batch = {"messageType": "DATA_MESSAGE", "logEvents": [{"message": json.dumps(entry)}]}
        packed = base64.b64encode(gzip.compress(json.dumps(batch).encode(), mtime=0)).decode()
        event = {"awslogs": {"data": packed}}
        for _ in range(2 if world.choices.chance(0.1) else 1):
            world.moves[f"text {'delivered' if said == 1 else 'not delivered'}"] += 1
            world.at(world.time + delay, "receipt", lambda: world.again("record_receipts", event))
