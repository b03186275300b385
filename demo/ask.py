"""Play the EHR: call the service about patients of a FHIR server, with prefetch and without, and show the cards.

    python demo/ask.py --key demo.pem --fhir-server http://hapi:8080/fhir --service http://legwork:8000 \
        --public-url https://localhost:8443 rls-iron-epic ...

Exit code 1 where a patient has no card, or where prefetch and fetch give different advice.
"""

import argparse
import ssl
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt

ISSUER = "https://demo.legwork.example"
REVIEW = "/cds-services/leg-ache-review"


@dataclass(frozen=True, slots=True)
class Ehr:
    """An EHR: it signs its calls, and reads its own FHIR server."""

    key: str
    public_url: str
    service: httpx.Client
    fhir: httpx.Client

    def templates(self) -> dict[str, str]:
        """Ask the service which prefetch it wants."""
        path = "/cds-services"
        found: list[dict[str, Any]] = self._checked(self.service.get(path, headers=self.signed(path)))["services"]
        return dict(next(one for one in found if REVIEW.endswith(one["id"]))["prefetch"])

    def prefetch(self, templates: dict[str, str], patient: str) -> dict[str, Any]:
        """Execute the templates, all pages of each."""
        return {key: self._read(text.replace("{{context.patientId}}", patient)) for key, text in templates.items()}

    def cards(self, patient: str, prefetch: dict[str, Any]) -> list[dict[str, Any]]:
        """Call the service, which fetches what `prefetch` lacks."""
        call = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": str(self.fhir.base_url),
            "context": {"userId": "Practitioner/demo", "patientId": patient},
            "prefetch": prefetch,
        }
        found: list[dict[str, Any]] = self._checked(self.service.post(REVIEW, json=call, headers=self.signed(REVIEW)))[
            "cards"
        ]
        return found

    def signed(self, path: str) -> dict[str, str]:
        """Sign a token for an address, good for one call."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": self.public_url + path, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        return {"Authorization": f"Bearer {jwt.encode(claims, self.key, 'ES384', {'kid': 'demo'})}"}

    def _read(self, address: str) -> dict[str, Any]:
        first = page = self._checked(self.fhir.get(address))
        while following := next((link["url"] for link in page.get("link", ()) if link["relation"] == "next"), ""):
            page = self._checked(self.fhir.get(following))
            first.setdefault("entry", []).extend(page.get("entry", ()))
        return {name: value for name, value in first.items() if name != "link"}

    @staticmethod
    def _checked(answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            raise SystemExit(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found


def _said(cards: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    """Give what cards say, but for what is made anew for each; the view of all causes may rest on no plan's advice."""
    return [(card["indicator"], card["summary"], _advised(card)) for card in cards]


def _advised(card: dict[str, Any]) -> list[tuple[str, str, str]]:
    advice = card.get("extension", {}).get("org.legwork.advice", ())
    return [(one["topic"], one["recommendation"], one["indicator"]) for one in advice]


def main() -> None:
    """Ask about the patients that the command line names."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    asked.add_argument("--key", type=Path, required=True, help="private key, as demo/keys.py makes it")
    asked.add_argument("--service", required=True, help="where the service is called")
    asked.add_argument(
        "--public-url", required=True, help="what the service takes for its address (LEGWORK_PUBLIC_URL)"
    )
    asked.add_argument("--fhir-server", required=True, help="base address of the FHIR server")
    asked.add_argument("--ca", help="certificate to trust, for https")
    asked.add_argument("patients", nargs="+", help="ids of patients")
    given = asked.parse_args()
    trusted = ssl.create_default_context(cafile=given.ca)
    service = httpx.Client(base_url=given.service, timeout=30, verify=trusted)
    with service, httpx.Client(base_url=given.fhir_server, timeout=30) as fhir:
        ehr = Ehr(given.key.read_text(encoding="utf-8"), given.public_url, service, fhir)
        templates = ehr.templates()
        failed = 0
        for patient in given.patients:
            supplied = ehr.cards(patient, ehr.prefetch(templates, patient))
            fetched = ehr.cards(patient, {})
            is_same = _said(supplied) == _said(fetched)
            failed += not (is_same and supplied)
            verdict = "the same by prefetch and by fetch" if is_same else "DIFFERENT by prefetch and by fetch"
            sys.stdout.write(f"\n{patient}: {len(supplied)} cards, {verdict}\n")
            for card in supplied:
                sys.stdout.write(f"  [{card['indicator']}] {card['summary']}\n")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
