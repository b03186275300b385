"""The intake form on a page."""

from cds.reasoning.files import IntakeItem


def kind(item: IntakeItem) -> str:
    """Say how a question is answered, in the words of FHIR's item types."""
    if item.options:
        return "choice"
    return "boolean" if item.score is None else "integer"
