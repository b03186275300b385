"""The intake form as a FHIR Questionnaire."""

from cds.export.elements import Json, checked, head
from cds.reasoning.files import IntakeFile, IntakeItem

_LOINC = "http://loinc.org"
_CORE = "http://hl7.org/fhir/StructureDefinition"


def questionnaire(intake: IntakeFile) -> Json:
    """Export the form; all but the first question wait for its yes."""
    made = head("Questionnaire", intake.id, intake.title, intake.version, intake.status)
    made |= {
        "url": intake.url,
        "subjectType": ["Patient"],
        "purpose": intake.purpose,
        "item": [_item(item, intake) for item in intake.item],
    }
    return checked(made)


def _item(item: IntakeItem, intake: IntakeFile) -> Json:
    made: Json = {"linkId": item.link, "text": item.text, "type": _type(item)}
    if item.code is not None:
        made["code"] = [{"system": _LOINC, "code": item.code[0], "display": item.code[1]}]
    if item.options:
        codings = [{"system": intake.system, "code": code, "display": display} for code, display in item.options]
        made["answerOption"] = [{"valueCoding": coding} for coding in codings]
    if item.repeats:
        made["repeats"] = True
    if item.score is not None:
        low, high = item.score
        made["extension"] = [
            {"url": f"{_CORE}/minValue", "valueInteger": low},
            {"url": f"{_CORE}/maxValue", "valueInteger": high},
        ]
    if item.link == intake.gate:
        made["required"] = True
    else:
        made["enableWhen"] = [{"question": intake.gate, "operator": "=", "answerBoolean": True}]
    return made


def _type(item: IntakeItem) -> str:
    if item.options:
        return "choice"
    return "boolean" if item.score is None else "integer"
