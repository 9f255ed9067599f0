"""Effects: what each action does to the world outside, one module for each, behind the ports of `ports.py`.

Each is a `Perform` (see `usecases.carry_out`): it is told what to do, does it under keys that are derived from the
action id, and says what came of it. Whether to do it at all has been decided before, and is decided nowhere here.
"""
