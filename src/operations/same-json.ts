/**
 * True if both values are the same plain JSON: objects and lists of it, texts, finite numbers, booleans and null, with the
 * same keys in the same order, so that `JSON.stringify()` makes the same text of both. False: they differ, or it takes
 * `JSON.stringify()` to tell, as for a `Date`, a value with `toJSON()` or an object that stands on both sides.
 */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null) return one === other && isPlainValue(one)
  if (typeof other !== 'object' || other === null || one === other) return false
  const prototype: unknown = Object.getPrototypeOf(one)
  if (prototype !== Object.getPrototypeOf(other)) return false
  if (prototype === Array.prototype) return isSameList(one as [], other as [])
  return prototype === Object.prototype && isSameObject(one as Plain, other as Plain)
}

type Plain = Readonly<Record<string, unknown>>

function isPlainValue(value: unknown): boolean {
  const type = typeof value
  return (
    type === 'string' ||
    type === 'boolean' ||
    value === null ||
    (type === 'number' && Number.isFinite(value))
  )
}

function isSameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index += 1) {
    if (!isSameJson(one[index], other[index])) return false
  }
  return true
}

function isSameObject(one: Plain, other: Plain): boolean {
  const keys = Object.keys(one)
  const otherKeys = Object.keys(other)
  if (keys.length !== otherKeys.length) return false
  for (let index = 0; index < keys.length; index += 1) {
    const key = keys[index] as string
    if (key !== otherKeys[index] || !isSameJson(one[key], other[key])) return false
  }
  return true
}
