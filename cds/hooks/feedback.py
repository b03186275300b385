"""Feedback: what became of a card. It is checked and answered; nothing of it is kept yet.

https://cds-hooks.hl7.org/2.0/#feedback. Cards that nobody knows any more, repeats and unknown reasons are no errors.
"""

from collections import Counter
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from cds.errors import InvalidCall, NotJson
from cds.hooks.request import in_words

_OUTCOMES = ("accepted", "overridden")
_Id = Annotated[str, Meta(min_length=1, max_length=200)]


class _Accepted(Struct):
    id: _Id


class _Reason(Struct):
    code: str
    system: str | None = None


class _Override(Struct, rename="camel"):
    reason: _Reason | None = None
    user_comment: str | None = None


class _Feedback(Struct, rename="camel"):
    card: _Id
    outcome: str
    outcome_timestamp: datetime
    accepted_suggestions: list[_Accepted] = []
    override_reason: _Override | None = None


class _Envelope(Struct):
    feedback: list[_Feedback]


_decoder = msgspec.json.Decoder(_Envelope)


def outcomes(body: bytes) -> Counter[str]:
    """Count what became of cards, by outcome; all of it is right, or none is taken.

    Raises:
        NotJson: it is not JSON.
        InvalidCall: a member is missing or mistyped.
    """
    try:
        entries = _decoder.decode(body).feedback
    except msgspec.ValidationError as error:
        raise InvalidCall(in_words(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson("the body is not JSON in UTF-8") from error
    for place, entry in enumerate(entries):
        if entry.outcome not in _OUTCOMES:
            raise InvalidCall(f"feedback[{place}].outcome must be one of: {', '.join(_OUTCOMES)}")
        if entry.outcome == "accepted" and not entry.accepted_suggestions:
            raise InvalidCall(
                f"feedback[{place}].acceptedSuggestions is missing: an accepted card names what was accepted"
            )
        override = entry.override_reason
        if override is not None and override.reason is None and override.user_comment is None:
            raise InvalidCall(f"feedback[{place}].overrideReason is empty: it holds a reason, a comment, or both")
    return Counter(entry.outcome for entry in entries)
