"""How fast the service is, against what the machine can do at that moment: `python -m benchmarks`.

Everything is measured in one run, in turns, as CPU time against CPU time, and by medians: a slow spell of a shared
machine then meets both sides of a ratio. Wall time counts only where it is the point (first call, tail, start).
"""
