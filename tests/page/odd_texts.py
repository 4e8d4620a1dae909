"""Proofs, policies and trust files with a line, a field or a certificate changed."""

import random

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain.report import REQUIRABLE
from ledger.encoding import b64encode
from tests.page.changing import changed_bytes
from tests.page.odd_der import changed_certificate

KEY = ec.derive_private_key(4, ec.SECP256R1())
"""Of the root in a simulated office."""

SIGNERS = (
    "other", "a b", "a+b", "é", "\x85", "\xa0x", "\ufeff", "\x7f", "x" * 255, "é" * 128, "\u3000",
    "\u180e", "\u200b",
)  # fmt: skip
INDICES = ("0", "-", "", "1", "\u0661", "9007199254740993", "9223372036854775808")

ISSUER = 'issuer = "公证处"'
ISSUERS = (
    "issuer = '公证处'",
    'issuer = """\n公证处"""',
    'issuer = "\\u516C"',
    'issuer = "\\x41"',
    'issuer = "\\e"',
    'issuer = "\\ud800"',
    'issuer = "\\U00110000"',
    'issuer = "\x7f"',
    'issuer = "a\tb"',
    "issuer = 'a\x00'",
    '"issuer" = "公"',
    "issuer.x = 1",
    "issuer = 1_0",
    'issuer = "公证处" # said\r',
    'issuer = "公\\\n  证"',
    'issuer = """公\\\n  证"""',
    'issuer = """"公"""""',
    'issuer = "公"\nissuer = "证"',
    'issuer = "\ufeff公"',
)
DATES = [
    "2026-09-21T13:33:20Z",
    "2026-09-21t13:33:20z",
    "2026-09-21T13:33:20+08:00",
    "2026-09-21T13:33:20",
    "2026-09-21",
    "13:33:20",
    "2026-02-30T00:00:00Z",
    "2024-02-29T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-09-21T24:00:00Z",
    "2026-09-21T13:33:60Z",
    "2026-09-21T13:33Z",
    "2026-09-21T13:33:20.5Z",
    "2026-09-21T13:33:20.0000001Z",
    "2026-09-21T13:33:20+24:00",
    "2026-09-21T13:33:20+23:60",
    "2026-09-21T13:33:20-00:00",
    "2026-9-21T13:33:20Z",
    "2026-09-21T13:33:20,5Z",
    "2026-13-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-09-21T13:33:20.000999Z",
    "2026-09-21T13:33:20.0009Z",
    "2026-09-21T13:33:20.Z",
    '"2026-09-21T13:33:20Z"',
]
NUMBERS = [
    "0",
    "-0",
    "+1",
    "1",
    "3600",
    "3601",
    "-1",
    "1.0",
    "1e0",
    "0x10",
    "0o7",
    "0b1",
    "1_000",
    "01",
    "true",
    "false",
    "1__0",
    "inf",
    "nan",
    "_1",
    "0x_1",
    '"1"',
    "9223372036854775807",
    "9223372036854775808",
    "9007199254740993",
]


def changed_trust(rng: random.Random, data: bytes) -> bytes:
    """A trust file with a field, a line, a character or a certificate changed."""
    text = data.decode()
    match rng.randrange(10):
        case 0:
            return text.replace(ISSUER, rng.choice(ISSUERS), 1).encode()
        case 1:
            return _with(text, "issued", rng.choice(DATES))
        case 2 if "revoked = " in text:
            return _with(text, "revoked", rng.choice(DATES))
        case 3 if "accuracy = " in text:
            return _with(text, "accuracy", rng.choice(NUMBERS))
        case 4 if "\nsize = " in text:
            return _with(text, "size", rng.choice(NUMBERS))
        case 5:
            names = rng.choices([*REQUIRABLE, "identity", "x"], k=rng.randrange(4))
            start, end = text.index("required = "), text.index("]\n") + 1
            return (text[:start] + f"required = {names}".replace("'", '"') + text[end:]).encode()
        case 6:
            return changed_lines(rng, text).encode()
        case 7:
            return changed_bytes(rng, data)
    return _with_certificate(rng, text)


def _with(text: str, name: str, value: str) -> bytes:
    lines = [
        f"{name} = {value}" if line.startswith(f"{name} = ") else line for line in text.split("\n")
    ]
    return "\n".join(lines).encode()


def _with_certificate(rng: random.Random, text: str) -> bytes:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    frames = [at for at in range(len(text)) if text.startswith(begin, at)]
    if not frames:
        return changed_bytes(rng, text.encode())
    start = rng.choice(frames)
    stop = text.index(end, start) + len(end)
    pem = text[start:stop]
    match rng.randrange(8):
        case 0:
            new = pem.replace("\n", rng.choice((" \n", "\r\n", "\n\n", "", "\t\n")))
        case 1:
            label = "CERTIFICATE"
            new = rng.choice(
                [
                    f"x\n{pem}",
                    f"{pem}x",
                    f"{pem}\n{pem}",
                    pem.replace(label, f"X509 {label}"),
                    pem.replace(label, "CRL"),
                    pem.replace("-----\n", "-----\nA: b\n\n", 1),
                    pem.replace("=", ""),
                    pem.replace("-----END", "----END"),
                ]
            )
        case 2:
            place = rng.randrange(len(pem))
            new = pem[:place] + rng.choice("Aa0+/=-_ \n") + pem[place + 1 :]
        case _:
            body = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
            changed = changed_certificate(rng, body, KEY)
            new = f"{begin}\n{b64encode(changed)}\n{end}"
    return (text[:start] + new + text[stop:]).encode()


def changed_lines(rng: random.Random, text: str) -> str:
    """A text with a line moved, doubled, dropped or changed, or signatures of others put on."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    match rng.randrange(12):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] += rng.choice((" ", "\r", "=", "\t", "A", "\u2028", "\ufeff"))
        case 4:
            lines[at] = lines[at].swapcase()
        case 5:
            signature = b64encode(rng.randbytes(rng.choice((4, 5, 68, 76, 2432))))
            lines.insert(len(lines) - 1, f"— {rng.choice(SIGNERS)} {signature}")
        case 6:
            return text.replace("\n", "\r\n")
        case 7:
            lines.insert(1, f"extra {b64encode(rng.randbytes(3))}")
        case 8:
            lines = [line.replace("index ", f"index {rng.choice(INDICES)}") for line in lines]
        case 9:
            return text + rng.choice(("\n", "\n\n", "x", "\0"))
        case _ if lines[at]:
            place = rng.randrange(len(lines[at]))
            lines[at] = lines[at][:place] + rng.choice("AZaz09+/= é—") + lines[at][place + 1 :]
    return "\n".join(lines)
