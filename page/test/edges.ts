// Ed25519 where implementations differ: signatures by points with a part of small order, numbers and points in other
// encodings, and what the page's core says of them. `node edges.mjs browser|none|cofactor`: which WebCrypto it finds.

import { ed25519, ED25519_TORSION_SUBGROUP } from "@noble/curves/ed25519.js";
import { bigEndian, concat, hex, parseHex } from "../src/core/bytes.ts";
import { holdsEd25519 } from "../src/core/ed25519.ts";
import { sha512 } from "../src/core/hash.ts";

const { Point } = ed25519;
const MESSAGE = Uint8Array.of(1, 2, 3);
const ORDER = Point.Fn.ORDER;
const littleEndian = (data: Uint8Array) => bigEndian(data.slice().reverse());
const encoded = (s: bigint) => parseHex(s.toString(16).padStart(64, "0"), 32).reverse();

/** Return a signature by the secret `a`, with the nonce `r`, for points in these encodings. */
function signed(key: Uint8Array, point: Uint8Array, a: bigint, r: bigint, more = 0n): [Uint8Array, Uint8Array] {
  const k = littleEndian(sha512(concat(point, key, MESSAGE)));
  return [key, concat(point, encoded(((r + k * a) % ORDER) + more))];
}

function* edges(): Generator<[Uint8Array, Uint8Array]> {
  const torsion = [0, 1, 2, 4].map((each) => Point.fromHex(ED25519_TORSION_SUBGROUP[each]!)); // of order 1, 8, 4, 2
  const plus = (secret: bigint, small: typeof Point.BASE) =>
    (secret ? Point.BASE.multiply(secret).add(small) : small).toBytes();
  for (const atKey of torsion) {
    for (const atPoint of torsion) yield signed(plus(7n, atKey), plus(11n, atPoint), 7n, 11n);
    yield signed(plus(0n, atKey), plus(11n, torsion[0]!), 0n, 11n);
    yield signed(plus(7n, torsion[0]!), plus(0n, atKey), 7n, 0n);
  }
  const [key, point] = [plus(7n, Point.ZERO), plus(11n, Point.ZERO)];
  for (const more of [ORDER, 2n * ORDER]) yield signed(key, point, 7n, 11n, more);
  const one = (sign: number) => concat(Uint8Array.of(1), new Uint8Array(30), Uint8Array.of(sign));
  for (const again of [one(0x80), encoded(Point.Fp.ORDER), encoded(Point.Fp.ORDER + 1n), encoded((1n << 256n) - 1n)]) {
    yield signed(again, point, 0n, 11n);
    yield signed(key, again, 7n, 0n);
  }
  yield [key, signed(key, point, 8n, 11n)[1]];
}

async function told(): Promise<unknown[]> {
  const found = [];
  for (const [key, signature] of edges()) {
    const holds = await holdsEd25519(key, MESSAGE, signature);
    found.push({ key: hex(key), message: hex(MESSAGE), signature: hex(signature), holds });
  }
  return found;
}

Object.assign(globalThis, { told });

if (typeof process !== "undefined") {
  const kind = process.argv[2];
  const keys: Uint8Array[] = [];
  const subtle = {
    importKey: async (_: string, key: Uint8Array) => {
      if (kind === "none") throw new DOMException("not here", "NotSupportedError");
      return keys.push(key) - 1;
    },
    verify: async (_: string, key: number, signature: Uint8Array, message: Uint8Array) =>
      ed25519.verify(signature, message, keys[key]!, { zip215: true }),
  };
  if (kind !== "browser") Object.defineProperty(globalThis, "crypto", { value: { subtle } });
  console.log(JSON.stringify(await told()));
}
