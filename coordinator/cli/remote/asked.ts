// A map as it is asked of a daemon: from settings to what is submitted. In: checked settings, what stands on the command line.
// Out: the description, and behind it the code's files, the shared data and the input, as they are taken. Always true: what is
// missing or contradicts itself is said before the daemon is asked; the input is the one that `map` would read here, byte by byte;
// a part that cannot be read, or an interruption, ends the parts by an error, never as if they were whole.
import { existsSync } from 'node:fs'
import type { JobFunction } from '../../function/function.js'
import type { ByteSource } from '../../input/byte-source.js'
import type { JobRequest } from '../../job.js'
import type { AskedPart, JobAsked } from '../../serve/desk.js'
import type { Invocation } from '../command.js'
import { Fault, messageOf } from '../fault.js'
import { checkInput } from '../items.js'
import { functionOf, jobOptionsOf, sharedOf } from '../job.js'
import type { Settings } from '../settings.js'
import { refuseHere } from './open.js'

export interface Asked {
  readonly job: JobAsked
  /** Ends with an error once the signal is aborted. `onSent`: so many bytes of the input were taken. */
  parts(signal: AbortSignal, onSent?: (bytes: number) => void): AsyncIterable<AskedPart>
  /** Lets go of the input. Idempotent. */
  close(): Promise<void>
}

/** Smaller: more messages. Larger: more memory on both sides. */
const LINES_BYTES = 256 * 1024

/** Reads texts as the bytes of a file. */
const textSource = (texts: Iterator<string>): ByteSource => ({
  name: 'paths',
  read: async () => {
    let lines = ''
    while (lines.length < LINES_BYTES) {
      const next = texts.next()
      if (next.done === true) break
      lines += next.value
    }
    return lines === '' ? undefined : Buffer.from(lines)
  },
  close: async () => {},
})

/** As JSON; a name that is not UTF-8 as what is none, so that its item is undecodable as it is here. */
const lineOf = (path: string): string =>
  path.includes('\ufffd') && !existsSync(path)
    ? `the name of the file ${path} is not UTF-8: rename it\n`
    : `${JSON.stringify(path)}\n`

const pathLines = async (pattern: string): Promise<ByteSource> => {
  const { openGlob, pathsOf } = await import('../../input/glob.js')
  // It says what to do when none does.
  const paths = await pathsOf(pattern)
  if (paths.length === 0) await openGlob(pattern)
  return textSource(paths.map(lineOf)[Symbol.iterator]())
}

interface Source {
  readonly input: JobAsked['input']
  readonly bytes?: ByteSource
}

const openSource = async (settings: Settings): Promise<Source> => {
  const range = settings.get('range')
  if (range !== undefined) {
    const { parseRange } = await import('../../input/range.js')
    const { start, stop, step } = parseRange(range)
    return { input: { start, end: stop, step } }
  }
  const pattern = settings.get('glob')
  if (pattern !== undefined) return { input: { format: 'jsonl' }, bytes: await pathLines(pattern) }
  const file = settings.get('input') ?? '-'
  if (file === '-' && process.stdin.isTTY)
    process.stderr.write('reading items from this terminal, one a line; Ctrl-D ends them\n')
  const { inputFormatOf, openBytes } = await import('../../input/open.js')
  const format = inputFormatOf(file, settings.get('format'))
  const bytes = await openBytes(file)
  return { input: { format, name: bytes.name }, bytes }
}

/** A text that is not understood is a matter of usage; a file that cannot be read is not. */
const sourceOf = async (settings: Settings): Promise<Source> => {
  const key = settings.has('range') ? 'range' : settings.has('glob') ? 'glob' : 'input'
  try {
    return await openSource(settings)
  } catch (error) {
    const isUsage = error instanceof RangeError || error instanceof TypeError
    const code = isUsage ? 'MH-USAGE-VALUE' : 'MH-INPUT'
    throw new Fault(code, `${settings.at(key)}: ${messageOf(error)}`, undefined, error)
  }
}

/** Options that only a coordinator in this process has. */
const refuse = (settings: Settings): void => {
  refuseHere(settings, ['slots'], 'The agents have slots; --max-slots N is the most that a job gets.')
  refuseHere(settings, ['replicas', 'memory', 'costs'], 'It is set where the daemon is started.')
  if (settings.get('speculation') === false && settings.origin('speculation')?.rank === 'flag')
    throw new Fault('MH-USAGE-CONFLICT', `--no-speculation says nothing with ${settings.at('coordinator')}`)
}

const describe = (
  settings: Settings,
  { name, runner, entry, function: exported, init, command }: JobFunction,
  shared: JobRequest['shared'],
  input: JobAsked['input'],
): JobAsked => {
  const { timeoutSeconds, retries, onError, maxFailures, shardSize, concurrency } = jobOptionsOf(settings)
  // The first failure ends it.
  const most = onError === 'stop' ? { count: 0 } : maxFailures
  const weight = settings.get('weight')
  const priority = settings.get('priority')
  const maxSlots = settings.get('maxSlots')
  const needs = settings.get('needs')
  return {
    name: settings.get('name') ?? name,
    runner,
    entry,
    function: exported,
    input,
    retries,
    ...(init !== undefined && { init }),
    ...(command && { command: command.argv, shell: command.shell }),
    ...(shared && { shared: shared.kind }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(most !== undefined && { maxFailures: most }),
    ...(shardSize !== undefined && { shardSize }),
    ...(concurrency !== undefined && { concurrency }),
    ...(weight !== undefined && { weight }),
    ...(priority !== undefined && { priority }),
    ...(maxSlots !== undefined && { maxSlots }),
    ...(needs !== undefined && { needs }),
  }
}

/** The bytes until their end; an interruption is none. */
async function* inputParts(
  bytes: ByteSource,
  signal: AbortSignal,
  onSent: (bytes: number) => void,
): AsyncGenerator<AskedPart> {
  // What waits for a terminal or a pipe is to hear of it.
  const stop = (): void => void bytes.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for (let sent = 0; ; ) {
      const data = await bytes.read(true).catch(error => {
        throw new Fault('MH-INPUT', messageOf(error), undefined, error)
      })
      signal.throwIfAborted()
      if (data === undefined) return
      if (data.length > 0) yield { type: 'input', data }
      sent += data.length
      onSent(sent)
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await bytes.close()
  }
}

/** Checks everything, bundles the function and opens the input. */
export const askedOf = async ({ settings, operands, rest }: Invocation): Promise<Asked> => {
  await checkInput(settings)
  refuse(settings)
  const shared = sharedOf(settings)
  const fn = await functionOf(settings, { operands, rest })
  const { input, bytes } = await sourceOf(settings)
  async function* parts(signal: AbortSignal, onSent: (bytes: number) => void = () => {}): AsyncGenerator<AskedPart> {
    for (const { path, content } of fn.bundle ?? []) yield { type: 'file', path, data: content }
    if (shared !== undefined) yield { type: 'shared', data: shared.content }
    if (bytes !== undefined) yield* inputParts(bytes, signal, onSent)
  }
  return { job: describe(settings, fn, shared, input), parts, close: async () => bytes?.close() }
}
