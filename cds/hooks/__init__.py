"""CDS Hooks: discovery, calls and their errors. Nothing clinical."""
