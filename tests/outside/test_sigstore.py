import base64
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import verify_checkpoint
from sigstore._internal.trust import Keyring, RekorKeyring
from sigstore.errors import VerificationError
from sigstore.models import TransparencyLogEntry
from sigstore_models.common.v1 import PublicKey, PublicKeyDetails
from sigstore_models.rekor.v1 import TransparencyLogEntry as Entry

from shared.tlog.checkpoint import open_checkpoint
from shared.tlog.note import VerifierKey
from shared.tlog.proof import Proof
from tests.outside.publishing import Published, publish

SIZES = (1, 2, 255, 256, 257, 700)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What sigstore's verifier is given about one entry."""

    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    note: str
    leaf: bytes


def evidence_of(log: Published, path: Path) -> Evidence:
    """Take one of our proof files apart."""
    proof = Proof.parse(path.read_text())
    checkpoint = open_checkpoint(proof.checkpoint, log.key).checkpoint
    return Evidence(
        proof.index,
        checkpoint.size,
        checkpoint.root,
        proof.hashes,
        proof.checkpoint,
        log.leaves[proof.index],
    )


def judge(evidence: Evidence, key: VerifierKey) -> None:
    """Have sigstore verify the inclusion proof and the signed checkpoint, as it does Rekor's."""
    encoded = Ed25519PublicKey.from_public_bytes(key.public_key).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    public_key = PublicKey(
        raw_bytes=base64.b64encode(encoded), key_details=PublicKeyDetails.PKIX_ED25519
    )
    keyring = RekorKeyring(Keyring([public_key]))
    entry = Entry.from_dict(
        {
            "logIndex": str(evidence.index),
            "logId": {"keyId": text(key.key_id)},
            "kindVersion": {"kind": "docledger", "version": "1"},
            "canonicalizedBody": text(evidence.leaf),
            "inclusionProof": {
                "logIndex": str(evidence.index),
                "treeSize": str(evidence.size),
                "rootHash": text(evidence.root),
                "hashes": [text(value) for value in evidence.hashes],
                "checkpoint": {"envelope": evidence.note},
            },
        }
    )
    judged = TransparencyLogEntry(entry)
    verify_merkle_inclusion(judged)
    verify_checkpoint(keyring, judged)


def text(data: bytes) -> str:
    """Bytes as sigstore's messages have them."""
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("size", SIZES)
def test_sigstore_verifies_our_proofs_and_checkpoints(tmp_path: Path, size: int) -> None:
    """The software that guards software supply chains agrees, entry by entry."""
    log = publish(tmp_path, (size,))
    for path in log.proofs:
        judge(evidence_of(log, path), log.key)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, leaf=one.leaf + b"x"),
        lambda one: replace(one, index=one.index - 1),
        lambda one: replace(one, hashes=one.hashes[:-1]),
        lambda one: replace(one, hashes=(bytes(32), *one.hashes[1:])),
        lambda one: replace(one, root=bytes(32)),
        lambda one: replace(one, note=one.note.replace("\n700\n", "\n701\n")),
        lambda one: replace(one, note=one.note.replace("acme\n", "other\n", 1)),
    ],
)
def test_sigstore_would_notice(tmp_path: Path, change: object) -> None:
    """A verifier that accepts anything would prove nothing about us."""
    assert callable(change)
    log = publish(tmp_path, (700,))
    evidence = evidence_of(log, log.proofs[-1])
    judge(evidence, log.key)
    with pytest.raises(VerificationError):
        judge(change(evidence), log.key)
