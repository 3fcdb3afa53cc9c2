// Numbers and times as they are shown.

const two = (value: number): string => String(value).padStart(2, "0");

/** "0:07", "12:30", "1:02:03". */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const [h, m, rest] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  return h > 0 ? `${h}:${two(m)}:${two(rest)}` : `${m}:${two(rest)}`;
}

/** "7.3 s" below a minute, above as a duration. */
export function wait(ms: number | null, unit: string, none: string): string {
  if (ms === null) return none;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} ${unit}` : duration(ms);
}

/** "92.4 %". */
export function percent(share: number | null, none: string): string {
  return share === null ? none : `${(share * 100).toFixed(1)} %`;
}

/** "14:03:09" in this computer's time zone. */
export function clockTime(ms: number): string {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** "11-22 14:03:09"; without the day if it is that of `todayMs`. */
export function dayTime(ms: number, todayMs: number): string {
  const date = new Date(ms);
  if (date.toDateString() === new Date(todayMs).toDateString()) return clockTime(ms);
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(ms)}`;
}

/** "1,234,567". */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
