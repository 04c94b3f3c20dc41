// Where a job's items come from, as the command line says it: --range, --input or --glob, one of them.
// In: settings. Out: an open Input. Always true: nothing waits for a terminal without a word.
import type { Input } from '../input/input.js'
import { Fault } from './fault.js'
import { attempt } from './job.js'
import type { Settings } from './settings.js'

const WAYS = `Give one of them:
  --range 0..1_000_000          numbers
  --input FILE                  lines, jsonl, csv or json, by the extension or --format
  --input -                     the same from standard input
  --glob 'images/*.png'         the paths of files`

/** Checks which input is meant, without opening it. */
export const checkInput = (settings: Settings): void => {
  settings.exclude(['range', 'input', 'glob'], 'a job has one input')
  if (!['range', 'input', 'glob'].some(key => settings.has(key as 'range'))) {
    throw new Fault('MH-USAGE-MISSING', 'there is no input: items come from --range, --input or --glob', WAYS)
  }
  if (!settings.has('input')) settings.refuse('format', 'says nothing without --input: only files have a format')
}

/** Opens the input. Call checkInput before. */
export const inputOf = async (settings: Settings): Promise<Input> => {
  const range = settings.get('range')
  if (range !== undefined) {
    const { openRange, parseRange } = await import('../input/range.js')
    try {
      return openRange(parseRange(range))
    } catch (error) {
      throw new Fault('MH-USAGE-VALUE', `${settings.at('range')}: ${(error as Error).message}`, undefined, error)
    }
  }
  const { openInput } = await import('../input/open.js')
  const glob = settings.get('glob')
  if (glob !== undefined) return attempt(() => openInput({ glob }), 'MH-INPUT')
  const file = settings.get('input') ?? '-'
  const format = settings.get('format')
  if (file === '-' && process.stdin.isTTY) {
    process.stderr.write('reading items from this terminal, one a line; Ctrl-D ends them\n')
  }
  return attempt(() => openInput({ file, ...(format === undefined ? {} : { format }) }), 'MH-INPUT')
}
