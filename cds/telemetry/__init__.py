"""What those who run the service see of it: a line in the log for each request, figures, traces. Nothing of a patient.

To tell something more of a request, give `requests.Handled` a field: the log writes it, `metrics` may count it. Only
words of ours go in, and names from our own files; never what was sent.
"""
