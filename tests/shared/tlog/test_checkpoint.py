import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.tlog.checkpoint import Checkpoint, open_checkpoint
from shared.tlog.errors import MalformedError, SignatureError
from shared.tlog.note import Note, Signature
from shared.tlog.signer import Ed25519Signer

ROOT = bytes(range(32))
ROOT64 = base64.b64encode(ROOT).decode()


def test_a_checkpoint_reads_back_as_it_was_written() -> None:
    """Extension lines of other logs are kept, because the signature covers them."""
    text = f"example.com/log\n20852163\n{ROOT64}\none\ntwo\n"
    checkpoint = Checkpoint.parse(text)
    assert checkpoint == Checkpoint("example.com/log", 20852163, ROOT, ("one", "two"))
    assert checkpoint.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"log\n1\n{ROOT64}",
        "log\n1\n",
        f"\n1\n{ROOT64}\n",
        f"log\n01\n{ROOT64}\n",
        f"log\n+1\n{ROOT64}\n",
        f"log\n-1\n{ROOT64}\n",
        f"log\n 1\n{ROOT64}\n",
        f"log\n1_0\n{ROOT64}\n",
        f"log\n\u0661\n{ROOT64}\n",
        f"log\n\n{ROOT64}\n",
        f"log\n9223372036854775808\n{ROOT64}\n",
        f"log\n99999999999999999999\n{ROOT64}\n",
        f"log\n1\n{base64.b64encode(ROOT[:31]).decode()}\n",
        f"log\n1\n{base64.b64encode(ROOT + b'x').decode()}\n",
        f"log\n1\n{ROOT64[:-2]}9=\n",
        f"log\n1\n{ROOT64[:-1]}\n",
        f"log\n1\n {ROOT64}\n",
        f"log\n1\n{ROOT64}\n\n",
        f"log\n1\n{ROOT64}\nextension\n\n",
    ],
)
def test_what_is_not_quite_a_checkpoint_is_refused(text: str) -> None:
    """Leading zeros, other roots than 32 bytes, empty lines: one spelling for one tree."""
    with pytest.raises(MalformedError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, ROOT, ()),
        ("a\nb", 1, ROOT, ()),
        ("log", -1, ROOT, ()),
        ("log", 1 << 63, ROOT, ()),
        ("log", 1, ROOT[:31], ()),
        ("log", 1, ROOT, ("",)),
        ("log", 1, ROOT, ("a\nb",)),
    ],
)
def test_no_checkpoint_can_be_made_that_would_not_read_back(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    """A signer takes a Checkpoint, so a Checkpoint must be one."""
    with pytest.raises(MalformedError):
        Checkpoint(origin, size, root, extensions)


def test_a_signed_checkpoint_opens_with_its_key_alone(signer: Ed25519Signer) -> None:
    """Another log's key must not open it."""
    checkpoint = Checkpoint(signer.key.name, 7, ROOT)
    note = signer.sign(checkpoint)
    assert open_checkpoint(note, signer.key).checkpoint == checkpoint
    assert open_checkpoint(note, signer.key).note == note
    other = Ed25519Signer(signer.key.name, Ed25519PrivateKey.generate())
    with pytest.raises(SignatureError):
        open_checkpoint(note, other.key)


def test_a_checkpoint_of_another_origin_is_refused() -> None:
    """One key that signs for two names would let one log pass for the other."""
    private = Ed25519PrivateKey.generate()
    key = Ed25519Signer("one.example", private).key
    text = Checkpoint("two.example", 7, ROOT).text
    signature = Signature(key.name, key.key_id, private.sign(text.encode()))
    with pytest.raises(SignatureError, match="origin"):
        open_checkpoint(str(Note(text, (signature,))), key)


def test_a_signer_does_not_sign_for_another_log(signer: Ed25519Signer) -> None:
    """The signer is the last one who can say no."""
    with pytest.raises(ValueError, match="another log"):
        signer.sign(Checkpoint("docledger.example/log/other", 1, ROOT))
