"""What is decided: accounts, cases, events, the policy, `decide` and `evolve`.

Pure: nothing here reads a clock, a file, the environment or a network. The Lambdas, the simulator, the
tests and an auditor's replay run the same code.

Read it in this order: `facts` (what the bank tells us), `case` (one delinquency episode, and how each event
changes it), `policy` (what the collections manager wrote), `decide` (what is to be done now, and why).
"""
