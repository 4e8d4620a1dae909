// Scripts of workers, which stand in the page as text, and become addresses that a worker is made of.

interface Policy {
  createScriptURL(address: string): unknown;
}
const types = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: object): Policy } }).trustedTypes;
const made = new Map<string, unknown>();
const policy = types?.createPolicy("sealbook", {
  createScriptURL(address: string) {
    if (!addresses.has(address)) throw new TypeError("not a script of this page");
    return address;
  },
});
const addresses = new Set<string>();

/** Return the address of a script that stands in the page as it is. */
export function unpacked(id: string): unknown {
  return address(id, () => new Blob([textOf(id)], { type: "text/javascript" }));
}

/** Return the address of a script that stands in the page compressed. */
export async function decompressed(id: string): Promise<unknown> {
  if (!made.has(id)) {
    const packed = Uint8Array.from(atob(textOf(id)), (each) => each.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const code = await new Response(stream).blob();
    address(id, () => new Blob([code], { type: "text/javascript" }));
  }
  return made.get(id);
}

function address(id: string, script: () => Blob): unknown {
  let found = made.get(id);
  if (found === undefined) {
    const plain = URL.createObjectURL(script());
    addresses.add(plain);
    found = policy ? policy.createScriptURL(plain) : plain;
    made.set(id, found);
  }
  return found;
}

function textOf(id: string): string {
  return document.getElementById(id)!.textContent!;
}
