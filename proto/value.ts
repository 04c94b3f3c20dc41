// One value as text: extended JSON, which is JSON plus escapes for what JSON cannot say.
// In: a value of JavaScript. Out: one line of text that every runner reads as the same value, and back.
// An escape is an object with one key: {"$number":"NaN"|"Infinity"|"-Infinity"}, {"$bigint":"<digits>"},
// {"$bytes":"<base64>"}, {"$undefined":true}, {"$escape":<object>} (that object, its own key taken as it stands).
// Always true: an object that is not exactly of these shapes is an ordinary object; texts are valid JSON without a raw
// line feed; a number that is no safe integer, or is -0, is written as a float (1e20 as 100000000000000000000.0), since
// an integer of more digits than a double holds is a bigint.
import { types } from 'node:util'

const ESCAPES: ReadonlySet<string> = new Set(['$number', '$bigint', '$bytes', '$undefined', '$escape'])
const BIGINT = /^(?:0|-?[1-9]\d*)$/
// Together with a length that is a multiple of 4. (A repeated group would be recursive: V8 gives up on some megabytes.)
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
// Deeper values take the careful way, which notices cycles.
const PLAIN_DEPTH = 64

/** One extended JSON text of a value, without a line feed. Throws a TypeError that names the path of what has no form. */
export const encodeValue = (value: unknown): string => {
  if (isPlain(value, 0)) return JSON.stringify(value)
  try {
    return encode(value, '', [], '') ?? '{"$undefined":true}'
  } catch (error) {
    if (error instanceof RangeError) throw new TypeError('the value is nested too deeply to be sent')
    throw error
  }
}

/** The value of an extended JSON text. Integers that a double cannot hold become bigints. */
export const decodeValue = (text: string): unknown => {
  const long = hasLongInteger(text)
  const value: unknown = JSON.parse(long ? replaceTokens(text, NUMBER, keepInteger) : text)
  return long || text.includes('$') || text.includes('\\u0024') ? decode(value) : value
}

/** Whether JSON.parse reads this text, or each of these lines, as decodeValue does; when in doubt, false. */
export const isOrdinary = (text: string): boolean =>
  !text.includes('$') && !text.includes('\\u0024') && !hasLongInteger(text)

/** A double as extended JSON; as `float`, a whole number too is one that other languages read as a float. */
export const encodeDouble = (value: number, float: boolean): string => {
  if (!Number.isFinite(value)) return `{"$number":"${value}"}`
  if (Object.is(value, -0)) return '-0.0'
  const whole = Number.isInteger(value) && Math.abs(value) < 1e21
  return whole && (float || !Number.isSafeInteger(value)) ? `${value}.0` : `${value}`
}

/** True when JSON.stringify writes a member as it should be written. */
export const isPlainMember = (value: unknown): boolean => isPlain(value, 1)

/** True when JSON.stringify writes the value as it should be written: the usual case, and by far the faster way. */
const isPlain = (value: unknown, depth: number): boolean => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isSafeInteger(value) ? value !== 0 || 1 / value > 0 : value % 1 !== 0 && Number.isFinite(value)
    case 'object':
      return value === null || (depth < PLAIN_DEPTH && isPlainObject(value, depth + 1))
    default:
      return false
  }
}

const isPlainObject = (value: object, depth: number): boolean => {
  if ((value as { toJSON?: unknown }).toJSON !== undefined) return false
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (!isPlain(value[at], depth)) return false
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const key in value) {
    if (key.charCodeAt(0) === 36) return false
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined && !isPlain(member, depth)) return false
  }
  return true
}

/** `undefined` where the value is undefined; `key` is what toJSON is given. */
const encode = (given: unknown, key: string, ancestors: object[], path: string): string | undefined => {
  let value = given
  if (value !== null && typeof value === 'object') {
    if (types.isUint8Array(value)) return `{"$bytes":"${base64(value)}"}`
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function') value = toJSON.call(value, key)
    if (types.isBoxedPrimitive(value)) value = value.valueOf()
  }
  switch (typeof value) {
    case 'number':
      return encodeDouble(value, false)
    case 'bigint':
      return `{"$bigint":"${value}"}`
    case 'undefined':
      return undefined
    case 'function':
    case 'symbol':
      throw noForm(path, `a ${typeof value}`, 'leave it out, or send what names it')
    case 'object':
      return value === null ? 'null' : encodeObject(value, ancestors, path)
    default:
      return JSON.stringify(value)
  }
}

const encodeObject = (value: object, ancestors: object[], path: string): string => {
  if (types.isUint8Array(value)) return `{"$bytes":"${base64(value)}"}`
  if (ancestors.includes(value)) throw noForm(path, 'an object that holds itself', 'send it without the cycle')
  refuse(value, path)
  ancestors.push(value)
  let text: string
  if (Array.isArray(value)) {
    const parts: string[] = []
    for (let at = 0; at < value.length; at++)
      parts.push(encode(value[at], `${at}`, ancestors, `${path}[${at}]`) ?? '{"$undefined":true}')
    text = `[${parts.join()}]`
  } else {
    const parts: string[] = []
    let escaped = false
    for (const key of Object.keys(value)) {
      const member = encode((value as Record<string, unknown>)[key], key, ancestors, `${path}.${key}`)
      if (member === undefined) continue
      escaped ||= ESCAPES.has(key)
      parts.push(`${JSON.stringify(key)}:${member}`)
    }
    text = escaped && parts.length === 1 ? `{"$escape":{${parts.join()}}}` : `{${parts.join()}}`
  }
  ancestors.pop()
  return text
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** Objects whose content JSON would drop without a word. */
const refuse = (value: object, path: string): void => {
  if (types.isMap(value)) throw noForm(path, 'a Map', 'send Object.fromEntries(map) or [...map]')
  if (types.isSet(value)) throw noForm(path, 'a Set', 'send [...set]')
  if (types.isGeneratorObject(value) || types.isMapIterator(value) || types.isSetIterator(value))
    throw noForm(path, 'a generator or an iterator', 'send [...values], or an array filled with for await')
  if (types.isPromise(value)) throw noForm(path, 'a Promise', 'await it first')
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value))
    throw noForm(path, `a ${value.constructor.name}`, 'send Array.from(array), or its bytes as a Uint8Array')
  if (types.isNativeError(value)) throw noForm(path, 'an Error', 'throw it, or send its message')
  if (types.isRegExp(value)) throw noForm(path, 'a RegExp', 'send its source')
  if (types.isWeakMap(value) || types.isWeakSet(value)) throw noForm(path, 'a weak collection', 'leave it out')
}

const noForm = (path: string, what: string, remedy: string): TypeError =>
  new TypeError(`${path === '' ? 'the value' : `value${path}`} is ${what}, which cannot be sent: ${remedy}`)

// A run of 16 digits that is not a fraction's: an integer that a double may not hold (or one in a string: then in vain).
const LONG_INTEGER = /(?:^|[^.\d])\d{16}/
// Digits alone are looked for in steps of sixteen characters, which takes half as long.
const LONG_DIGITS = /\d{16}/
const hasLongInteger = (text: string): boolean => LONG_DIGITS.test(text) && LONG_INTEGER.test(text)
const NUMBER = /"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const INTEGER = /^-?\d{16,}$/

const keepInteger = ([token]: RegExpExecArray): string =>
  INTEGER.test(token) && !Number.isSafeInteger(Number(token)) ? `{"$bigint":"${token}"}` : token

/**
 * JSON text with its tokens replaced; what stands in strings stays. `pattern` is global and has a quote among its
 * alternatives. (A pattern for a whole string would be recursive: V8 gives up on strings of some megabytes.)
 */
export const replaceTokens = (text: string, pattern: RegExp, replace: (token: RegExpExecArray) => string): string => {
  let replaced = ''
  let done = 0
  pattern.lastIndex = 0
  for (let token = pattern.exec(text); token; token = pattern.exec(text)) {
    if (token[0] === '"') {
      pattern.lastIndex = endOfString(text, token.index)
      continue
    }
    const other = replace(token)
    if (other === token[0]) continue
    replaced += text.slice(done, token.index) + other
    done = token.index + token[0].length
  }
  return replaced + text.slice(done)
}

const endOfString = (text: string, start: number): number => {
  for (let at = text.indexOf('"', start + 1); at > 0; at = text.indexOf('"', at + 1)) {
    let before = at
    while (text.charCodeAt(before - 1) === 92) before -= 1
    if ((at - before) % 2 === 0) return at + 1
  }
  return text.length
}

/** Resolves escapes, in place where nothing changes. */
const decode = (value: unknown): unknown => {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const member: unknown = value[at]
      if (member !== null && typeof member === 'object') value[at] = decode(member)
    }
    return value
  }
  const keys = Object.keys(value)
  const object = value as Record<string, unknown>
  const only = keys.length === 1 ? keys[0] : undefined
  if (only?.charCodeAt(0) === 36) {
    const content = object[only]
    if (only === '$escape' && content !== null && typeof content === 'object' && !Array.isArray(content))
      return decodeMembers(content as Record<string, unknown>, Object.keys(content))
    if (only === '$undefined' && content === true) return undefined
    if (typeof content === 'string') {
      if (only === '$number' && (content === 'NaN' || content === 'Infinity' || content === '-Infinity'))
        return Number(content)
      if (only === '$bigint' && BIGINT.test(content)) return BigInt(content)
      if (only === '$bytes' && content.length % 4 === 0 && BASE64.test(content))
        return new Uint8Array(Buffer.from(content, 'base64'))
    }
  }
  return decodeMembers(object, keys)
}

// JSON.parse made every key an own property, `__proto__` too: assigning to it changes the property and nothing else.
const decodeMembers = (object: Record<string, unknown>, keys: string[]): unknown => {
  for (const key of keys) {
    const member = object[key]
    if (member !== null && typeof member === 'object') object[key] = decode(member)
  }
  return object
}
