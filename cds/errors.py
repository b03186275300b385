"""Everything that can go wrong, as one tree.

    LegworkError
    ├── KnowledgeError        a knowledge file is wrong: stops the start, never a call
    ├── SettingsError         a setting is wrong: stops the start
    ├── TerminologyError      a terminology server cannot be used: a list is not rebuilt
    ├── ServerError           a FHIR server that is to be looked at gives nothing to look at
    ├── ExportError           a package cannot be written where it was asked for
    ├── NotFetched            a FHIR server did not give what was asked: it stays unknown, and the call goes on
    ├── AuditError            the audit trail is not as it was written
    ├── StoreError            the database is not to be had, or not of this version: cards come all the same
    └── CallError             a hook call, or a question for what is published, cannot be answered
        ├── NotTrusted        the caller does not prove that it is a client
        ├── NotAllowed        who wants to read the reports did not log in as somebody who may
        ├── NotAvailable      what is asked for is not to be had at the moment
        ├── TooManyCalls      the client calls more often than it may
        ├── NotJson           the body is not JSON at all
        ├── TooLarge          the body is larger than the limit
        ├── TooSlow           the body takes too long to come
        ├── NotKept           feedback cannot be kept now: whoever sends it has to send it again
        ├── UnknownService    no service has this id
        ├── UnknownResource   no resource of this type or id is published
        ├── InvalidCall       a member is missing, mistyped or contradicts another
        └── MissingData       a needed resource came neither by prefetch nor from the server

Messages are for people: what is wrong, where, and what to do. They never repeat what was sent.
"""

from collections.abc import Iterable


class LegworkError(Exception):
    """The root of all errors that this project raises on purpose."""


class KnowledgeError(LegworkError):
    """A knowledge file is wrong; the message names the file."""


class SettingsError(LegworkError):
    """A setting is wrong; the message names it."""


class TerminologyError(LegworkError):
    """A terminology server cannot be reached, or its answer cannot be used."""


class ServerError(LegworkError):
    """A FHIR server that is to be looked at gives nothing to look at."""


class ExportError(LegworkError):
    """A package cannot be written where it was asked for."""


class NotFetched(LegworkError):
    """A FHIR server did not give what was asked of it; the message is the reason, fit for a card."""


class AuditError(LegworkError):
    """The audit trail is not as it was written; the message says from where on."""


class StoreError(LegworkError):
    """The database cannot be reached in the time given, or its tables are not of this version."""


class CallError(LegworkError):
    """A hook call, or a question for what is published, cannot be answered."""


class NotTrusted(CallError):
    """The caller does not prove that it is a client. The message is for our log and for `legwork clients test-token`.

    Attributes:
        found: what was found instead, as it was sent; for whoever holds the token, never for a log.
    """

    def __init__(self, message: str, found: str = "") -> None:
        super().__init__(message)
        self.found = found


class NotAllowed(CallError):
    """Who wants to read the reports did not log in as somebody who may."""


class NotAvailable(CallError):
    """What a page is made of is not to be had at the moment."""


class TooManyCalls(CallError):
    """The client calls more often, or more at once, than it may.

    Attributes:
        retry_after: when it may try again [s].
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotJson(CallError):
    """The body is not JSON."""


class TooLarge(CallError):
    """The body is larger than the limit."""


class TooSlow(CallError):
    """The body takes too long to come."""


class NotKept(CallError):
    """Feedback cannot be kept at the moment."""


class UnknownService(CallError):
    """No service has this id."""


class UnknownResource(CallError):
    """No resource of this type or id is published."""


class InvalidCall(CallError):
    """A member of the call is missing, mistyped or contradicts another."""


class MissingData(CallError):
    """A resource without which no plan can conclude is not to be had.

    Attributes:
        lacking: what it is, and why it is not to be had, in words for a card.
    """

    def __init__(self, message: str, lacking: Iterable[str]) -> None:
        super().__init__(message)
        self.lacking = tuple(lacking)


def place_of(error: BaseException) -> str:
    """Name an error for a log: its kind and where it was raised, never its words, which may hold patient data."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    where = f"{step.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{step.tb_lineno}" if step else "unknown"
    return f"{type(error).__name__} at {where}"
