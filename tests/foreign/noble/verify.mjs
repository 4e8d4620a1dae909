// Reads [[note, vkey], ...] and answers, for each, the times of the lines by that ML-DSA-44 key that hold.
// Written from https://c2sp.org/signed-note and https://c2sp.org/tlog-cosignature alone.
import { readFileSync } from "node:fs"
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js"

const utf8 = (text) => Buffer.from(text, "utf8")
const u64 = (number) => {
  const out = Buffer.alloc(8)
  out.writeBigUInt64BE(BigInt(number))
  return out
}
const short = (text) => Buffer.concat([Buffer.from([utf8(text).length]), utf8(text)])

function holding(note, vkey) {
  const [, name, id, key] = /^(.+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey)
  const [type, ...publicKey] = Buffer.from(key, "base64")
  if (type !== 6) throw new Error("not an ML-DSA-44 key")
  const split = note.lastIndexOf("\n\n")
  const [origin, size, root] = note.slice(0, split + 1).split("\n")
  const times = []
  for (const line of note.slice(split + 2).split("\n")) {
    if (!line.startsWith(`— ${name} `)) continue
    const data = Buffer.from(line.slice(name.length + 3), "base64")
    if (data.subarray(0, 4).toString("hex") !== id) continue
    const time = data.subarray(4, 12)
    const signature = new Uint8Array(data.subarray(12))
    const message = Buffer.concat([
      utf8("subtree/v1\n\0"), short(name), time, short(origin), u64(0), u64(size), Buffer.from(root, "base64"),
    ])
    try {
      if (ml_dsa44.verify(signature, new Uint8Array(message), new Uint8Array(publicKey)))
        times.push(Number(time.readBigUInt64BE()))
    } catch {
      // a signature of another length
    }
  }
  return times
}

console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(([note, vkey]) => holding(note, vkey))))
