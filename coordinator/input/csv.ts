// Comma-separated values: the first record names the columns, every other is an object of strings.
// In: bytes (RFC 4180; \n or \r\n; blank lines are skipped). Out: an object a record; a record that is not UTF-8, whose
// quotes are wrong or that has another number of fields than the header is undecodable by its line.
// Always true: after a record with wrong quotes reading goes on at the next line, so that it takes no neighbours along; a
// header that names a column twice is an error, since one of the two would be lost.
import { isUtf8 } from 'node:buffer'
import { encodeValue } from '../../proto/items.js'
import type { ByteSource } from './byte-source.js'
import { readRecord } from './csv-record.js'
import type { Input, InputBatch } from './input.js'
import { type BlockParser, TextInput } from './text-input.js'

// A quote that is never closed makes the rest of the file one record: this is where that ends.
const RECORD_LIMIT_BYTES = 64 * 1024 * 1024

export const openCsv = (source: ByteSource, recordLimitBytes = RECORD_LIMIT_BYTES): Input =>
  new TextInput(source, new CsvParser(source.name, recordLimitBytes), recordLimitBytes)

class CsvParser implements BlockParser {
  readonly #name: string
  readonly #recordLimitBytes: number
  #keys: string[] | undefined
  #escaped = false
  /** Where a quote is open; as latin-1, so that what is not UTF-8 is found field by field. */
  #open = ''
  #openLine = 0
  #texts: string[] = []
  /** Nothing of the text at hand needs decoding. */
  #ascii = false

  constructor(name: string, recordLimitBytes: number) {
    this.#name = name
    this.#recordLimitBytes = recordLimitBytes
  }

  parse(block: Buffer, firstLine: number, emit: (batch: InputBatch) => void): void {
    const text = this.#open + block.toString('latin1')
    const line = this.#open === '' ? firstLine : this.#openLine
    // Only a quote can close what is open.
    if (this.#open !== '' && !block.includes(34) && text.length <= this.#recordLimitBytes) this.#open = text
    else this.#records(text, line, this.#recordLimitBytes, emit)
    this.#flush(emit)
  }

  async end(emit: (batch: InputBatch) => void): Promise<void> {
    this.#records(this.#open, this.#openLine, 0, emit)
    this.#flush(emit)
  }

  #records(text: string, firstLine: number, limitBytes: number, emit: (batch: InputBatch) => void): void {
    let line = firstLine
    this.#open = ''
    this.#ascii = !/[\x80-\xff]/.test(text)
    for (let at = 0; at < text.length; ) {
      const record = readRecord(text, at)
      if (record.state === 'whole') {
        const blank = record.fields.length === 1 && record.end - at <= 2 && record.fields[0] === ''
        if (!blank) this.#record(record.fields, line, emit)
        line += record.lines
        at = record.end
        continue
      }
      if (record.state === 'open' && text.length - at <= limitBytes) {
        this.#open = text.slice(at)
        this.#openLine = line
        return
      }
      this.#undecodable(line, record.state === 'bad' ? record.why : 'a quote is opened and not closed', emit)
      at = text.indexOf('\n', at) + 1
      line += 1
    }
  }

  #record(raw: string[], line: number, emit: (batch: InputBatch) => void): void {
    const fields = this.#ascii ? raw : raw.map(decodeField)
    if (fields.includes(undefined)) this.#undecodable(line, NOT_UTF8, emit)
    else if (!this.#keys) this.#begin(line, fields as string[])
    else if (fields.length !== this.#keys.length)
      this.#undecodable(line, `${fields.length} fields where the header has ${this.#keys.length}`, emit)
    else {
      const text = recordText(this.#keys, fields as string[])
      this.#texts.push(this.#escaped ? `{"$escape":${text}}` : text)
    }
  }

  #begin(line: number, names: string[]): void {
    this.#keys = keyTexts(headerOf(this.#name, line, names))
    // A single column may have the name of an escape.
    this.#escaped = names.length === 1 && encodeValue({ [names[0] as string]: '' }).startsWith('{"$escape"')
  }

  #undecodable(line: number, why: string, emit: (batch: InputBatch) => void): void {
    // Without its names no record can be read.
    if (!this.#keys) throw new Error(`cannot read ${this.#name}:${line}: the header: ${why}`)
    this.#flush(emit)
    emit({ undecodable: `${this.#name}:${line}: ${why}` })
  }

  #flush(emit: (batch: InputBatch) => void): void {
    const texts = this.#texts
    if (texts.length === 0) return
    this.#texts = []
    emit({ items: { form: 'json', count: texts.length, text: Buffer.from(`${texts.join('\n')}\n`) } })
  }
}

const NOT_UTF8 = 'not UTF-8 (iconv -t UTF-8 converts other encodings)'

const decodeField = (field: string): string | undefined => {
  if (!/[\x80-\xff]/.test(field)) return field
  const bytes = Buffer.from(field, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : undefined
}

const headerOf = (name: string, line: number, names: string[]): string[] => {
  const twice = names.find((one, at) => names.indexOf(one) !== at)
  if (twice === undefined) return names
  throw new Error(
    `cannot read ${name}:${line}: the header names the column ${JSON.stringify(twice)} twice; give one of them another name`,
  )
}

/** Each column's key as it stands before its field in the text of a record. */
const keyTexts = (names: readonly string[]): string[] =>
  names.map((name, at) => `${at === 0 ? '{' : ','}${JSON.stringify(name)}:`)

const recordText = (keys: readonly string[], fields: readonly string[]): string => {
  let text = ''
  for (let at = 0; at < keys.length; at++) text += (keys[at] as string) + JSON.stringify(fields[at])
  return `${text}}`
}
