"""The database and the patient key of a deployment, as its commands open them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cds.errors import StoreError
from cds.settings import Settings

if TYPE_CHECKING:
    from cds.store.database import Store
    from cds.store.patients import PatientKey


@contextmanager
def opened(settings: Settings, *, new: bool = False) -> Iterator["Store"]:
    """Open the database of the settings; errors become ours, since their own words hold the address, and a password.

    Args:
        settings: of the deployment.
        new: whether there may be none yet.
    """
    from sqlalchemy import make_url  # noqa: PLC0415 - the other commands need no database
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - likewise

    from cds.store.database import Store  # noqa: PLC0415 - likewise

    address = make_url(settings.database)
    if address.get_backend_name() == "sqlite" and not new and not Path(address.database or "").is_file():
        raise StoreError("nothing was recorded: there is no such file as LEGWORK_DATABASE names; see README.md")
    store = Store(settings.database)
    try:
        yield store
    except SQLAlchemyError as error:
        raise StoreError(
            "the database cannot be reached, or has no tables of this version: see LEGWORK_DATABASE, `legwork migrate`"
        ) from error
    finally:
        store.close()


def key_of(settings: Settings) -> "PatientKey":
    """Read the key of patients, which must be there already: a new one would open nothing."""
    from cds.store.patients import PatientKey  # noqa: PLC0415 - likewise

    if not settings.patient_key.is_file():
        raise StoreError(f"{settings.patient_key} is missing: LEGWORK_PATIENT_KEY must name the key of the service")
    return PatientKey.at(settings.patient_key)
