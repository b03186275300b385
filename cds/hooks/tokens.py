"""What a CDS Hooks JWT must be, step by step: https://cds-hooks.hl7.org/2.0/#trusting-cds-clients.

The same steps are taken for a call and for `legwork clients test-token`. What costs nothing comes first, nothing is
fetched but from addresses on the client's list, and nothing is remembered of a token before its signature is verified.
"""

import base64
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import jwt
import msgspec

from cds.clients import RegisteredClient
from cds.errors import NotTrusted
from cds.hooks.keys import ALGORITHMS, Keys, PublishedKey

LARGEST = 8192
"""The longest token [By]."""

SKEW = 60
"""How far the clock of a client may be off [s]."""

LONGEST_LIFE = 3600
"""The longest time from `iat` to `exp` [s]: so long a used token has to be remembered."""

_LONGEST_JTI = 255
_SIGNATURES = jwt.PyJWS(list(ALGORITHMS))
T = TypeVar("T")


class Header(msgspec.Struct, gc=False):
    """The header of a token: https://www.rfc-editor.org/rfc/rfc7515#section-4.1."""

    alg: str
    kid: str
    typ: str
    jku: str | None = None
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    jwk: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    x5c: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    x5u: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Claims(msgspec.Struct, gc=False):
    """What a token says."""

    iss: str
    aud: str | list[str]
    exp: float
    iat: float
    jti: str
    nbf: float | None = None
    tenant: str | None = None


@dataclass(slots=True)
class Token:
    """A token, as far as the steps have come with it.

    Attributes:
        text: as it was sent.
        audiences: the addresses to which it may be made out.
    """

    text: str = field(repr=False)
    audiences: frozenset[str]
    header: Header = field(init=False)
    claims: Claims = field(init=False)
    client: RegisteredClient = field(init=False)
    key: PublishedKey = field(init=False)

    def has(self, *parts: str) -> bool:
        """Whether the steps have come so far."""
        return all(hasattr(self, part) for part in parts)


class Verifier:
    """Verifies the tokens of given clients."""

    def __init__(self, clients: Iterable[RegisteredClient], keys: Keys) -> None:
        """Take the clients, and where their keys come from."""
        self._keys = keys
        self._by_issuer: dict[str, dict[str | None, RegisteredClient]] = {}
        for client in clients:
            of_issuer = self._by_issuer.setdefault(client.issuer, {})
            of_issuer.update(dict.fromkeys(client.tenants or (None,), client))

    async def verify(self, token: Token) -> None:
        """Take all steps.

        Raises:
            NotTrusted: one of them failed.
        """
        for step in STEPS:
            waits = step.check(token, self)
            if waits is not None:
                await waits

    def client_of(self, claims: Claims) -> RegisteredClient:
        """Give the client that a token says it is of.

        Raises:
            NotTrusted: there is none.
        """
        of_issuer = self._by_issuer.get(claims.iss)
        if of_issuer is None:
            raise NotTrusted("iss: no client has this issuer; it must be the same to the letter", claims.iss)
        client = of_issuer.get(None) or of_issuer.get(claims.tenant)
        if client is None:
            raise NotTrusted("tenant: no client of this issuer names it", claims.tenant or "none")
        return client

    async def key_of(self, token: Token) -> PublishedKey:
        """Give the key that a token names; nothing is fetched from an address that its client does not list.

        Raises:
            NotTrusted: the address is not listed, or there is no such key.
        """
        jku, client = token.header.jku, token.client
        if jku is not None and jku not in client.jku:
            raise NotTrusted(f"jku: client {client.name} does not list it, so that nobody asks there", jku)
        return await self._keys.of(client, token.header.kid, jku)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that must hold of a token.

    Attributes:
        words: what holds, for people.
        check: raises NotTrusted where it does not.
        needs: the parts of a token that must be known.
    """

    words: str
    check: Callable[[Token, Verifier], Awaitable[None] | None]
    needs: tuple[str, ...] = ()


def _read_header(token: Token, _: Verifier) -> None:
    token.header = _decoded(token.text, 0, "header", Header, "alg, kid and typ")


def _check_algorithm(token: Token, _: Verifier) -> None:
    if token.header.alg not in ALGORITHMS:
        raise NotTrusted(f"alg: must be one of {', '.join(ALGORITHMS)}", token.header.alg)


def _check_type(token: Token, _: Verifier) -> None:
    if token.header.typ.upper() != "JWT":
        raise NotTrusted("typ: must be JWT", token.header.typ)


def _check_embedded(token: Token, _: Verifier) -> None:
    for name in ("jwk", "x5c", "x5u"):
        if getattr(token.header, name) is not msgspec.UNSET:
            raise NotTrusted(f"{name}: a token may not bring a key, or say where one is but by jku; kid names it")
    if token.header.crit is not msgspec.UNSET:
        raise NotTrusted("crit: no extension of tokens is understood here")


def _read_claims(token: Token, _: Verifier) -> None:
    token.claims = _decoded(token.text, 1, "claims", Claims, "iss, aud, exp, iat and jti")


def _find_client(token: Token, verifier: Verifier) -> None:
    token.client = verifier.client_of(token.claims)


def _check_audience(token: Token, _: Verifier) -> None:
    given = token.claims.aud
    if token.audiences.isdisjoint((given,) if isinstance(given, str) else given):
        raise NotTrusted("aud: must be the address that is called, built on LEGWORK_PUBLIC_URL", str(given))


def _check_times(token: Token, _: Verifier) -> None:
    claims, now = token.claims, time.time()
    if claims.exp <= now - SKEW:
        raise NotTrusted("exp: the token has run out", f"{now - claims.exp:.0f} seconds ago")
    if claims.iat > now + SKEW:
        raise NotTrusted("iat: the token is from the future", f"in {claims.iat - now:.0f} seconds")
    if claims.nbf is not None and claims.nbf > now + SKEW:
        raise NotTrusted("nbf: the token is not valid yet", f"in {claims.nbf - now:.0f} seconds")
    if not 0 < claims.exp - claims.iat <= LONGEST_LIFE:
        raise NotTrusted(
            f"exp: must be after iat, by {LONGEST_LIFE} seconds at most", f"{claims.exp - claims.iat:.0f} seconds"
        )


def _check_id(token: Token, _: Verifier) -> None:
    if not token.claims.jti.strip() or len(token.claims.jti) > _LONGEST_JTI:
        raise NotTrusted(f"jti: must be 1 to {_LONGEST_JTI} characters")


async def _find_key(token: Token, verifier: Verifier) -> None:
    token.key = await verifier.key_of(token)


def _check_key(token: Token, _: Verifier) -> None:
    token.key.ready(token.header.alg)


def _check_signature(token: Token, _: Verifier) -> None:
    algorithm = token.header.alg
    try:
        _SIGNATURES.decode_complete(token.text, token.key.ready(algorithm), algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError) as error:
        raise NotTrusted("the signature is not that of the key that kid names") from error


STEPS = (
    Step("a header that can be read, with alg, kid and typ", _read_header),
    Step("an algorithm that is trusted here", _check_algorithm, ("header",)),
    Step("of type JWT", _check_type, ("header",)),
    Step("no key inside, and no address of one but jku", _check_embedded, ("header",)),
    Step("claims that can be read, with iss, aud, exp, iat and jti", _read_claims),
    Step("issuer, and tenant, of a client", _find_client, ("claims",)),
    Step("made out to the address that is called", _check_audience, ("claims",)),
    Step("valid now, and for an hour at most", _check_times, ("claims",)),
    Step("an id, so that it is used once only", _check_id, ("claims",)),
    Step("a key of that client by this kid, from an address it lists", _find_key, ("header", "client")),
    Step("a key that fits the algorithm and is strong enough", _check_key, ("header", "key")),
    Step("signed with that key", _check_signature, ("header", "key")),
)
"""In this order: what costs nothing first, and what is asked of others last but for the signature."""


def _decoded(text: str, part: int, name: str, shape: type[T], members: str) -> T:
    parts = text.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - https://www.rfc-editor.org/rfc/rfc7515#section-7.1
        raise NotTrusted("the token must have three parts with dots between them")
    padding = "=" * (-len(parts[part]) % 4)
    try:
        return msgspec.json.decode(base64.b64decode(parts[part] + padding, b"-_", validate=True), type=shape)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise NotTrusted(f"the {name} of the token must be JSON in base64url, and hold {members}") from error
