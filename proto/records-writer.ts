// Objects into columns, one by one. In: values. Out: records, or word that a value is none that belongs to those before it:
// then it travels as a line, and so do they. Always true: nothing of a value that was taken is read again, so what becomes of
// it later changes nothing; what a record says is what encodeValue says of the value.
import { toUSVString, types } from 'node:util'
import { type RecordShape, shapeOf } from './record-shape.js'
import type { Column, Records } from './records.js'
import { encodeDouble, encodeValue, isPlainMember } from './value.js'

type Kind = Column['kind']

/** A longer string is no small object's. Larger: less is left of the bound on what one message holds. */
const LONG_STRING = 64 * 1024

class ColumnWriter {
  #kind: Kind = 'numbers'
  /** Members; of `texts`, their texts. */
  readonly #values: unknown[] = []

  /** The member at the next place; returns about how many bytes it takes, or 0 where a record cannot hold it. */
  put(at: number, value: unknown): number {
    switch (typeof value) {
      case 'number':
        return this.#is('numbers', at) ? this.#set(at, value, 8) : this.#text(at, encodeDouble(value, false))
      case 'boolean':
        return this.#is('booleans', at) ? this.#set(at, value, 1) : this.#text(at, `${value}`)
      case 'string':
        if (value.length > LONG_STRING) return 0
        if (this.#is('strings', at) && !value.includes('\n')) return this.#set(at, value, value.length + 1)
        return this.#text(at, JSON.stringify(value))
      case 'bigint':
        return this.#text(at, encodeValue(value))
      case 'object': {
        // A date is the string that JSON makes of it, whatever key it stands under.
        if (types.isDate(value) && value.toJSON === Date.prototype.toJSON) return this.put(at, value.toJSON())
        const text = textOfObject(value)
        return text === undefined || text.length > LONG_STRING ? 0 : this.#text(at, text)
      }
      default:
        return 0
    }
  }

  /** Whether the column is of this kind, which the first member decides. */
  #is(kind: Kind, at: number): boolean {
    if (at === 0) this.#kind = kind
    return this.#kind === kind
  }

  #set(at: number, value: unknown, bytes: number): number {
    this.#values[at] = value
    return bytes
  }

  #text(at: number, text: string): number {
    if (at === 0) this.#kind = 'texts'
    else if (this.#kind !== 'texts') this.#toTexts(at)
    this.#values[at] = text
    return text.length + 1
  }

  #toTexts(count: number): void {
    for (let at = 0; at < count; at++) this.#values[at] = encodeValue(this.#values[at])
    this.#kind = 'texts'
  }

  end(count: number): Column {
    const values = this.#values
    if (this.#kind === 'numbers') {
      const numbers = new Float64Array(count)
      for (let at = 0; at < count; at++) numbers[at] = values[at] as number
      return { kind: 'numbers', values: numbers }
    }
    if (this.#kind === 'booleans') {
      const booleans = new Uint8Array(count)
      for (let at = 0; at < count; at++) booleans[at] = values[at] === true ? 1 : 0
      return { kind: 'booleans', values: booleans }
    }
    values.length = count
    let text = `${values.join('\n')}\n`
    // Half a surrogate pair has no UTF-8; in JSON it is an escape.
    if (this.#kind === 'strings' && toUSVString(text) !== text) {
      this.#toTexts(count)
      text = `${values.join('\n')}\n`
    }
    return { kind: this.#kind, count, text: Buffer.from(text) }
  }
}

/** Undefined for what may have no form, or ask for the key that it stands under: those are a line's business. */
const textOfObject = (value: object | null): string | undefined => {
  if (isPlainMember(value)) return JSON.stringify(value)
  return types.isUint8Array(value) ? encodeValue(value) : undefined
}

/** What JSON.stringify takes for an object of its own properties alone. */
const isObject = (value: object): boolean => {
  if (Array.isArray(value) || (value as { toJSON?: unknown }).toJSON !== undefined) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

export class RecordWriter {
  #shape: RecordShape | undefined
  #keys: readonly string[] = []
  #columns: ColumnWriter[] = []
  #count = 0
  #bytes = 0

  get count(): number {
    return this.#count
  }

  /** About what the records take. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes the value, or says false: then it is as if it had not been given. Throws what a getter of the user's throws. */
  push(value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !isObject(value)) return false
    if (this.#count === 0 && !this.#begin(value)) return false
    const keys = this.#keys
    const at = this.#count
    let bytes = 0
    let nth = 0
    for (const key in value) {
      if (key !== keys[nth]) return false
      const taken = (this.#columns[nth] as ColumnWriter).put(at, (value as Record<string, unknown>)[key])
      if (taken === 0) return false
      bytes += taken
      nth += 1
    }
    if (nth !== keys.length) return false
    this.#count += 1
    this.#bytes += bytes
    return true
  }

  #begin(value: object): boolean {
    this.#shape = shapeOf(Object.keys(value))
    if (this.#shape === undefined) return false
    this.#keys = this.#shape.keys
    this.#columns = this.#keys.map(() => new ColumnWriter())
    return true
  }

  /** All that was taken; undefined when nothing was. */
  end(): Records | undefined {
    const count = this.#count
    if (this.#shape === undefined || count === 0) return undefined
    return { form: 'records', count, shape: this.#shape, columns: this.#columns.map(column => column.end(count)) }
  }
}
