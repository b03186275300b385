"""The extensions of ours, each with the StructureDefinition that says where it stands and what it holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cds.export.elements import FHIR, RELEASE, Json, canonical, checked, head
from cds.reasoning.files import SourceAttributes

_KIND = "StructureDefinition"


@dataclass(frozen=True, slots=True)
class Part:
    """A member of an extension of several."""

    name: str
    type: str = "string"
    many: bool = False


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension: of one value, or of several parts."""

    id: str
    title: str
    context: str
    """The path of the element that it extends."""
    type: str = "string"
    parts: tuple[Part, ...] = ()

    @property
    def url(self) -> str:
        """Its canonical url."""
        return canonical(_KIND, self.id)

    def of(self, value: Any) -> Json:
        """Give the extension with one value."""
        return {"url": self.url, _value(self.type): value}

    def of_parts(self, parts: Iterable[tuple[str, Any]]) -> Iterator[Json]:
        """Give the extension with its parts; nothing where there are none."""
        types = {part.name: part.type for part in self.parts}
        if made := [{"url": name, _value(types[name]): value} for name, value in parts]:
            yield {"url": self.url, "extension": made}


def _value(kind: str) -> str:
    return f"value{kind[0].upper()}{kind[1:]}"


SOURCE_ATTRIBUTES = Extension(
    "source-attributes",
    "The 13 source attributes of evidence-based decision support, 45 CFR 170.315(b)(11)(iv)",
    "PlanDefinition",
    parts=tuple(Part(name) for name in SourceAttributes.model_fields),
)
OVERRIDE_REASON = Extension(
    "plan-override-reason", "A reason for which a clinician may set the card aside", "PlanDefinition", "Coding"
)
INDICATOR = Extension("indicator", "The urgency of the card, before it is raised", "PlanDefinition.action", "Coding")
NOTE = Extension(
    "note",
    "A sentence that is added under a condition",
    "PlanDefinition.action",
    parts=(Part("text"), Part("when")),
)
STRENGTH = Extension("evidence-strength", "How strong the evidence is, by its own grading", "RelatedArtifact")
MATCHING = Extension(
    "matching",
    "How a resource without a code is recognised, and what it must name beside a code",
    "ValueSet",
    parts=(
        Part("phrase", many=True),
        Part("phrase-needs-any", many=True),
        Part("phrase-unless-any", many=True),
        Part("exact-name", many=True),
        Part("needs-leg", "boolean"),
        Part("unless-elsewhere", "boolean"),
        Part("needs-words", many=True),
    ),
)
ANALYTE = Extension(
    "analyte",
    "How a number under these codes is read",
    "ValueSet",
    parts=(
        Part("category", "code"),
        Part("unit", "code"),
        Part("accepts", "code", many=True),
        Part("plausible-low", "decimal"),
        Part("plausible-high", "decimal"),
    ),
)
CODE_USE = Extension(
    "code-use",
    "How far codes are trusted",
    "ValueSet.compose.include",
    parts=(Part("use", "code"), Part("caution"), Part("missing-unit", "code"), Part("preferred")),
)
EXPRESSION = Extension(
    "snomed-expression", "The SNOMED CT expression whose members the list is to hold", "ValueSet.compose.include"
)
ALL = (SOURCE_ATTRIBUTES, OVERRIDE_REASON, INDICATOR, NOTE, STRENGTH, MATCHING, ANALYTE, CODE_USE, EXPRESSION)


def structure_definitions() -> Iterator[Json]:
    """Export the definition of every extension."""
    for extension in ALL:
        made = head(_KIND, extension.id, extension.title, RELEASE, "draft")
        yield checked(
            made
            | {
                "fhirVersion": FHIR,
                "kind": "complex-type",
                "abstract": False,
                "context": [{"type": "element", "expression": extension.context}],
                "type": "Extension",
                "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
                "derivation": "constraint",
                "differential": {"element": list(_elements(extension))},
            }
        )


def _elements(extension: Extension) -> Iterator[Json]:
    yield {"id": "Extension", "path": "Extension", "short": extension.title}
    if not extension.parts:
        yield {"id": "Extension.extension", "path": "Extension.extension", "max": "0"}
    for part in extension.parts:
        place = f"Extension.extension:{part.name}"
        yield {
            "id": place,
            "path": "Extension.extension",
            "sliceName": part.name,
            "min": 0,
            "max": "*" if part.many else "1",
        }
        yield {"id": f"{place}.extension", "path": "Extension.extension.extension", "max": "0"}
        yield {"id": f"{place}.url", "path": "Extension.extension.url", "fixedUri": part.name}
        yield {
            "id": f"{place}.value[x]",
            "path": "Extension.extension.value[x]",
            "min": 1,
            "type": [{"code": part.type}],
        }
    yield {"id": "Extension.url", "path": "Extension.url", "fixedUri": extension.url}
    value = {"id": "Extension.value[x]", "path": "Extension.value[x]"}
    yield value | ({"max": "0"} if extension.parts else {"min": 1, "type": [{"code": extension.type}]})
