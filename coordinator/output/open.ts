// Which writer writes what: one table, a line a format.
// In: a file's path or "-", and the format where its name does not say it. Out: an Output, its file open.
// Always true: what is not known is an error that names what is.
import { basename } from 'node:path'
import { csvFormat } from './csv.js'
import { f64Format } from './f64.js'
import { openFileOutput } from './file.js'
import type { Format, FormatOptions } from './format.js'
import { jsonFormat } from './json.js'
import { jsonlFormat } from './jsonl.js'
import type { Output, OutputPoint } from './output.js'
import { StreamOutput } from './stream.js'

type Opener = (options: FormatOptions, state?: unknown) => Format

const FORMATS: Readonly<Record<string, { extensions: readonly string[]; open: Opener }>> = {
  jsonl: { extensions: ['.jsonl', '.ndjson'], open: jsonlFormat },
  json: { extensions: ['.json'], open: jsonFormat },
  csv: { extensions: ['.csv'], open: csvFormat },
  f64: { extensions: ['.f64'], open: f64Format },
}

export const OUTPUT_FORMATS: readonly string[] = Object.keys(FORMATS)

export interface OutputOptions extends Partial<FormatOptions> {
  /** A name of OUTPUT_FORMATS; by default what the path's extension says, and jsonl for standard output. */
  readonly format?: string
  /** An earlier process got so far. */
  readonly from?: OutputPoint | undefined
}

/** Opens a file, or standard output for "-". */
export const openOutput = async (path: string, options: OutputOptions = {}): Promise<Output> => {
  const { tagged = false, unordered = false, from } = options
  const format = formatOf(path, options.format)({ tagged, unordered }, from?.format)
  return path === '-' ? new StreamOutput(process.stdout, format, 'standard output') : openFileOutput(path, format, from)
}

const formatOf = (path: string, name: string | undefined): Opener => {
  if (name !== undefined) {
    const known = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined
    if (!known)
      throw new TypeError(
        `the output format ${JSON.stringify(name)} is not known: expected ${OUTPUT_FORMATS.join(', ')}`,
      )
    return known.open
  }
  if (path === '-' || path.startsWith('/dev/')) return jsonlFormat
  const file = basename(path).toLowerCase()
  if (/\.(gz|zst|bz2|xz|zip|br|lz4)$/.test(file))
    throw new TypeError(
      `results are not compressed on the way to ${path}: write them to - and pipe them, as in | gzip > ${path}`,
    )
  const byName = Object.values(FORMATS).find(({ extensions }) => extensions.some(extension => file.endsWith(extension)))
  if (byName) return byName.open
  const known = Object.values(FORMATS).flatMap(({ extensions }) => extensions)
  throw new TypeError(`the name of ${path} does not say how to write it: end it in one of ${known.join(', ')}`)
}
