"""Playing a policy over the bank's files, without a stack: `arrears simulate`.

The same `decide` and `evolve` as on the stack, account by account. Nothing steps through the days: each account jumps
to the next date on which something can change, and what was decided for one account is told for all that go the same
way. The files are read once; what is known of all accounts lies in a
temporary database sorted by account, so that memory holds one account's facts at a time, however many there are.
"""

from arrears.simulate.player import Played, Player
from arrears.simulate.run import Inputs, InputsError, Simulation, simulate

__all__ = ["Inputs", "InputsError", "Played", "Player", "Simulation", "simulate"]
