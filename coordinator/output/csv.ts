// Comma-separated values with a header (quotes as RFC 4180 has them, lines ended by \n).
// In: outcomes. Out: when the first value is an object, a column for each of its keys; else one column `value`.
// Cells: strings as they are; null and undefined are empty, an empty string is ""; objects and arrays are JSON.
// A failed item is a row of empty cells; unordered, it is left out. A key that the first value has not, or a value that is
// no object after one that was, ends the job with the item's index: a column cannot be added to what is written.
import { encodeValue, type Items, toJsonLines, unpackItems } from '../../proto/items.js'
import { plainJson } from '../../proto/plain-json.js'
import type { Format, FormatOptions } from './format.js'
import { runsOf } from './runs.js'

interface CsvState {
  readonly columns?: readonly string[] | 'value'
  readonly failedBefore: number
}

export const csvFormat = ({ tagged, unordered }: FormatOptions, state: unknown = { failedBefore: 0 }): Format => {
  if (tagged) throw new TypeError('csv has no place for failures: --tagged needs a .jsonl or .json output')
  // `undefined`: no value came yet; until then failed items are counted, since the header stands before them.
  let { columns, failedBefore } = state as CsvState
  const emptyRow = () =>
    columns === undefined || columns === 'value' || columns.length === 1
      ? '""\n'
      : `${','.repeat(columns.length - 1)}\n`
  const begin = (first: unknown) => {
    columns = isRecord(first) && Object.keys(first).length > 0 ? Object.keys(first) : 'value'
    const names = columns === 'value' ? ['value'] : columns
    return `${rowOf(names.map(quote))}${emptyRow().repeat(failedBefore)}`
  }
  return {
    *encode(outcomes) {
      for (const run of runsOf(outcomes)) {
        if ('failure' in run) {
          if (unordered) continue
          if (columns === undefined) failedBefore += 1
          else yield Buffer.from(emptyRow())
          continue
        }
        if (columns === 'value' && isNumbers(run.values)) {
          // Numbers look the same in both formats, but for the quotes around NaN and the infinities.
          yield Buffer.from(Buffer.from(toJsonLines(run.values)).toString('latin1').replaceAll('"', ''))
          continue
        }
        const values = unpackItems(run.values)
        let text = columns === undefined ? begin(values[0]) : ''
        values.forEach((value, nth) => {
          text +=
            columns === 'value' ? rowOf([cell(value)]) : recordRow(columns as readonly string[], value, run.start + nth)
        })
        yield Buffer.from(text)
      }
    },
    // Without any value: what was written may still be given values, and then columns.
    end: () => (columns === undefined ? [Buffer.from(`value\n${emptyRow().repeat(failedBefore)}`)] : []),
    state: (): CsvState => ({ ...(columns !== undefined && { columns }), failedBefore }),
  }
}

const isNumbers = ({ form }: Items): boolean => form !== 'json' && form !== 'records'

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array)

const recordRow = (columns: readonly string[], value: unknown, index: number): string => {
  if (!isRecord(value))
    throw new TypeError(
      `item ${index} cannot be written as csv: its value is no object as the first one was; use .jsonl`,
    )
  const other = Object.keys(value).find(key => !columns.includes(key))
  if (other !== undefined)
    throw new TypeError(
      `item ${index} cannot be written as csv: its value has the key ${JSON.stringify(other)}, which the first value had ` +
        'not, and the header is written; give every value the same keys, or use .jsonl',
    )
  return rowOf(columns.map(column => (Object.hasOwn(value, column) ? cell(value[column]) : '')))
}

/** A row of one empty cell would be a blank line, which readers skip. */
const rowOf = (cells: readonly string[]): string =>
  cells.length === 1 && cells[0] === '' ? '""\n' : `${cells.join()}\n`

const cell = (value: unknown): string => {
  switch (typeof value) {
    case 'string':
      return value === '' ? '""' : quote(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : `${value}`
    case 'bigint':
    case 'boolean':
      return `${value}`
    case 'undefined':
      return ''
    default:
      return value === null ? '' : quote(plainJson(encodeValue(value)))
  }
}

const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
