"""What chance decides in a world. Every choice is a small number, and 0 is always the one that disturbs nothing."""

import random
from collections.abc import Sequence


class Choices:
    """Draws choices from a seed and keeps them; or gives again what was kept.

    A run is a function of its choices. So a run is shrunk by putting 0 in the place of some of them: without the fault,
    in order, at once.
    """

    def __init__(self, seed: int, given: Sequence[int] | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a play, not a secret
        self._given = given
        self.made: list[int] = []

    def below(self, bound: int) -> int:
        """Draw from 0 to `bound` - 1, each as likely as the others."""
        if bound <= 1:
            return 0
        if self._given is not None:
            return self._again(bound)
        self.made.append(int(self._random.random() * bound))
        return self.made[-1]

    def chance(self, probability: float) -> bool:
        """Say yes so often."""
        return self.pick((1 - probability, probability)) == 1

    def pick(self, weights: Sequence[float]) -> int:
        """Draw an index by weights that add up to 1."""
        if self._given is not None:
            return self._again(len(weights))
        drawn, chosen = self._random.random(), 0
        for index, weight in enumerate(weights):
            drawn -= weight
            if drawn < 0:
                chosen = index
                break
        self.made.append(chosen)
        return chosen

    def _again(self, bound: int) -> int:
        assert self._given is not None
        at = len(self.made)
        self.made.append(self._given[at] % bound if at < len(self._given) else 0)
        return self.made[-1]
