"""FHIR as servers speak it: reading it leniently into a record of facts."""
