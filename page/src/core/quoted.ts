// Words of others inside a sentence of ours: ledger/quoted.py, as far as a reason needs it.

const LIMIT = 320;

/** Return a value of others in one line, between marks that it cannot close, with nothing that steers. */
export function quoted(value: string): string {
  const line = value.replace(/\p{Zs}/gu, " ").replace(/ {2,}/g, " ");
  const shown = Array.from(line, escape).join("").trim();
  const kept = Array.from(shown).slice(0, LIMIT).join("");
  return kept === shown ? `“${shown}”` : `“${kept.replace(/\\[^\\]{0,9}$/, "")}”…`;
}

function escape(character: string): string {
  if ("“”\\".includes(character)) return `\\${character}`;
  const hidden = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u.test(character);
  if (!hidden) return character;
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
