// Records as the bytes that travel, in messages and in frames alike. In: records, or bytes. Out: the other, as views.
// Always true: what comes out has a column of `count` members for each key, within the bytes, or it is a RangeError; whether
// texts hold as many lines as they should is `checkLines`' to say. docs/worker-protocol.md has the layout.
import { readShape } from './record-shape.js'
import { type Column, isTextColumn, type Records } from './records.js'
import { bufferOf, lineFeedsIn, type Texts } from './texts.js'

// Their places are what travels.
const KINDS = ['numbers', 'booleans', 'strings', 'texts'] as const satisfies readonly Column['kind'][]
const HEAD_BYTES = 12
const COLUMN_HEAD_BYTES = 8
const LINE_FEED = 10

const alignedTo8 = (bytes: number): number => Math.ceil(bytes / 8) * 8

const bytesOfColumn = (column: Column): Uint8Array => {
  if (column.kind !== 'numbers') return isTextColumn(column) ? column.text : column.values
  const { buffer, byteOffset, byteLength } = column.values
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Zeros up to a multiple of 8, which it returns. */
const padFrom = (block: Buffer, end: number): number => {
  const next = alignedTo8(end)
  for (let at = end; at < next; at++) block[at] = 0
  return next
}

/** The records' bytes: as they came, or put together. */
export const blockOf = ({ count, shape, columns, bytes }: Records): Uint8Array => {
  if (bytes !== undefined) return bytes
  const contents = columns.map(bytesOfColumn)
  const keysAt = HEAD_BYTES + COLUMN_HEAD_BYTES * columns.length
  const keysBytes = Buffer.byteLength(shape.text)
  const columnsAt = alignedTo8(keysAt + keysBytes)
  const total = contents.reduce((sum, content) => sum + alignedTo8(content.byteLength), columnsAt)
  const block = Buffer.allocUnsafe(total)
  block.writeUInt32LE(count, 0)
  block.writeUInt32LE(columns.length, 4)
  block.writeUInt32LE(keysBytes, 8)
  block.write(shape.text, keysAt)
  let at = padFrom(block, keysAt + keysBytes)
  for (let nth = 0; nth < columns.length; nth++) {
    const content = contents[nth] as Uint8Array
    const headAt = HEAD_BYTES + COLUMN_HEAD_BYTES * nth
    block.writeUInt32LE(KINDS.indexOf((columns[nth] as Column).kind), headAt)
    block.writeUInt32LE(content.byteLength, headAt + 4)
    block.set(content, at)
    at = padFrom(block, at + content.byteLength)
  }
  return block
}

/** In memory of their own. */
export const copyRecords = (records: Records): Records => readBlock(new Uint8Array(blockOf(records)))

const columnOf = (kind: Column['kind'] | undefined, bytes: Uint8Array, count: number): Column => {
  const expectBytes = (expected: number): void => {
    if (bytes.byteLength !== expected) throw new RangeError(`${count} ${kind} in ${bytes.byteLength} bytes`)
  }
  switch (kind) {
    case 'numbers':
      expectBytes(8 * count)
      return { kind, values: new Float64Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count) }
    case 'booleans':
      expectBytes(count)
      return { kind, values: bytes }
    case undefined:
      throw new RangeError('a column of no kind that is known')
    default:
      return { kind, count, text: bytes }
  }
}

/** `given` stays in use. */
export const readBlock = (given: Uint8Array): Records => {
  // Not given.slice(): that of a Buffer is a view.
  const bytes = given.byteOffset % 8 === 0 ? given : new Uint8Array(given)
  const block = bufferOf(bytes)
  if (block.length < HEAD_BYTES) throw new RangeError('records without a head')
  const count = block.readUInt32LE(0)
  const width = block.readUInt32LE(4)
  const keysAt = HEAD_BYTES + COLUMN_HEAD_BYTES * width
  const keysEnd = keysAt + block.readUInt32LE(8)
  if (count === 0 || keysEnd > block.length) throw new RangeError('records that are cut, or none')
  const shape = readShape(block.toString('utf8', keysAt, keysEnd))
  if (shape.keys.length !== width) throw new RangeError(`${shape.keys.length} keys for ${width} columns`)
  const columns: Column[] = []
  let at = alignedTo8(keysEnd)
  for (let nth = 0; nth < width; nth++) {
    const headAt = HEAD_BYTES + COLUMN_HEAD_BYTES * nth
    const end = at + block.readUInt32LE(headAt + 4)
    if (end > block.length) throw new RangeError('a column that is cut')
    const content = new Uint8Array(bytes.buffer, bytes.byteOffset + at, end - at)
    columns.push(columnOf(KINDS[block.readUInt32LE(headAt)], content, count))
    at = alignedTo8(end)
  }
  if (at !== block.length) throw new RangeError('more than the columns of the records')
  return { form: 'records', count, shape, columns, bytes }
}

const hasLines = ({ text, count }: Texts): boolean =>
  text[text.byteLength - 1] === LINE_FEED && lineFeedsIn(text, count) === count

/** Throws a RangeError where a column of texts does not hold a line for each record. */
export const checkLines = ({ columns }: Records): void => {
  for (const column of columns)
    if (isTextColumn(column) && !hasLines(column)) throw new RangeError(`not ${column.count} ${column.kind}`)
}
