// Checks that tell what they saw.
import { isDeepStrictEqual } from "node:util";

// show is a value on one line, cut when it is long.
function show(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 160 ? `${text.slice(0, 160)}… (${text.length} characters)` : text;
}

// same checks that got is want.
export function same(what, got, want) {
  if (!isDeepStrictEqual(got, want)) throw new Error(`${what}: ${show(got)}, not ${show(want)}`);
  console.log(`  ok: ${what}: ${show(got)}`);
}

// holds checks that the object got has the values of want, whatever else it has.
export function holds(what, got, want) {
  same(what, Object.fromEntries(Object.keys(want).map((key) => [key, got?.[key]])), want);
}

// refused checks that call throws an error of which test is true.
export async function refused(what, call, test) {
  let error;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  if (!error) throw new Error(`${what}: it was not refused`);
  if (!test(error)) throw error;
  console.log(`  ok: ${what}: refused with ${error.message}`);
}

// byID orders ids, which are numbers for the peers and text for amogate, to
// compare collections.
export const byID = (rows) => rows.map((row) => Number(row.id)).sort((a, b) => a - b);
