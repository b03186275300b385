"""The keys of clients: from their files, or from where they publish them, cached and asked for anew with care."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import AllowedPublicKeys

from cds.clients import Key, RegisteredClient
from cds.errors import NotTrusted, place_of
from cds.outbound import REACH, Outbound

ALGORITHMS: Final = {"ES384": "P-384", "ES512": "P-521", "RS384": "", "RS512": "", "PS384": "", "PS512": ""}
"""The algorithms that are trusted: what the standard recommends, and stronger. -> the curve of the key."""

FRESH = 3600.0
"""How long published keys count without being asked for again [s]: so long may a revoked one still be used."""

STALE = 24 * 3600.0
"""How long they count where they cannot be asked for [s]."""

APART = 30.0
"""From one question for keys to the next [s], so that tokens which name unknown keys move nobody to ask more often."""

LONGEST = 3.0
"""How long an answer with keys may take [s]."""

PATIENCE = 0.2
"""How long a call whose key is known waits for that answer [s]; then the key counts as it is known."""

LARGEST = 256 * 1024
"""The largest set of keys [By]."""

_RSA_BITS = range(2048, 8193)
_PUBLIC = frozenset(("kty", "crv", "x", "y", "n", "e"))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class PublishedKey:
    """A key as a client published it."""

    jwk: Key
    _ready: dict[str, AllowedPublicKeys] = field(default_factory=dict)

    def ready(self, algorithm: str) -> AllowedPublicKeys:
        """Give the key in the form in which it verifies signatures of a trusted algorithm.

        Raises:
            NotTrusted: it is not meant for it, too weak, or no key at all.
        """
        if algorithm not in self._ready:
            self._ready[algorithm] = _ready(self.jwk, algorithm)
        return self._ready[algorithm]


@dataclass(slots=True)
class _Published:
    """The keys at one address."""

    keys: Mapping[str, PublishedKey] = field(default_factory=dict)
    fetched: float = float("-inf")
    asked: float = float("-inf")
    asking: asyncio.Task[None] | None = None
    """The question that is on its way, or the last one."""


class Keys:
    """The keys of all clients."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Take what keys are fetched with."""
        self._transport = transport or Outbound()
        self._held: dict[str, Mapping[str, PublishedKey]] = {}
        self._published: dict[str, _Published] = {}
        self._http: httpx.AsyncClient | None = None

    async def of(self, client: RegisteredClient, kid: str, jku: str | None) -> PublishedKey:
        """Give the key of a client by its id; `jku` is one of the client's.

        Raises:
            NotTrusted: there is no such key, or it cannot be had.
        """
        if client.jwks:
            if client.name not in self._held:
                self._held[client.name] = by_id(client.keys)
            if kid in self._held[client.name]:
                return self._held[client.name][kid]
        else:
            for address in (jku,) if jku else client.jku:
                keys = await self._at(address, client, kid)
                if kid in keys:
                    return keys[kid]
        raise NotTrusted(f"kid: none of the keys of client {client.name} has this id, or they cannot be had", kid)

    def are_at_hand(self, client: RegisteredClient) -> bool:
        """Whether a client's keys are known, so that its tokens can be verified."""
        return bool(client.jwks) or any(
            (published := self._published.get(address)) is not None and published.keys for address in client.jku
        )

    async def fetch_all(self, clients: Iterable[RegisteredClient]) -> None:
        """Ask for all published keys before somebody waits for them; where that fails, the log says so."""
        wanted = {address: client for client in clients if not client.jwks for address in client.jku}
        await asyncio.gather(*(self._at(address, client, "") for address, client in wanted.items()))

    async def _at(self, address: str, client: RegisteredClient, kid: str) -> Mapping[str, PublishedKey]:
        """Give the keys at an address, asked for anew when they are old or the one wanted is not among them."""
        published = self._published.setdefault(address, _Published())
        if time.monotonic() - published.fetched > STALE:
            published.keys = {}
        if not _due(published, kid):
            return published.keys
        if published.asking is None or published.asking.done():
            published.asking = asyncio.create_task(self._ask(published, address, client))
        # Whoever comes meanwhile waits for the same answer; nobody's leaving breaks it off.
        await asyncio.wait((published.asking,), timeout=PATIENCE if kid in published.keys else None)
        return published.keys

    async def _ask(self, published: _Published, address: str, client: RegisteredClient) -> None:
        try:
            published.keys = by_id(await self._fetch(address, client))
            published.fetched = time.monotonic()
        except (httpx.HTTPError, NotTrusted, TimeoutError, msgspec.MsgspecError, RecursionError) as error:
            _log.warning("the keys of client %s cannot be had: %s (%s)", client.name, place_of(error), error)
        finally:
            published.asked = time.monotonic()

    async def _fetch(self, address: str, client: RegisteredClient) -> Sequence[Key]:
        if self._http is None:
            self._http = httpx.AsyncClient(transport=self._transport, trust_env=False, timeout=LONGEST)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        body = bytearray()
        async with asyncio.timeout(LONGEST):
            async with self._http.stream("GET", address, headers=headers, extensions={REACH: client.reach}) as answer:
                if answer.status_code != httpx.codes.OK or "content-encoding" in answer.headers:
                    raise NotTrusted(f"the answer is {answer.status_code}, or compressed")
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > LARGEST:
                        raise NotTrusted("the answer is too large")
        return msgspec.json.decode(body, type=_Set).keys

    async def close(self) -> None:
        """Ask no more, and close the connections."""
        asking = [published.asking for published in self._published.values() if published.asking is not None]
        for question in asking:
            question.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()


class _Set(msgspec.Struct):
    keys: list[dict[str, Any]]


def _due(published: _Published, kid: str) -> bool:
    now = time.monotonic()
    return (now - published.fetched > FRESH or kid not in published.keys) and now - published.asked > APART


def by_id(keys: Iterable[Key]) -> Mapping[str, PublishedKey]:
    """Sort keys by their id; one that several keys share names none of them."""
    named = [(key["kid"], key) for key in keys if isinstance(key.get("kid"), str)]
    count = Counter(kid for kid, _ in named)
    return {kid: PublishedKey(key) for kid, key in named if count[kid] == 1}


def _ready(key: Key, algorithm: str) -> AllowedPublicKeys:
    family, curve = ("EC", ALGORITHMS[algorithm]) if ALGORITHMS[algorithm] else ("RSA", None)
    if key.get("kty") != family or key.get("crv") != curve:
        raise NotTrusted(f"alg: {algorithm} takes a key of kty {' and crv '.join(filter(None, (family, curve)))}")
    if key.get("alg", algorithm) != algorithm:
        raise NotTrusted(f"alg: the key that kid names is not for {algorithm}")
    operations = key.get("key_ops", ["verify"])
    if key.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise NotTrusted("kid: the key is not meant for signatures (use, key_ops)")
    public = {name: value for name, value in key.items() if name in _PUBLIC}
    try:
        made: AllowedPublicKeys = jwt.PyJWK(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
        raise NotTrusted("kid: the key cannot be read") from error
    if isinstance(made, RSAPublicKey) and made.key_size not in _RSA_BITS:
        raise NotTrusted(f"kid: the key must have {_RSA_BITS[0]} to {_RSA_BITS[-1]} bits")
    return made
