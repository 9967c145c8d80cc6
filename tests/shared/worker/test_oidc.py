"""The token of a push: every attack on it that is known."""

import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from shared.clock import FakeClock
from shared.errors import TransientError
from shared.worker.authentication import ForbiddenError, UnauthenticatedError
from shared.worker.jwks import KeySet
from shared.worker.oidc import _MOST_REMEMBERED, SKEW_S, OidcAuthenticator
from tests.shared.worker.tokens import (
    ACCOUNT,
    AUDIENCE,
    KEY_ID,
    SUBSCRIPTION,
    KeyServer,
    bearer,
    claims,
    forged,
    jwk,
    private_key,
    token,
)


class Door:
    """An authenticator with all that it stands on."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.server = KeyServer()
        self.authenticator = OidcAuthenticator(
            audience=AUDIENCE,
            accounts={SUBSCRIPTION: ACCOUNT, "jobs/poll": "scheduler@example"},
            keys=KeySet(self.server, clock=self.clock),
            clock=self.clock,
            job_audience=f"{AUDIENCE}/internal",
        )

    def knock(self, value: str, subscription: str = SUBSCRIPTION) -> None:
        """Push with a token."""
        self.authenticator.check(bearer(value), subscription)

    def token(self, **other: object) -> str:
        """Return a good token, but for what the test changes."""
        return token(self.clock, **other)  # type: ignore[arg-type]


@pytest.fixture
def door() -> Door:
    """Give a door with a key server behind it."""
    return Door()


def test_the_subscriptions_own_account_is_let_in(door: Door) -> None:
    """Without this every test below would pass on a closed door."""
    door.knock(door.token())
    door.knock(door.token(iss="accounts.google.com"))
    door.authenticator.ready()


def test_a_job_has_an_account_and_an_audience_of_its_own(door: Door) -> None:
    """A token of a push must not start jobs, nor the scheduler's push."""
    scheduler = door.token(aud=f"{AUDIENCE}/internal", email="scheduler@example")
    door.knock(scheduler, "jobs/poll")
    with pytest.raises(UnauthenticatedError):
        door.knock(door.token(), "jobs/poll")
    with pytest.raises(UnauthenticatedError):
        door.knock(scheduler)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer é.é.é",
        "Bearer " + "a" * 9_000 + ".b.c",
        "Bearer " + ".".join(["a" * 5_000] * 3),
    ],
)
def test_garbage_is_nobody(door: Door, header: str) -> None:
    """Whatever stands in the header, the answer is 401 and the key server hears nothing of it."""
    with pytest.raises(UnauthenticatedError):
        door.authenticator.check({"authorization": header}, SUBSCRIPTION)
    assert door.server.asked == 0


def test_no_header_is_nobody(door: Door) -> None:
    """The commonest attack of all."""
    with pytest.raises(UnauthenticatedError):
        door.authenticator.check({}, SUBSCRIPTION)


def test_several_headers_are_nobody(door: Door) -> None:
    """A host joins them by commas; which one counts must not be a matter of parsers."""
    good = door.token()
    for joined in (f"Bearer {good},Bearer {good}", f"Bearer {good}, Bearer x", f"Bearer x,{good}"):
        with pytest.raises(UnauthenticatedError):
            door.authenticator.check({"authorization": joined}, SUBSCRIPTION)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_an_unsigned_token_is_nobody(door: Door, algorithm: str) -> None:
    """alg: none (RFC 8725, 2.1)."""
    header: dict[str, object] = {"alg": algorithm, "typ": "JWT", "kid": KEY_ID}
    with pytest.raises(UnauthenticatedError):
        door.knock(forged(header, claims(door.clock)))
    with pytest.raises(UnauthenticatedError):
        door.knock(forged(header, claims(door.clock), b"x"))


def test_the_public_key_is_no_secret_to_sign_with(door: Door) -> None:
    """Key confusion: HS256 under the public key's PEM (RFC 8725, 2.1)."""
    pem = (
        private_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    header: dict[str, object] = {"alg": "HS256", "typ": "JWT", "kid": KEY_ID}
    unsigned = forged(header, claims(door.clock)).rpartition(".")[0]
    signature = hmac.new(pem, unsigned.encode(), hashlib.sha256).digest()
    with pytest.raises(UnauthenticatedError):
        door.knock(forged(header, claims(door.clock), signature))


@pytest.mark.parametrize(
    "brought",
    [
        {"jwk": jwk("attacker")},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/chain"},
        {"x5c": ["MIIB"]},
    ],
    ids=["jwk", "jku", "x5u", "x5c"],
)
def test_a_key_that_the_token_brings_itself_is_not_used(
    door: Door, brought: dict[str, object]
) -> None:
    """The attacker signs with a key of their own and says where to find it."""
    asked = door.server.asked
    signed = jwt.encode(
        claims(door.clock), private_key("attacker"), "RS256", headers={"kid": KEY_ID, **brought}
    )
    with pytest.raises(UnauthenticatedError):
        door.knock(signed)
    assert door.server.asked == asked + 1  # our own server, for our own keys


def test_another_algorithm_of_the_same_key_is_nobody(door: Door) -> None:
    """One algorithm, whatever the token asks for."""
    for algorithm in ("RS384", "PS256"):
        signed = jwt.encode(claims(door.clock), private_key(), algorithm, headers={"kid": KEY_ID})
        with pytest.raises(UnauthenticatedError):
            door.knock(signed)


def test_what_a_token_calls_critical_and_we_do_not_know_is_refused(door: Door) -> None:
    """RFC 7515, 4.1.11."""
    signed = jwt.encode(
        claims(door.clock), private_key(), "RS256", headers={"kid": KEY_ID, "crit": ["exp"]}
    )
    with pytest.raises(UnauthenticatedError):
        door.knock(signed)


@pytest.mark.parametrize(
    "said",
    [
        {"iss": "https://accounts.google.com.attacker.example"},
        {"iss": "https://attacker.example"},
        {"iss": ["https://accounts.google.com"]},
        {"aud": "https://other.example"},
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "https://other.example"]},
        {"aud": f"{AUDIENCE}/"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": [ACCOUNT]},
        {"exp": "9999999999"},
        {"exp": 9e99},
        {"iat": True},
        {"nbf": "0"},
        *({name: None} for name in ("iss", "aud", "email", "email_verified", "iat", "exp")),
    ],
    ids=str,
)
def test_a_claim_that_is_missing_or_wrong_is_nobody(door: Door, said: dict[str, object]) -> None:
    """A token of Google's for somebody else, or one that says too little, proves nothing here."""
    with pytest.raises(UnauthenticatedError):
        door.knock(door.token(**said))


@pytest.mark.parametrize("email", ["other@project.iam.gserviceaccount.com", ACCOUNT.upper(), ""])
def test_a_good_token_of_another_account_is_forbidden(door: Door, email: str) -> None:
    """Anybody with a Google account can have a token for our audience."""
    with pytest.raises(ForbiddenError):
        door.knock(door.token(email=email))


def test_a_subscription_without_an_account_is_closed(door: Door) -> None:
    """What nobody configured must not be open."""
    with pytest.raises(ForbiddenError):
        door.knock(door.token(), "ocr.pages-read")


def test_times_hold_but_for_a_small_skew(door: Door) -> None:
    """A clock that is some seconds off is not an attack; a token of yesterday is."""
    now = int(door.clock.now().timestamp())
    door.knock(door.token(exp=now - SKEW_S + 1, iat=now - 60))
    door.knock(door.token(iat=now + SKEW_S))
    for wrong in ({"exp": now - SKEW_S}, {"iat": now + SKEW_S + 1}, {"nbf": now + SKEW_S + 1}):
        with pytest.raises(UnauthenticatedError):
            door.knock(door.token(**wrong))


def test_a_changed_token_is_nobody(door: Door) -> None:
    """One character of the payload or signature."""
    head, payload, signature = door.token().split(".")
    other = json.dumps(claims(door.clock, email=ACCOUNT, extra=1)).encode().hex()
    for changed in (f"{head}.{other}.{signature}", f"{head}.{payload}.{signature[:-4]}AAAA"):
        with pytest.raises(UnauthenticatedError):
            door.knock(changed)


def test_a_token_of_an_unknown_key_is_nobody(door: Door) -> None:
    """The key server knows no such key: it was not Google who signed."""
    with pytest.raises(UnauthenticatedError):
        door.knock(door.token(signed_by="attacker"))
    long = jwt.encode(claims(door.clock), private_key(), "RS256", headers={"kid": "k" * 1_000})
    with pytest.raises(UnauthenticatedError):
        door.knock(long)


def test_without_keys_nothing_is_decided(door: Door) -> None:
    """503: the caller may be right, and nobody gets in."""
    door.server.away = True
    with pytest.raises(TransientError):
        door.knock(door.token())
    with pytest.raises(TransientError):
        door.authenticator.ready()


def test_a_token_is_verified_once_and_refused_when_it_expires(door: Door) -> None:
    """Pub/Sub sends one token for an hour: checking it again costs nothing but must end."""
    good = door.token()
    door.knock(good)
    door.server.keys = []
    door.server.away = True
    door.clock.sleep(3_600)  # the keys are old and away, the token is known
    door.knock(good)
    door.clock.sleep(SKEW_S)
    with pytest.raises(UnauthenticatedError):
        door.knock(good)


def test_a_remembered_token_opens_its_own_door_only(door: Door) -> None:
    """What is remembered is who calls, not that they may."""
    good = door.token()
    door.knock(good)
    with pytest.raises(ForbiddenError):
        door.knock(good, "ocr.pages-read")
    with pytest.raises(UnauthenticatedError):
        door.knock(good, "jobs/poll")


def test_few_tokens_are_remembered_and_none_that_is_bad(door: Door) -> None:
    """A flood of tokens must not fill the memory."""
    for number in range(_MOST_REMEMBERED + 5):
        door.knock(door.token(jti=str(number)))
    with pytest.raises(UnauthenticatedError):
        door.knock(door.token(aud="https://other.example", exp=1))
    assert len(door.authenticator._remembered) == _MOST_REMEMBERED
