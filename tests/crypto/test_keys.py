"""Signatures hold only for their key, message and one encoding; thumbprints are those of RFC 9679."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as some

from ledger.crypto.keys import (
    MlDsaKey,
    SealKey,
    SigningKey,
    format_pem,
    parse_pem,
    thumbprint_ed25519,
    thumbprint_p256,
    verify_ed25519,
    verify_es256,
    verify_ml_dsa_44,
)
from ledger.errors import MalformedData, VerificationFailed
from tests.mutations import changed_bytes

KEY = SigningKey(bytes(range(32)))
ML_DSA = MlDsaKey(bytes(range(32)))
SEAL = SealKey(ec.derive_private_key(11, ec.SECP256R1()))
MESSAGE = b"message"

RFC_8032 = [
    # section 7.1: seed, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

ORDER = 2**252 + 27742317777372353535851937790883648493

SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_ed25519_is_that_of_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.public.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    verify_ed25519(key.public, bytes.fromhex(message), bytes.fromhex(signature))


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_a_key_of_small_order_verifies_nothing(public: str) -> None:
    # With such a key, R = identity and S = 0 satisfy the cofactored equation for every message.
    signature = bytes.fromhex(SMALL_ORDER[0]) + bytes(32)
    with pytest.raises(VerificationFailed):
        verify_ed25519(bytes.fromhex(public), MESSAGE, signature)


def test_the_same_signature_with_a_larger_s_is_refused() -> None:
    signature = KEY.sign(MESSAGE)
    s = int.from_bytes(signature[32:], "little") + ORDER
    malleable = signature[:32] + s.to_bytes(32, "little")
    verify_ed25519(KEY.public, MESSAGE, signature)
    with pytest.raises(VerificationFailed):
        verify_ed25519(KEY.public, MESSAGE, malleable)


@given(some.data())
def test_any_change_to_an_ed25519_signature_message_or_key_is_refused(
    data: some.DataObject,
) -> None:
    parts = [KEY.public, MESSAGE, KEY.sign(MESSAGE)]
    which = data.draw(some.integers(0, 2))
    parts[which] = data.draw(changed_bytes(parts[which]))
    with pytest.raises(VerificationFailed):
        verify_ed25519(*parts)


@given(some.data())
def test_any_change_to_an_ml_dsa_signature_message_or_key_is_refused(data: some.DataObject) -> None:
    parts = [ML_DSA.public, MESSAGE, ML_DSA.sign(MESSAGE)]
    verify_ml_dsa_44(*parts)
    which = data.draw(some.integers(0, 2))
    parts[which] = data.draw(changed_bytes(parts[which]))
    with pytest.raises(VerificationFailed):
        verify_ml_dsa_44(*parts)


def test_sizes_of_ml_dsa_44_are_those_of_fips_204() -> None:
    assert (len(ML_DSA.public), len(ML_DSA.sign(MESSAGE))) == (1312, 2420)


@given(some.data())
def test_any_change_to_an_es256_signature_is_refused(data: some.DataObject) -> None:
    signature = SEAL.sign(MESSAGE)
    verify_es256(SEAL.public, MESSAGE, signature)
    with pytest.raises(VerificationFailed):
        verify_es256(SEAL.public, MESSAGE, data.draw(changed_bytes(signature)))


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64, b""])
def test_impossible_es256_signatures_are_refused(signature: bytes) -> None:
    with pytest.raises(VerificationFailed):
        verify_es256(SEAL.public, MESSAGE, signature)


@given(some.binary(max_size=64))
def test_es256_signatures_are_64_bytes_for_every_message(message: bytes) -> None:
    signature = SEAL.sign(message)
    assert len(signature) == 64
    verify_es256(SEAL.public, message, signature)


def test_the_ed25519_thumbprint_hashes_the_required_members_of_the_cose_key() -> None:
    # RFC 9679 section 4: {1: 1 (OKP), -1: 6 (Ed25519), -2: x}, keys in the order 01, 20, 21.
    by_hand = bytes.fromhex("a301012006215820") + KEY.public
    assert thumbprint_ed25519(KEY.public) == KEY.thumbprint == sha256(by_hand).digest()


def test_the_p256_thumbprint_hashes_the_required_members_of_the_cose_key() -> None:
    numbers = SEAL.public.public_numbers()
    x, y = (n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
    by_hand = bytes.fromhex("a401022001215820") + x + bytes.fromhex("225820") + y
    assert thumbprint_p256(SEAL.public) == SEAL.thumbprint == sha256(by_hand).digest()


def test_the_thumbprint_of_rfc_9679_s_own_example() -> None:
    # RFC 9679 section 6: a P-256 key, its thumbprint under SHA-256.
    x = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
    y = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"
    numbers = ec.EllipticCurvePublicNumbers(int(x, 16), int(y, 16), ec.SECP256R1())
    assert thumbprint_p256(numbers.public_key()).hex() == (
        "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec"
    )


@pytest.mark.parametrize("key", [KEY, ML_DSA, SEAL], ids=["ed25519", "ml-dsa-44", "p-256"])
def test_a_key_file_gives_the_key_back(key: SigningKey | MlDsaKey | SealKey) -> None:
    again = parse_pem(format_pem(key))
    assert type(again) is type(key)
    assert format_pem(again) == format_pem(key)


def _pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes = b""
) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "data",
    [
        _pem(ec.derive_private_key(5, ec.SECP384R1())),
        _pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), b"password"),
        format_pem(KEY).replace(b"MC4CAQAwBQYDK2Vw", b"MC4CAQAwBQYD/2Vw"),
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
    ids=["another curve", "encrypted", "unknown algorithm", "empty", "no key inside"],
)
def test_other_key_files_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_pem(data)


@given(some.data())
def test_a_changed_key_file_raises_nothing_but_malformed(data: some.DataObject) -> None:
    for key in (KEY, SEAL):
        try:
            parse_pem(data.draw(changed_bytes(format_pem(key))))
        except MalformedData:
            continue


def test_secrets_do_not_show_when_a_key_is_printed() -> None:
    for key in (KEY, ML_DSA):
        assert repr(key.seed) not in repr(key) and key.seed.hex() not in repr(key)
