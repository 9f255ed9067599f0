"""The hash chain of a case's events: who changes one event changes every hash after it (invariant 5)."""

import hashlib

#: What the first event of a case is chained to.
GENESIS = "0" * 64


def link(previous: str, body: str) -> str:
    """Return the hash of an event: SHA-256, in hex, over the hash before it and the event's stored text."""
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()
