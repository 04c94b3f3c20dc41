// Which writer writes what: one table, a line a format.
// In: a file's path or "-", and the format where its name does not say it. Out: an Output, its file open.
// Always true: what is not known is an error that names what is.
import { basename } from 'node:path'
import { csvFormat } from './csv.js'
import type { ElementFormat } from './elements.js'
import { f64Format } from './f64.js'
import { type FileOptions, openFileOutput } from './file.js'
import type { Format, FormatOptions } from './format.js'
import { jsonFormat } from './json.js'
import { jsonlFormat } from './jsonl.js'
import type { Output } from './output.js'
import { StreamOutput } from './stream.js'

type Opener = (options: FormatOptions, state?: unknown) => Format

const FORMATS: Readonly<Record<ElementFormat, { extensions: readonly string[]; open: Opener }>> = {
  jsonl: { extensions: ['.jsonl', '.ndjson'], open: jsonlFormat },
  json: { extensions: ['.json'], open: jsonFormat },
  csv: { extensions: ['.csv'], open: csvFormat },
  f64: { extensions: ['.f64'], open: f64Format },
}

export const OUTPUT_FORMATS: readonly string[] = Object.keys(FORMATS)

export interface OutputOptions extends Partial<FormatOptions>, FileOptions {
  /** A name of OUTPUT_FORMATS; by default what the path's extension says, and jsonl for standard output. */
  readonly format?: string
}

/** Opens a file, or standard output for "-". */
export const openOutput = async (path: string, options: OutputOptions = {}): Promise<Output> => {
  const { tagged = false, unordered = false, from, owner } = options
  const format = FORMATS[nameOf(path, options.format)].open({ tagged, unordered }, from?.format)
  return path === '-'
    ? new StreamOutput(process.stdout, format, 'standard output')
    : openFileOutput(path, format, { from, owner })
}

export interface MergedOutputOptions extends FormatOptions {
  readonly format: string | undefined
  /** The state of the format when the output was whole. */
  readonly state: unknown
  /** The items whose outcomes are given anew, ascending. */
  readonly anew: ArrayLike<number>
}

/** Opens a whole output for the outcomes of some of its items; `state()`: that of its format then. */
export const openMergedOutput = async (
  path: string,
  { format, state, anew, tagged, unordered }: MergedOutputOptions,
): Promise<{ readonly output: Output; readonly state: () => unknown }> => {
  const { mergedFormat } = await import('./merged.js')
  const name = nameOf(path, format)
  // Elements of a json array are those of jsonl.
  // Without columns no item had a value: all are given anew, and the first value makes the header.
  const keepsHeader = name !== 'csv' || (state as { columns?: unknown }).columns !== undefined
  const open = name === 'json' ? jsonlFormat : FORMATS[name].open
  const writer = open({ tagged, unordered }, keepsHeader ? state : undefined)
  const merged = mergedFormat({ path, format: name, writer, keepsHeader, anew, tagged, unordered })
  return { output: await openFileOutput(path, merged), state: () => (name === 'json' ? false : writer.state()) }
}

const nameOf = (path: string, name: string | undefined): ElementFormat => {
  if (name !== undefined) {
    if (!Object.hasOwn(FORMATS, name))
      throw new TypeError(
        `the output format ${JSON.stringify(name)} is not known: expected ${OUTPUT_FORMATS.join(', ')}`,
      )
    return name as ElementFormat
  }
  if (path === '-' || path.startsWith('/dev/')) return 'jsonl'
  const file = basename(path).toLowerCase()
  if (/\.(gz|zst|bz2|xz|zip|br|lz4)$/.test(file))
    throw new TypeError(
      `results are not compressed on the way to ${path}: write them to - and pipe them, as in | gzip > ${path}`,
    )
  const byName = Object.entries(FORMATS).find(([, { extensions }]) => extensions.some(end => file.endsWith(end)))
  if (byName) return byName[0] as ElementFormat
  const known = Object.values(FORMATS).flatMap(({ extensions }) => extensions)
  throw new TypeError(`the name of ${path} does not say how to write it: end it in one of ${known.join(', ')}`)
}
