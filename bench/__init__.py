"""Measures what Arrears takes and costs, beside the obvious ways of doing the same: `make bench`.

Ratios of one run on one machine, and counts of real calls; no test fails on a time. What was measured is kept in
`results.json`, from which `docs/performance.md` and the made parts of `docs/scale.md` are written.
"""
