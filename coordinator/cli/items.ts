// Where a job's items come from, as the command line says it: --range, --input or --glob, one of them.
// In: settings. Out: an open Input. Always true: nothing waits for a terminal without a word.
import type { Input } from '../input/input.js'
import { Fault, messageOf } from './fault.js'
import type { Settings } from './settings.js'

const WAYS = `Give one of them:
  --range 0..1_000_000          numbers
  --input FILE                  lines, jsonl, csv or json, by the extension or --format
  --input -                     the same from standard input
  --glob 'images/*.png'         the paths of files`

/** Checks which input is meant, without opening it. */
export const checkInput = async (settings: Settings): Promise<void> => {
  settings.exclude(['range', 'input', 'glob'], 'a job has one input')
  if (!['range', 'input', 'glob'].some(key => settings.has(key as 'range'))) {
    throw new Fault('MH-USAGE-MISSING', 'there is no input: items come from --range, --input or --glob', WAYS)
  }
  if (!settings.has('input')) settings.refuse('format', 'says nothing without --input: only files have a format')
  const range = settings.get('range')
  if (range === undefined) return
  const { parseRange } = await import('../input/range.js')
  await opened(settings.at('range'), async () => parseRange(range))
}

/** Opens the input. Call checkInput before. */
export const inputOf = async (settings: Settings): Promise<Input> => {
  const range = settings.get('range')
  if (range !== undefined) {
    const { openRange, parseRange } = await import('../input/range.js')
    return opened(settings.at('range'), async () => openRange(parseRange(range)))
  }
  const pattern = settings.get('glob')
  if (pattern !== undefined) {
    const { openGlob } = await import('../input/glob.js')
    return opened(settings.at('glob'), async () => openGlob(pattern))
  }
  const file = settings.get('input') ?? '-'
  if (file === '-' && process.stdin.isTTY) {
    process.stderr.write('reading items from this terminal, one a line; Ctrl-D ends them\n')
  }
  const { openInput } = await import('../input/open.js')
  return opened(settings.at('input'), () => openInput(file, settings.get('format')))
}

/** A text that is not understood is a matter of usage; a file that cannot be read is not. */
const opened = async <T>(at: string, open: () => Promise<T>): Promise<T> => {
  try {
    return await open()
  } catch (error) {
    const isUsage = error instanceof RangeError || error instanceof TypeError
    throw new Fault(isUsage ? 'MH-USAGE-VALUE' : 'MH-INPUT', `${at}: ${messageOf(error)}`, undefined, error)
  }
}
