"""How fast and how good nearfar is: one script a question, each with its result in JSON.

`python -m benchmarks.cold_start` repeats one, `python -m benchmarks` those that need no data
of one's own, and `python -m benchmarks.report` writes `docs/performance.md` from the JSON.
"""
