"""The discovery document: https://cds-hooks.hl7.org/2.0/#discovery."""

from typing import Any

from cds.fhir.prefetch import WHO
from cds.services import SERVICES, needs

REQUIRED = "org.legwork.required-prefetch"

_USAGE = (
    "Needs the patient and the problem list; every further prefetch key makes the advice more complete. What is "
    "missing is fetched where fhirServer and fhirAuthorization let it be, and else named on the cards. For FHIR R4."
)


def document(specification_version: str) -> dict[str, Any]:
    """Describe the services; the same at each call."""
    asked = needs()
    templates = {need.key: need.template for need in (WHO, *asked)}
    required = [need.key for need in (WHO, *asked) if need.required]
    return {
        "services": [
            {
                "id": service.id,
                "hook": service.hook,
                "title": service.title,
                "description": service.description,
                "usageRequirements": _USAGE,
                "version": specification_version,
                "hookVersion": "1.0",  # of both hooks, as published
                "prefetch": templates,
                "extension": {REQUIRED: required},
            }
            for service in SERVICES.values()
        ]
    }
