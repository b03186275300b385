"""The symptom gate: whether the chart says that the legs trouble this patient, and how."""
