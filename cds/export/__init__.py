"""FHIR export: the knowledge as resources that others can read, made of the same files that are executed."""
