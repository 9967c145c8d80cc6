"""Real RS256 keys and tokens like Google's, made for a test."""

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from shared.clock import FakeClock
from shared.errors import TransientError

AUDIENCE = "https://ingest.example"
ACCOUNT = "push-ingest@project.iam.gserviceaccount.com"
SUBSCRIPTION = "ingest.upload-arrived"
KEY_ID = "key-1"


def private_key(name: str = KEY_ID, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key, the same for the same name and length."""
    return _made(name, bits)


@cache
def _made(_name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(name: str = KEY_ID, *, bits: int = 2048, **other: object) -> dict[str, Any]:
    """Return the public half as its server tells it."""
    told: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(private_key(name, bits).public_key()))
    told.pop("key_ops", None)
    return {**told, "kid": name, "use": "sig", "alg": "RS256", **other}


def claims(clock: FakeClock, **other: object) -> dict[str, object]:
    """Return what Google's token of a push says; a claim that is None is left out."""
    now = int(clock.now().timestamp())
    told: dict[str, object] = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "azp": "1234567890",
        "sub": "1234567890",
        "email": ACCOUNT,
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
        **other,
    }
    return {name: value for name, value in told.items() if value is not None}


def token(clock: FakeClock, *, signed_by: str = KEY_ID, **other: object) -> str:
    """Return a signed token."""
    said = json.dumps(claims(clock, **other)).encode()
    return jwt.PyJWS().encode(said, private_key(signed_by), "RS256", headers={"kid": signed_by})


def forged(header: dict[str, object], payload: dict[str, object], signature: bytes = b"") -> str:
    """Return a token put together by hand."""
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def bearer(value: str) -> dict[str, str]:
    """Return the headers of a request with that token."""
    return {"authorization": f"Bearer {value}"}


@dataclass
class KeyServer:
    """The issuer's key set, which may be away."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk()])
    away: bool = False
    body: bytes | None = None
    asked: int = 0

    def __call__(self) -> bytes:
        """Answer, if it is there."""
        self.asked += 1
        if self.away:
            raise TransientError("away")
        return self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()
