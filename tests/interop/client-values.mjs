/** Values on the lines of CLIENT.md: JSON, in which bytes are {"$bytes": hexadecimal digits}. */

const isPlain = (value) => typeof value === "object" && value !== null;

function walk(value, leaf) {
  const given = leaf(value);
  if (given !== undefined) {
    return given;
  }
  if (Array.isArray(value)) {
    return value.map((item) => walk(item, leaf));
  }
  return isPlain(value)
    ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member, leaf)]))
    : value;
}

export const encode = (value) =>
  walk(value, (v) => (ArrayBuffer.isView(v) ? { $bytes: Buffer.from(v).toString("hex") } : undefined));

export const decode = (value) =>
  walk(value, (v) => (typeof v?.$bytes === "string" ? Buffer.from(v.$bytes, "hex") : undefined));
