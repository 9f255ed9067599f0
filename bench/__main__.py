"""`make bench`: measure everything, keep it, write the documents, and say where a goal is missed.

    python -m bench [--smoke] [PART ...]

Without a part's name all of them; with one, the others stay as they were measured last. `--smoke` measures just enough
to see that it works, and writes nothing.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench import core, imports, leanest, lives, obvious, pages, scans, starts
from bench.sizes import SMOKE, WHOLE, Size
from tests.support.stack import CREDENTIALS
from tools import make_docs

PARTS: dict[str, Callable[[Size], Any]] = {
    "core": core.measure,
    "several": core.several,
    "starts": starts.measure,
    "imports": imports.measure,
    "scans": scans.measure,
    "reference": lambda size: lives.reference(size.reference),
    "obvious_reference": lambda size: obvious.reference(size.reference, pages.NIGHTS),
    "lives": lives.measure,
    "obvious": obvious.measure,
    "leanest": leanest.measure,
}


def measure(size: Size, parts: list[str]) -> dict[str, Any]:
    """Measure some parts, one after the other."""
    os.environ.update(CREDENTIALS)
    run: dict[str, Any] = {
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "date": datetime.now(UTC).date().isoformat(),
        }
    }
    for name in parts:
        begun = time.monotonic()
        run[name] = json.loads(json.dumps(PARTS[name](size), default=vars))
        print(f"{name}: measured in {time.monotonic() - begun:.0f} s", flush=True)
    return run


def main(arguments: list[str]) -> int:
    """Measure, keep, write, and tell."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="measure just enough to see that it works")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    run = measure(SMOKE if options.smoke else WHOLE, options.parts or list(PARTS))
    if options.smoke:
        return 0
    before = json.loads(pages.RESULTS.read_text(encoding="utf-8")) if pages.RESULTS.is_file() else {}
    pages.RESULTS.write_text(json.dumps(before | run, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    pages.results.cache_clear()
    make_docs.main([])
    print()
    for what, goal, got, reached in pages.wanted(pages.results()):
        print(f"{'reached' if reached else 'MISSED '}  {what}: {got} ({goal})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
