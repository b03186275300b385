"""The patient's chart: typed facts, their units, codes and dates. Knows nothing of HTTP or JSON."""
