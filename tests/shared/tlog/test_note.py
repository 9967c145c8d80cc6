import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.tlog.errors import MalformedError, SignatureError
from shared.tlog.note import MOST_SIGNATURES, Note, Signature, VerifierKey, decode_text, open_note

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
KEY = VerifierKey("example.com/log", PRIVATE.public_key().public_bytes_raw())
TEXT = "first\n\nthird\n"

# The example key and notes of golang.org/x/mod/sumdb/note, whose format this is.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdn"
    "gotpRZb6KE6RyyBwJnAM=\n"
)


def signed(text: str, *more: Signature) -> Note:
    """Sign a text; other signatures follow ours."""
    signature = Signature(KEY.name, KEY.key_id, PRIVATE.sign(text.encode()))
    return Note(text, (signature, *more))


def stranger(number: int = 0) -> Signature:
    """Return the signature of a key that nobody knows."""
    return Signature(f"witness{number}.example", b"\x00\x01\x02\x03", b"x" * 72)


def test_a_note_signed_by_another_implementation_opens() -> None:
    """Our reading of the format is somebody else's writing of it."""
    key = VerifierKey.parse(GO_VKEY)
    assert str(key) == GO_VKEY
    assert open_note(GO_NOTE, [key]) == GO_NOTE.rpartition("\n\n")[0] + "\n"
    assert str(Note.parse(GO_NOTE)) == GO_NOTE


def test_the_key_id_is_the_hash_of_name_type_and_key() -> None:
    """Another id would make every other verifier ignore our signatures."""
    preimage = b"example.com/log\n\x01" + KEY.public_key
    assert KEY.key_id == hashlib.sha256(preimage).digest()[:4]
    assert VerifierKey.parse(f"{KEY}\n") == KEY


def test_a_text_with_empty_lines_opens_whole() -> None:
    """The last empty line ends the text, not the first."""
    assert open_note(str(signed(TEXT)), [KEY]) == TEXT


def test_unknown_keys_are_ignored_even_with_a_known_name_or_id() -> None:
    """Witnesses and new keys sign beside us; only name and id together mean a key."""
    same_name = Signature(KEY.name, b"\xff" * 4, b"x" * 64)
    same_id = Signature("other.example", KEY.key_id, b"x" * 64)
    assert open_note(str(signed(TEXT, same_name, same_id, stranger())), [KEY]) == TEXT
    with pytest.raises(SignatureError, match="no known key"):
        open_note(str(Note(TEXT, (same_name, same_id, stranger()))), [KEY])


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    """A right signature beside a wrong one of the same key means somebody tampered."""
    wrong = Signature(KEY.name, KEY.key_id, b"\x00" * 64)
    with pytest.raises(SignatureError, match="wrong"):
        open_note(str(signed(TEXT, wrong)), [KEY])
    short = Signature(KEY.name, KEY.key_id, b"\x00")
    with pytest.raises(SignatureError, match="wrong"):
        open_note(str(Note(TEXT, (short,))), [KEY])


def test_a_changed_text_is_refused() -> None:
    """What the signature is for."""
    with pytest.raises(SignatureError):
        open_note(str(signed(TEXT)).replace("third", "fourth"), [KEY])


def test_sixteen_and_more_signatures_are_accepted_up_to_a_limit() -> None:
    """The specification asks for 16; without any limit a note could cost hours."""
    crowd = [stranger(number) for number in range(MOST_SIGNATURES - 1)]
    assert open_note(str(signed(TEXT, *crowd[:15])), [KEY]) == TEXT
    assert open_note(str(signed(TEXT, *crowd)), [KEY]) == TEXT
    with pytest.raises(MalformedError, match="more than"):
        open_note(str(signed(TEXT, *crowd, stranger())), [KEY])


SIGNATURE = base64.b64encode(b"\x00" * 68).decode()


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\u2014 a AAAAAAA=\n",
        f"text\n\n\u2014 a {SIGNATURE}",
        f"text\n\n- a {SIGNATURE}\n",
        f"text\n\n\u2014a {SIGNATURE}\n",
        f"text\n\n\u2014  {SIGNATURE}\n",
        f"text\n\n\u2014 a+b {SIGNATURE}\n",
        f"text\n\n\u2014 a\u00a0b {SIGNATURE}\n",
        f"text\n\n\u2014 a  {SIGNATURE}\n",
        f"text\n\n\u2014 a {SIGNATURE} \n",
        f"text\n\n\u2014 a {SIGNATURE}\r\n",
        f"te\x00xt\n\n\u2014 a {SIGNATURE}\n",
        f"te\txt\n\n\u2014 a {SIGNATURE}\n",
        f"te\ud800xt\n\n\u2014 a {SIGNATURE}\n",
        "text\n\n\u2014 a AAAA\n",
        "text\n\n\u2014 a AAAAAA==\n",
        "text\n\n\u2014 a AAAAAAB=\n",
        "text\n\n\u2014 a AAAAAAA\n",
        "text\n\n\u2014 a AAAA\u00c4AA=\n",
        "text\n\n\u2014 a\n",
    ],
)
def test_what_is_not_quite_a_note_is_refused(note: str) -> None:
    """Two spellings of one note would let a byte change unnoticed."""
    with pytest.raises(MalformedError):
        Note.parse(note)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        "name+c74f20a3",
        GO_VKEY.replace("c74f20a3", "C74F20A3"),
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        GO_VKEY.replace("PeterNeumann", "PeterNeuman"),
        GO_VKEY.replace("PeterNeumann", ""),
        GO_VKEY.replace("PeterNeumann", "Peter Neumann"),
        GO_VKEY.replace("+ARpc", "+AhpC"),
        GO_VKEY + "\n\n",
        GO_VKEY[:-4],
        "name+00000000+",
    ],
)
def test_a_wrong_vkey_line_is_refused(line: str) -> None:
    """A mistyped public key must not become another public key."""
    with pytest.raises(MalformedError):
        VerifierKey.parse(line)


def test_a_key_that_is_no_point_verifies_nothing() -> None:
    """A nonsense key is a failed signature, not a crash."""
    nonsense = VerifierKey("example.com/log", b"\xff" * 32)
    assert not nonsense.verifies(b"\x00" * 64, b"text")


def test_bytes_that_are_not_utf8_are_refused() -> None:
    """A note is text."""
    with pytest.raises(MalformedError, match="UTF-8"):
        decode_text(b"\xff\n", what="checkpoint")
