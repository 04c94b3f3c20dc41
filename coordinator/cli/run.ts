// `manyhands run`: one call in a worker process of its own; Process(target=…, args=…), start and join, in a word.
// In: a function and its arguments as JSON texts. Out: the value as JSON on standard output; or the message and the stack
// of what went wrong on standard error, and 1.
import { decodeValue, type Items, packLines, toJsonLines } from '../../proto/items.js'
import type { Input } from '../input/input.js'
import type { JobEnd } from '../job.js'
import type { Output } from '../output/output.js'
import type { Command } from './command.js'
import { EXIT, Fault, renderFault } from './fault.js'
import { onInterrupt } from './interrupt.js'
import { jobOptionsOf, referenced, sharedOf } from './job.js'
import { openHands, placeOf } from './place.js'

/** A JSON text as its value; any other text as a string. */
export const argumentOf = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text)
    // Integers of many digits are bigints there, as they are in input files.
    return /\d{16}/.test(text) ? decodeValue(text) : value
  } catch {
    return text
  }
}

const oneItem = (item: unknown): Input => {
  let given = false
  return {
    count: 1,
    next: async () => {
      if (given) return undefined
      given = true
      return { items: packLines([item]).items }
    },
    close: async () => {},
  }
}

const keepValue = (keep: (values: Items) => void): Output => ({
  write: async ({ values, failures }) => {
    if (failures.length === 0) keep(values)
  },
  commit: async () => {},
  abandon: async () => {},
})

const sayFailure = (end: JobEnd, verbose: boolean): number => {
  const [failure] = end.failures
  if (end.state === 'interrupted') {
    process.stderr.write(renderFault(new Fault('MH-INTERRUPTED', 'interrupted before the call ended'), verbose))
    return EXIT.interrupted
  }
  if (!failure) {
    process.stderr.write(renderFault(new Fault('MH-JOB-BROKEN', end.why ?? 'the call could not run'), verbose))
    return EXIT.notRun
  }
  const { reason, message, stack, stderr } = failure
  const lines = [`manyhands: ${reason}: ${message} [MH-ITEMS-FAILED]`, ...[stack, stderr].filter(text => text)]
  process.stderr.write(`${lines.join('\n').trimEnd()}\n`)
  return EXIT.someFailed
}

export const run: Command = async ({ settings, operands, rest }) => {
  const [reference, ...texts] = [...operands, ...(rest ?? [])]
  if (reference === undefined || (operands.length === 0 && rest !== undefined)) {
    throw new Fault(
      'MH-USAGE-MISSING',
      'there is no function',
      "For instance: manyhands run sort.py#bubble_sort '[5,2,9,1]'",
    )
  }
  const place = placeOf(settings)
  const options = { ...jobOptionsOf(settings), onError: 'collect' as const }
  const shared = sharedOf(settings)
  const fn = await referenced(settings, reference)
  const hands = await openHands(settings, place, line => process.stderr.write(`${line}\n`), { slots: 1 })
  const stop = new AbortController()
  const interrupt = onInterrupt(() => stop.abort())
  let value: Items | undefined
  const keep = (values: Items): void => {
    value = values
  }
  try {
    const end = await hands.run({
      function: fn,
      operation: 'map',
      input: oneItem(texts.map(argumentOf)),
      output: keepValue(keep),
      spread: true,
      options,
      signal: stop.signal,
      ...(shared === undefined ? {} : { shared }),
    })
    if (end.state !== 'done' || end.failed > 0 || value === undefined) return sayFailure(end, settings.isOn('verbose'))
    process.stdout.write(toJsonLines(value))
    return EXIT.done
  } finally {
    await hands.close()
    interrupt.stop()
  }
}
