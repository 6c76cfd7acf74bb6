// Puts moments into words, by the reader's calendar and clock on the wall.

/** The day of a moment: its `date`, its first moment and that of the next day. */
export function dayOf(millis) {
  const date = new Date(millis);
  const midnight = (day) => new Date(date.getFullYear(), date.getMonth(), day).getTime();
  return { date, start: midnight(date.getDate()), end: midnight(date.getDate() + 1) };
}

export const isOnDay = ({ start, end }, millis) => start <= millis && millis < end;

/** "14:02:09". */
export const wallTime = (millis) => new Date(millis).toTimeString().slice(0, 8);

/** "14:02", or "2026-11-23 14:02" if that is not today. */
export function timeOf(millis, now) {
  const date = isOnDay(dayOf(now), millis) ? "" : `${new Date(millis).toLocaleDateString("sv")} `;
  return date + wallTime(millis).slice(0, 5);
}

/** "Yesterday · 25 November 2026". A day has 23 to 25 hours. */
export function dayWords(day, today) {
  const days = Math.round((today.start - day.start) / 86_400_000);
  const date = day.date.toLocaleDateString("en-GB", { dateStyle: "long" });
  return `${["Today", "Yesterday"][days] ?? `${days} days ago`} · ${date}`;
}
