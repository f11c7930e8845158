// Times as platforms write them, from the context's.

// Zones without summer time, in minutes. There are no others: what changes with
// parliaments is in no adapter.
const ZONES = {
  UTC: 0, GMT: 0,
  "Asia/Shanghai": 480, "Asia/Hong_Kong": 480, "Asia/Macau": 480, "Asia/Taipei": 480,
  "Asia/Singapore": 480, "Asia/Kuala_Lumpur": 480, "Asia/Manila": 480,
  "Asia/Tokyo": 540, "Asia/Seoul": 540,
  "Asia/Bangkok": 420, "Asia/Ho_Chi_Minh": 420, "Asia/Jakarta": 420, "Asia/Kolkata": 330,
};

/** Minutes east of Greenwich of `+08:00`, `+0800`, `Z` or a zone without summer time. */
export function zoneMinutes(zone) {
  if (Object.hasOwn(ZONES, zone)) return ZONES[zone];
  const parts = /^([+-])([01][0-9]):?([0-5][0-9])$/.exec(zone === "Z" ? "+00:00" : zone);
  if (parts) return (parts[1] === "-" ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3]));
  throw new RangeError(`'${zone}' is no zone that is known here: write its offset, as +08:00`);
}

const two = (number) => String(number).padStart(2, "0");
const offset = (minutes, colon) =>
  (minutes < 0 ? "-" : "+") + two(Math.trunc(Math.abs(minutes) / 60)) + colon + two(Math.abs(minutes) % 60);

/**
 * A Unix time in milliseconds by a pattern of yyyy, MM, dd, HH, mm, ss, SSS, Z
 * (`+0800`) and XXX (`+08:00`); a quoted stretch ('T') stays as it is.
 */
export function formatTime(unixMs, pattern, zone = "+08:00") {
  const minutes = zoneMinutes(zone);
  const local = new Date(unixMs + minutes * 60000);
  return pattern.replace(/'([^']*)'|yyyy|MM|dd|HH|mm|ss|SSS|XXX|Z/g, (field, quoted) => {
    if (quoted !== undefined) return quoted;
    switch (field) {
      case "yyyy": return String(local.getUTCFullYear()).padStart(4, "0");
      case "MM": return two(local.getUTCMonth() + 1);
      case "dd": return two(local.getUTCDate());
      case "HH": return two(local.getUTCHours());
      case "mm": return two(local.getUTCMinutes());
      case "ss": return two(local.getUTCSeconds());
      case "SSS": return String(local.getUTCMilliseconds()).padStart(3, "0");
      case "Z": return offset(minutes, "");
      default: return offset(minutes, ":");
    }
  });
}

/** `yyyy-MM-dd HH:mm:ss`, in Chinese time if nothing else is said. */
export const dateTime = (unixMs, zone) => formatTime(unixMs, "yyyy-MM-dd HH:mm:ss", zone);

/** `yyyy-MM-dd HH:mm:ss`, `T` and milliseconds allowed → Unix milliseconds; null if it is none. */
export function readDateTime(text, zone = "+08:00") {
  const parts = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?$/.exec(text);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second, ms] = parts.slice(1).map((part) => Number(part ?? 0));
  return utc(year, month, day, hour, minute, second, ms, zoneMinutes(zone));
}

function utc(year, month, day, hour, minute, second, ms, minutes) {
  if (hour > 23 || minute > 59 || second > 59) return null;
  const time = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  const back = new Date(time);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || back.getUTCFullYear() !== year) return null;
  return time - minutes * 60000;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Sun, 06 Nov 1994 08:49:37 GMT` → Unix milliseconds; null if it is none. */
export function httpDate(text) {
  const parts = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/.exec(text);
  const month = parts === null ? 0 : MONTHS.indexOf(parts[2]) + 1;
  if (month === 0) return null;
  return utc(Number(parts[3]), month, Number(parts[1]), Number(parts[4]), Number(parts[5]), Math.min(Number(parts[6]), 59), 0, 0);
}
