"""CloudWatch's part in an alarm: whether it rings for the data that came in, by the alarm as the template has it.

After "Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data" of the CloudWatch User Guide:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html. Each period gives one value by
the statistic; the alarm rings when as many as `DatapointsToAlarm` of the last `EvaluationPeriods` are beyond the
threshold (all of them, where it is not given).
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.template import Resolver, load, resources

#: Every alarm of the template, with its intrinsics worked out; resources are called by their logical ids.
ALARMS: dict[str, dict[str, Any]] = {
    name: Resolver(load())(body["Properties"]) for name, body in resources(load(), "AWS::CloudWatch::Alarm").items()
}
_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": lambda values: sum(values) / len(values),
    "SampleCount": len,
}
_COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True)
class Datum:
    """One value of a metric."""

    metric: str
    value: float
    dimensions: dict[str, str]
    namespace: str = "Arrears"


@dataclass(frozen=True)
class Alarm:
    """An alarm of the template, by its logical id."""

    name: str
    properties: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "properties", ALARMS[self.name])

    def rings(self, *periods: Sequence[Datum]) -> bool:
        """Say whether it rings after periods that brought these data; where one is given, each was like it."""
        wanted = int(self.properties["EvaluationPeriods"])
        last = periods * wanted if len(periods) == 1 else periods
        assert len(last) == wanted, f"{self.name} looks at {wanted} periods"
        beyond = [state for state in map(self._beyond, last) if state is not None]
        return sum(beyond) >= int(self.properties.get("DatapointsToAlarm", wanted))

    def _beyond(self, data: Sequence[Datum]) -> bool | None:
        """Say whether a period is beyond the threshold; None where it is left out."""
        values = [datum.value for datum in data if self.hears(datum)]
        if not values:
            treated = {"breaching": True, "notBreaching": False, "missing": None, "ignore": None}
            return treated[self.properties.get("TreatMissingData", "missing")]
        reached = _STATISTICS[self.properties["Statistic"]](values)
        compare = _COMPARISONS[self.properties["ComparisonOperator"]]
        return bool(compare(reached, float(self.properties["Threshold"])))

    def hears(self, datum: Datum) -> bool:
        """Say whether a value is of the very metric: a metric of other dimensions is another one."""
        dimensions = {each["Name"]: each["Value"] for each in self.properties.get("Dimensions", [])}
        return (datum.namespace, datum.metric, datum.dimensions) == (
            self.properties["Namespace"],
            self.properties["MetricName"],
            dimensions,
        )
