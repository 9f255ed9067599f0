"""What a policy says that cannot mean anything, or can never come true.

Looked at when a policy is read from its file, and not by the models: what was published before plays on as it did.
"""

from collections.abc import Iterator

from arrears.domain.policy import Policy, Requirement

Place = tuple[str | int, ...]
Said = tuple[Place, str]


def senseless(policy: Policy) -> Iterator[Said]:
    """Yield what is refused: where, and why."""
    terms: dict[str, int] = {}
    for name, stage in policy.stages.items():
        for index, required in enumerate(stage.requires):
            if required.counts_from != "done" and required.action != "queue_letter":
                at = ("stages", name, "requires", index, "counts_from")
                yield at, f"only a letter is {required.counts_from}: {required.action} counts from when it is done"
        if stage.term_days is None:
            continue
        if not _places(policy, name):
            reason = "no step of this stage is place_with_agency: write the term in the stage that places"
            yield ("stages", name, "term_days"), reason
            continue
        terms[name] = stage.term_days
        first = next(iter(terms))
        if terms[first] != stage.term_days:
            reason = f"stage {first} says {terms[first]}: all placements have one term (rule 6)"
            yield ("stages", name, "term_days"), reason


def _places(policy: Policy, name: str) -> bool:
    actions = {step.action for step in policy.stages[name].steps}
    instead = (policy.contact.fallback[action].action for action in actions if action in policy.contact.fallback)
    return "place_with_agency" in {*actions, *instead}


def never_entered(policy: Policy) -> Iterator[Said]:
    """Yield the requirements that nothing the policy does can meet, so that their stage is never entered (rule 5)."""
    for name, stage in policy.stages.items():
        done = set(_done_before(policy, name))
        for index, required in enumerate(stage.requires):
            if not any(_meets(required, *each) for each in done):
                what = required.action + (f" with template {required.template}" if required.template else "")
                reason = f"nothing before this stage does a {what}, so the stage is never entered"
                yield ("stages", name, "requires", index), reason


def _meets(required: Requirement, action: str, template: str | None) -> bool:
    return action == required.action and required.template in (None, template)


def _done_before(policy: Policy, name: str) -> Iterator[tuple[str, str | None]]:
    """Yield what may be done for a case before it enters a stage: the action and its template."""
    before = policy.ladder[: policy.stage_index(name)]
    for earlier in before:
        yield from ((step.action, step.template) for step in policy.stages[earlier].steps)
    yield from answers(policy)
    monthly = policy.monthly_reminder
    if monthly is not None and set(monthly.stages) & set(before):
        yield "send_sms", monthly.template
    yield from reminders(policy)


def answers(policy: Policy) -> Iterator[tuple[str, str | None]]:
    """Yield what is done in any stage instead of something else, or because of a hold: the action and its template."""
    for instead in policy.contact.fallback.values():
        yield instead.action, instead.template
    for rule in policy.holds.values():
        yield from ((answer.action, answer.template) for answer in rule.steps)


def reminders(policy: Policy) -> Iterator[tuple[str, str | None]]:
    """Yield the texts that remind of a promise or an instalment in any stage: the action and its template."""
    if policy.promises.remind_days_before is not None:
        yield "send_sms", policy.promises.template
    if policy.instalments is not None and policy.instalments.remind_days_before is not None:
        yield "send_sms", policy.instalments.template
