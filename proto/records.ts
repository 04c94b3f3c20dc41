// Objects with the same keys in the same order, as columns: a batch's form `records`. In: records. Out: their size, pieces
// and wholes of them, their texts one a line. Always true: a record's text here is what encodeValue makes of the object, so
// which of the two forms an item travelled in shows nowhere; pieces are views.
import type { RecordShape } from './record-shape.js'
import { linesOf, stringsOfTexts, type Texts, TextWriter } from './texts.js'
import { encodeDouble } from './value.js'

/**
 * One member of each record.
 * - `numbers`: JavaScript numbers, as the form `number` has them.
 * - `booleans`: a byte each, 0 or 1.
 * - `strings`: UTF-8, each ended by one line feed and without any.
 * - `texts`: whatever else, and strings that cannot be above, as extended JSON.
 */
export type Column =
  | { readonly kind: 'numbers'; readonly values: Float64Array }
  | { readonly kind: 'booleans'; readonly values: Uint8Array }
  | TextColumn

export type TextColumn = { readonly kind: 'strings' | 'texts' } & Texts

export const isTextColumn = (column: Column): column is TextColumn =>
  column.kind === 'strings' || column.kind === 'texts'

export interface Records {
  readonly form: 'records'
  readonly count: number
  readonly shape: RecordShape
  /** One for each key. */
  readonly columns: readonly Column[]
  /** All of it as it travels, where it came so. */
  readonly bytes?: Uint8Array
}

const isStrings = (column: Column): column is TextColumn => column.kind === 'strings'

const bytesOfColumn = (column: Column): number =>
  isTextColumn(column) ? column.text.byteLength : column.values.byteLength

/** What the records' own content takes. */
export const sizeOfRecords = ({ columns, shape }: Records): number =>
  columns.reduce((sum, column) => sum + bytesOfColumn(column), shape.text.length)

const sliceColumn = (column: Column, from: number, to: number): Column => {
  switch (column.kind) {
    case 'numbers':
      return { kind: 'numbers', values: column.values.subarray(from, to) }
    case 'booleans':
      return { kind: 'booleans', values: column.values.subarray(from, to) }
    default:
      return { kind: column.kind, count: to - from, text: linesOf(column, from, to) }
  }
}

/** Records `[from, to)`. */
export const sliceRecords = ({ shape, columns }: Records, from: number, to: number): Records => ({
  form: 'records',
  count: to - from,
  shape,
  columns: columns.map(column => sliceColumn(column, from, to)),
})

const joinTexts = (kind: 'strings' | 'texts', parts: readonly Texts[]): Column => ({
  kind,
  count: parts.reduce((sum, part) => sum + part.count, 0),
  text: Buffer.concat(parts.map(part => part.text)),
})

const joinColumns = (columns: readonly Column[]): Column => {
  const total = columns.reduce((sum, column) => sum + countOfColumn(column), 0)
  if (columns.every(column => column.kind === 'numbers')) {
    const values = new Float64Array(total)
    fill(values, columns)
    return { kind: 'numbers', values }
  }
  if (columns.every(column => column.kind === 'booleans')) {
    const values = new Uint8Array(total)
    fill(values, columns)
    return { kind: 'booleans', values }
  }
  if (columns.every(isStrings)) return joinTexts('strings', columns)
  return joinTexts('texts', columns.map(textsOfColumn))
}

const countOfColumn = (column: Column): number => (isTextColumn(column) ? column.count : column.values.length)

const fill = <T extends Float64Array | Uint8Array>(values: T, columns: readonly { readonly values: T }[]): void => {
  let at = 0
  for (const column of columns) {
    values.set(column.values, at)
    at += column.values.length
  }
}

/** Undefined where not all have the same keys in the same order. */
export const joinRecords = (batches: readonly Records[]): Records | undefined => {
  const [first] = batches
  if (first === undefined || !batches.every(({ shape }) => shape.text === first.shape.text)) return undefined
  return {
    form: 'records',
    count: batches.reduce((sum, { count }) => sum + count, 0),
    shape: first.shape,
    columns: first.columns.map((_, nth) => joinColumns(batches.map(({ columns }) => columns[nth] as Column))),
  }
}

/** The members' extended JSON texts. */
const linesOfColumn = (column: Column): ArrayLike<string> => {
  switch (column.kind) {
    case 'numbers':
      return Array.from(column.values, value => encodeDouble(value, false))
    case 'booleans':
      return Array.from(column.values, value => (value === 0 ? 'false' : 'true'))
    case 'strings':
      return stringsOfTexts(column).map(value => JSON.stringify(value))
    case 'texts':
      return stringsOfTexts(column)
  }
}

const textsOfColumn = (column: Column): Texts => {
  if (column.kind === 'texts') return column
  const writer = new TextWriter()
  const lines = linesOfColumn(column)
  for (let at = 0; at < lines.length; at++) writer.push(lines[at] as string)
  return writer.end()
}

/** The records' extended JSON texts. */
export const linesOfRecords = ({ count, shape, columns }: Records): string[] => {
  const lines: string[] = []
  const fronts = shape.keys.map((key, nth) => `${nth === 0 ? '{' : ','}${JSON.stringify(key)}:`)
  const members = columns.map(linesOfColumn)
  for (let at = 0; at < count; at++) {
    let line = ''
    for (let nth = 0; nth < fronts.length; nth++)
      line += (fronts[nth] as string) + (members[nth] as ArrayLike<string>)[at]
    lines.push(`${line}}`)
  }
  return lines
}

/** The records as a batch of lines. */
export const textsOfRecords = (records: Records): { form: 'json' } & Texts => {
  const writer = new TextWriter()
  for (const line of linesOfRecords(records)) writer.push(line)
  return writer.end()
}
