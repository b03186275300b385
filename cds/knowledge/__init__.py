"""The knowledge: one folder for each topic, and what topics share (analytes, drugs, patient, symptoms).

A folder holds what a clinician signs, as data (plan.toml, valuesets/), the rules that name it (criteria.py) and the
proof (cases.toml). No mechanism lives here.
"""
