// Which reader reads what: one table, a line a format.
// In: a file's path or "-", and the format where its name does not say it. Out: an Input, its file open.
// Always true: what is not known is an error that names what is.
import { basename } from 'node:path'
import { type ByteSource, openFileSource, streamSource } from './byte-source.js'
import { openCsv } from './csv.js'
import type { Input } from './input.js'
import { openJson } from './json.js'
import { openJsonl } from './jsonl.js'
import { openLines } from './lines.js'

export type InputFormat = 'lines' | 'jsonl' | 'csv' | 'json'

const FORMATS: Readonly<Record<InputFormat, { extensions: readonly string[]; open: (source: ByteSource) => Input }>> = {
  lines: { extensions: ['.txt', '.list'], open: source => openLines(source) },
  jsonl: { extensions: ['.jsonl', '.ndjson'], open: source => openJsonl(source) },
  csv: { extensions: ['.csv'], open: source => openCsv(source) },
  json: { extensions: ['.json'], open: source => openJson(source) },
}

export const INPUT_FORMATS: readonly string[] = Object.keys(FORMATS)

const isFormat = (name: string): name is InputFormat => Object.hasOwn(FORMATS, name)

// What standard input holds is not said by a name: lines are what other commands print.
const STANDARD_INPUT_FORMAT = 'lines'
const COMPRESSED = /\.(gz|zst|bz2|xz|zip|br|lz4)$/i

/** Opens a file, or standard input for "-". */
export const openInput = async (path: string, format?: string): Promise<Input> => {
  const { open } = FORMATS[inputFormatOf(path, format)]
  return open(await openBytes(path))
}

/** Reads bytes from wherever they are. */
export const inputFrom = (source: ByteSource, format: InputFormat): Input => FORMATS[format].open(source)

/** The bytes of a file, or of standard input for "-". */
export const openBytes = async (path: string): Promise<ByteSource> =>
  path === '-' ? streamSource(process.stdin, 'standard input') : openFileSource(path)

/** What the file holds: as it is said, or as its name does. */
export const inputFormatOf = (path: string, format: string | undefined): InputFormat => {
  if (format !== undefined) {
    if (!isFormat(format))
      throw new TypeError(
        `the input format ${JSON.stringify(format)} is not known: expected ${INPUT_FORMATS.join(', ')}`,
      )
    if (path !== '-') refuseCompressed(path)
    return format
  }
  if (path === '-') return STANDARD_INPUT_FORMAT
  refuseCompressed(path)
  const name = basename(path).toLowerCase()
  const byName = INPUT_FORMATS.filter(isFormat).find(known =>
    FORMATS[known].extensions.some(extension => name.endsWith(extension)),
  )
  if (byName !== undefined) return byName
  const known = Object.entries(FORMATS).map(([format, { extensions }]) => `${format} (${extensions.join(', ')})`)
  throw new TypeError(`the name of ${path} does not say what it holds: give --format, one of ${known.join(', ')}`)
}

const refuseCompressed = (path: string): void => {
  const extension = COMPRESSED.exec(path)?.[0]
  if (extension)
    throw new TypeError(
      `${path} is compressed (${extension}), which is not read directly: decompress it into a pipe, as in ` +
        `gzip -dc ${path} | manyhands map … --input - --format jsonl`,
    )
}
