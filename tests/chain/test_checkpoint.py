from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.checkpoint import (
    Checkpoint,
    format_checkpoint,
    parse_checkpoint,
    require_origin,
)
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.note import (
    COSIGNATURE_ML_DSA_44,
    ED25519,
    VerifierKey,
    format_note,
    parse_note,
    sign_note,
)
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.crypto.merkle import EMPTY_ROOT, MAX_TREE_SIZE
from ledger.errors import MalformedData

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

origins = st.from_regex(r"[!-*,-~]{1,255}", fullmatch=True)
checkpoints = st.builds(
    Checkpoint, origins, st.integers(1, MAX_TREE_SIZE), st.binary(min_size=32, max_size=32)
) | st.builds(Checkpoint, origins, st.just(0), st.just(EMPTY_ROOT))


@given(checkpoints)
def test_a_checkpoint_reads_back(checkpoint):
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint


@given(
    st.text()
    | st.lists(st.text(max_size=50) | st.sampled_from(["a/b", "1", "01", ROOT, ""])).map("\n".join)
)
def test_a_checkpoint_that_is_read_is_written_the_same(text):
    try:
        checkpoint = parse_checkpoint(text)
    except MalformedData:
        return
    assert format_checkpoint(checkpoint) == text


def test_the_specification_s_example_is_read():
    text = f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"a\n1\n{ROOT}",
        f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\nextension\n",
        f"\na\n1\n{ROOT}\n",
        f"\n1\n{ROOT}\n",
        f"a b\n1\n{ROOT}\n",
        f"a+b\n1\n{ROOT}\n",
        f"公证\n1\n{ROOT}\n",
        f"{'a' * 256}\n1\n{ROOT}\n",
        f"a\n01\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n",
        f"a\n1_0\n{ROOT}\n",
        f"a\n١\n{ROOT}\n",
        f"a\n 1\n{ROOT}\n",
        f"a\n\n{ROOT}\n",
        f"a\n{2**63}\n{ROOT}\n",
        f"a\n1\n{ROOT.rstrip('=')}\n",
        f"a\n1\n{ROOT.replace('+', '-').replace('/', '_')}\n",
        f"a\n1\n{ROOT[:-2]}J=\n",
        "a\n1\nAAAA\n",
        f"a\n0\n{ROOT}\n",
        f"a\r\n1\r\n{ROOT}\r\n",
    ],
)
def test_what_is_no_three_line_checkpoint_is_refused(text):
    with pytest.raises(MalformedData):
        parse_checkpoint(text)


def test_an_origin_is_plain_ascii():
    assert require_origin("notary.example/ledger/2026") == "notary.example/ledger/2026"
    for origin in ("", "a b", "a+b", "a\n", "ä", "a" * 256):
        with pytest.raises(MalformedData):
            require_origin(origin)


def test_signing_gives_another_implementation_s_checkpoint():
    """From the discussion of C2SP issue 99: private key 0x11 and 31 zeros."""
    key = SigningKey(b"\x11" + bytes(31))
    assert key.public.hex() == "66e0b858e462a609e66fe71370c816d8846ff103d5499a22a7fec37fdbc424a7"
    origin = f"sigsum.org/v1/tree/{sha256(key.public).hexdigest()}"
    whole = (
        f"{origin}\n10\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"
        f"— {origin} gJ2ho0n8F8olcerUF1FFdv235A/5as/coWrpLrtE7ovMeP5whgwouYExowG/lTznxu6OUGjjt5yJQ"
        "6bXtTcf718MqAQ=\n"
    )
    note = parse_note(whole)
    checkpoint = parse_checkpoint(note.text)
    assert sign_note(checkpoint.text, origin, key) == note.signatures[0]


def test_the_notary_signs_twice_under_its_origin():
    ed25519, ml_dsa = SigningKey(b"1" * 32), MlDsaKey(b"2" * 32)
    checkpoint = Checkpoint("notary.example/ledger", 7, b"\3" * 32)
    whole = sign_checkpoint(checkpoint, ed25519, ml_dsa, 1_795_392_000)
    note = parse_note(whole)
    assert format_note(note) == whole
    assert parse_checkpoint(note.text) == checkpoint
    assert [(line.name, line.key_id) for line in note.signatures] == [
        (checkpoint.origin, VerifierKey(checkpoint.origin, algorithm, public).key_id)
        for algorithm, public in (
            (ED25519, ed25519.public),
            (COSIGNATURE_ML_DSA_44, ml_dsa.public),
        )
    ]
