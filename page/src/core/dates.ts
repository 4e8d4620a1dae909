// Dates of the proleptic Gregorian calendar as POSIX seconds.

/** Return the POSIX seconds of a date and time in UTC, null for one that does not exist. */
export function utcSeconds(
  year: number, month: number, day: number, hour = 0, minute = 0, second = 0,
): number | null {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!exists || month < 1 || hour > 23 || minute > 59 || second > 59) return null;
  return date.getTime() / 1000 + 3600 * hour + 60 * minute + second;
}

/** Return the day of POSIX seconds, as 2026-11-29. */
export function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, -14);
}

/** The last second that the core's dates have, of the year 9999. */
export const MAX_DATE = 253402300799;
