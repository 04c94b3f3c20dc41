// A value as the other side of the wire would have it, without the wire: what a function is given and gives where it runs in
// the caller's own process is the same as in a worker, a copy that shares nothing.
// In: any value. Out: decodeValue(encodeValue(value)). Throws as encodeValue does. Always true: what is no object is itself.
import { decodeValue, encodeValue } from './value.js'

// Deeper values take the careful way, which notices cycles.
const PLAIN_DEPTH = 64
const NOT_PLAIN = Symbol('not plain')

export const copyValue = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') encodeValue(value)
    return value
  }
  const copy = copyPlain(value, 0)
  return copy === NOT_PLAIN ? decodeValue(encodeValue(value)) : copy
}

/** Arrays and plain objects of JSON's own types, the usual case, several times faster than through their text. */
const copyPlain = (value: object, depth: number): unknown => {
  if (depth > PLAIN_DEPTH || (value as { toJSON?: unknown }).toJSON !== undefined) return NOT_PLAIN
  if (Array.isArray(value)) {
    const copy = new Array<unknown>(value.length)
    for (let at = 0; at < value.length; at++) {
      const member = copyMember(value[at], depth)
      if (member === NOT_PLAIN) return NOT_PLAIN
      copy[at] = member
    }
    return copy
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return NOT_PLAIN
  const copy: Record<string, unknown> = {}
  for (const key in value) {
    // Escapes of the wire's form, and the one key that an assignment would not make a property of.
    if (key.charCodeAt(0) === 36 || key === '__proto__') return NOT_PLAIN
    const given = (value as Record<string, unknown>)[key]
    if (given === undefined) continue
    const member = copyMember(given, depth)
    if (member === NOT_PLAIN) return NOT_PLAIN
    copy[key] = member
  }
  return copy
}

const copyMember = (member: unknown, depth: number): unknown => {
  switch (typeof member) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'bigint':
    case 'undefined':
      return member
    case 'object':
      return member === null ? null : copyPlain(member, depth + 1)
    default:
      return NOT_PLAIN
  }
}
