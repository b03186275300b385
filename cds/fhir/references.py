"""References from one resource to another: https://hl7.org/fhir/R4/references.html."""


def target(reference: str) -> str:
    """Give the id that a reference or a `fullUrl` ends in, whether it is relative, absolute, versioned or a URN.

    `Patient/p`, `https://ehr.example.org/fhir/Patient/p/_history/2` and `urn:uuid:p` all end in `p`.
    """
    return unversioned(reference).rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def relative(reference: str) -> str:
    """Give the `Type/id` that a reference ends in, whether it is relative, absolute or versioned."""
    return "/".join(unversioned(reference).rsplit("/", 2)[-2:])


def unversioned(reference: str) -> str:
    """Give a reference without the version that it may name."""
    return reference.split("/_history/", 1)[0]
