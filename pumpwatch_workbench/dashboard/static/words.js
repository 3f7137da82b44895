// Words and figures of the live page; null is unknown.
export const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE;
export const NONE = "–";
export const known = (value) => value !== null && value !== undefined && Number.isFinite(Number(value));
function figures(options) {
  const { format } = new Intl.NumberFormat("en", options);
  return (value) => (known(value) ? format(value).replace("-", "−").replace("%", " %") : NONE);
}
const places = (least, most = least) => ({ minimumFractionDigits: least, maximumFractionDigits: most });
export const money = figures(places(2)), whole = figures(places(0, 8)), times = figures(places(1));
export const signed = figures({ ...places(2), signDisplay: "exceptZero" });
export const percent = figures({ ...places(1), signDisplay: "exceptZero", style: "percent" });
export const amount = figures({ notation: "compact", maximumSignificantDigits: 3 });
const five = { minimumSignificantDigits: 5, maximumSignificantDigits: 5 };
export const price = figures({ ...five, maximumFractionDigits: 0, roundingPriority: "morePrecision" });
export const iso = (time) => (known(time) ? new Date(Number(time)).toJSON() ?? "" : "");
export const clock = (time) => iso(time).slice(11, 19) || NONE;
export function span(time) {
  if (time < 100 * SECOND) return `${Math.max(0, Math.floor(time / SECOND))} s`;
  if (time < 100 * MINUTE) return `${Math.floor(time / MINUTE)} min`;
  return time < 48 * HOUR ? `${Math.floor(time / HOUR)} h` : `${Math.floor(time / HOUR / 24)} days`;
}
export function left(time) {
  if (!known(time)) return "";
  if (time <= 0) return "due now";
  return time < 100 * MINUTE ? `${Math.floor(time / MINUTE)}:${iso(time).slice(17, 19)}` : span(time);
}
