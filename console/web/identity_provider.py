"""A provider of identities (OpenID Connect): where it is, its keys, and whom its word stands for. Needs `oidc`."""

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from console.web.turns import Turns

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

BACK = "/sign-in/provider/back"  # where it sends people to
DISCOVERY = "/.well-known/openid-configuration"
WAIT_S = (3.0, 5.0)  # for a connection, then for each answer; somebody stands before the page
KNOWN_S = 3600.0  # its addresses and keys hold for so long; a key that is not among them is asked for at once
REST_S = 10.0  # after a try in vain nobody else waits for it
CLOCKS_S = 60  # its clock and ours may differ by this
MOST_SUBJECT = 255  # characters, by the standard
# Signatures that nobody can make who only knows the provider's public keys, or the client's secret.
ALGORITHMS = frozenset(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)) | {"EdDSA"}
KEY_KINDS = ("RSA", "EC", "OKP")
LOOPBACK = ("127.0.0.1", "::1", "localhost")

log = logging.getLogger(__name__)


class ProviderAwayError(Exception):
    """The provider can't be reached, or what answers is none."""


class ProviderRefusedError(Exception):
    """The provider does not stand for this person, or its word can't be believed."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What the answer to a question is measured by; none of it is known to anybody but one browser and the provider.

    state: comes back with the answer. nonce: comes back in the provider's signed word. verifier: shows that who fetches
    that word is who asked (PKCE).
    """

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider tells of itself."""

    facts: dict[str, Any]
    keys: "KeySet"
    at_s: float

    @property
    def algorithms(self) -> list[str]:
        told = self.facts.get("id_token_signing_alg_values_supported") or ["RS256"]
        return [one for one in told if one in ALGORITHMS]

    @property
    def way_out(self) -> str:
        """Where people sign out there; empty where it has no such address."""
        told = self.facts.get("end_session_endpoint")
        return str(told) if is_private_way(told) else ""


def is_installed() -> bool:
    """Whether the extra `oidc` is."""
    return all(find_spec(name) is not None for name in ("authlib", "joserfc", "requests"))


def is_private_way(address: object) -> bool:
    """Whether what is sent to an address can be read by nobody on the way: https, or within this machine."""
    parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


class IdentityProvider:
    """Asked over the network, in `turns`, so that nobody who does not sign in with it waits for it.

    issuer: its address, as it tells it of itself. name: what people call it. address: of the console, to which it sends
    people back.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, name: str, address: str) -> None:
        self.issuer, self.name, self.turns = issuer, name, Turns("provider")
        self._client_id, self._client_secret, self._back = client_id, client_secret, address + BACK
        self._known: _Known | None = None
        self._rests_until_s = 0.0

    def begin(self, now_s: float) -> tuple[str, Begun]:
        """The address to which a person goes to sign in, and what the answer is measured by.

        There they are asked who they are, whoever has signed in with this browser before: guards share a screen, and
        nobody must come in, or be linked, as the colleague of the last shift. now_s: UTC seconds.
        Raises ProviderAwayError.
        """
        known = self._told(now_s)
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        asked = "login" if known.way_out else "select_account"  # Google, which has no way out, refuses the former
        with self._session(known) as session:
            address, state = session.create_authorization_url(
                known.facts["authorization_endpoint"], nonce=nonce, code_verifier=verifier, prompt=asked
            )
        return address, Begun(state, nonce, verifier)

    def way_out(self, now_s: float) -> str:
        """The address at which a person signs out there, too, and comes back from; empty where it has none.

        It holds nothing about the person, so that it asks them. now_s: UTC seconds. Raises ProviderAwayError.
        """
        found = self._told(now_s).way_out
        if not found:
            return ""
        parts = urlsplit(found)
        asked = {"client_id": self._client_id, "post_logout_redirect_uri": self._back}
        return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *asked.items()])))

    def subject(self, code: str, begun: Begun, now_s: float) -> str:
        """The provider's name for the account with which somebody has signed in there, from its verified word.

        code: what came back with the person; it works once. now_s: UTC seconds.
        Raises ProviderAwayError, ProviderRefusedError.
        """
        from authlib.common.errors import AuthlibBaseError
        from requests import RequestException

        known = self._told(now_s)
        try:
            with self._session(known) as session:
                told = session.fetch_token(known.facts["token_endpoint"], code=code, code_verifier=begun.verifier)
        except (RequestException, ValueError) as error:
            raise self._away(error) from error
        except AuthlibBaseError as error:
            log.warning("the provider of identities refused a code: %s", error)
            raise ProviderRefusedError from error
        return self.believed(told, begun, now_s)

    def believed(self, told: dict[str, Any], begun: Begun, now_s: float) -> str:
        """The subject of the word in `told`, the provider's answer to a code. Raises what `subject` does."""
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        try:
            return self._verified(told, begun, now_s)
        except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as error:
            log.warning("the provider of identities: its word can't be believed: %s", error)
            raise ProviderRefusedError from error

    def _verified(self, told: dict[str, Any], begun: Begun, now_s: float) -> str:
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import BadSignatureError, InvalidKeyIdError
        from joserfc.jws import JWSRegistry

        known, word = self._told(now_s), str(told["id_token"])
        registry = JWSRegistry(algorithms=known.algorithms, strict_check_header=False)
        try:
            token = jwt.decode(word, known.keys, registry=registry)
        except (InvalidKeyIdError, BadSignatureError):  # signed with a key that it has made since, perhaps
            self._known = None
            token = jwt.decode(word, self._told(now_s).keys, registry=registry)
        must_be = {"iss": self.issuer, "aud": self._client_id}
        options = {name: {"essential": True, "value": value} for name, value in must_be.items()}
        measures = {"nonce": begun.nonce, "client_id": self._client_id, "access_token": told.get("access_token")}
        claims = CodeIDToken(token.claims, token.header, options, measures)
        claims.validate(now=int(now_s), leeway=CLOCKS_S)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= MOST_SUBJECT or not subject.isprintable():
            raise ValueError("the subject is none")
        return subject

    def _told(self, now_s: float) -> _Known:
        """What the provider tells of itself, asked anew where that was long ago. Raises ProviderAwayError."""
        known = self._known
        if known is not None and 0 <= now_s - known.at_s < KNOWN_S:
            return known
        if 0 < self._rests_until_s - now_s <= REST_S:
            raise ProviderAwayError
        from joserfc.errors import JoseError
        from requests import RequestException

        try:
            known = self._known = self._ask(now_s)
        except (RequestException, JoseError, KeyError, TypeError, ValueError) as error:
            self._rests_until_s = now_s + REST_S
            raise self._away(error) from error
        return known

    def _ask(self, now_s: float) -> _Known:
        with self._session() as session:
            facts = _object(session.get(self.issuer.rstrip("/") + DISCOVERY, withhold_token=True))
            if facts["issuer"] != self.issuer:
                raise ValueError(f"it calls itself {facts['issuer']!r}; set GATEHOUSE_CONSOLE_OIDC_ISSUER to that")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not is_private_way(facts[name]):
                    raise ValueError(f"its {name} is no https address")
            keys = _object(session.get(facts["jwks_uri"], withhold_token=True))["keys"]
        return _Known(facts, _usable(keys), now_s)

    def _session(self, known: _Known | None = None) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        ways = known.facts.get("token_endpoint_auth_methods_supported") if known else None
        basic = not ways or "client_secret_basic" in ways
        session = OAuth2Session(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method="client_secret_basic" if basic else "client_secret_post",
            scope="openid",  # who it is, and nothing else about a person
            redirect_uri=self._back,
            code_challenge_method="S256",
            default_timeout=WAIT_S,
        )
        session.max_redirects = 0  # it has no reason to send a server elsewhere
        return session

    def _away(self, error: Exception) -> ProviderAwayError:
        why = str(error) if type(error) is ValueError else type(error).__name__
        log.warning("the provider of identities at %s can't be asked: %s", self.issuer, why)
        return ProviderAwayError()


def _usable(keys: Sequence[Any]) -> "KeySet":
    """Those that can sign; one of a kind that is not known here costs none of the others. Raises ValueError."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    found = []
    for one in keys:
        if isinstance(one, dict) and one.get("kty") in KEY_KINDS and one.get("use", "sig") == "sig":
            with suppress(JoseError, KeyError, TypeError, ValueError):
                found.append(JWKRegistry.import_key(one))
    if not found:
        raise ValueError("it has no key that is understood here")
    return KeySet(found)


def _object(answer: Any) -> dict[str, Any]:
    """The JSON object of an answer. Raises ValueError, RequestException."""
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("it answers with something that is no object")
    return found
