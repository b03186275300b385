"""State: one SQL database through SQLAlchemy, its tables made by Alembic. Answering a call needs none of it.

To add a table: describe it in `tables.py`, add a step to `migrations/versions/` (a test holds the two against each
other), and give what reads and writes it a module of its own that takes a `Store`, as `replay.py` does.
"""
