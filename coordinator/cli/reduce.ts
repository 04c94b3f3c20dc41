// `manyhands reduce`: all items folded into one value, which is printed as JSON. In: an associative function of two, an
// input. Out: one line on standard output, or none when there is no value.

import { monotonicSeconds } from '../../proto/timing.js'
import type { Command } from './commands.js'
import { conductJob } from './conduct.js'
import { EXIT, Fault } from './fault.js'
import { checkInput, inputOf } from './items.js'
import { functionOf, jobOptionsOf, openHands, placeOf, receiptFileOf, sharedOf } from './job.js'
import { jsonLineOf } from './print.js'
import { openProgress } from './progress.js'

export const reduce: Command = async ({ settings, operands, rest }) => {
  if (rest !== undefined) {
    throw new Fault(
      'MH-USAGE-CONFLICT',
      'a command behind -- cannot be folded with',
      'reduce takes a function: file.ts#name, file.py#name.',
    )
  }
  checkInput(settings)
  const place = placeOf(settings)
  const receiptFile = receiptFileOf(settings)
  const options = { ...jobOptionsOf(settings), onError: 'stop' as const }
  const shared = sharedOf(settings)
  const fn = await functionOf(settings, { operands, rest })
  const input = await inputOf(settings)
  const quiet = settings.isOn('quiet')
  const progress = await openProgress({
    name: fn.name,
    stream: process.stderr,
    quiet,
    clock: monotonicSeconds,
    env: process.env,
  })
  const hands = await openHands(settings, place, line => progress.print(line))
  const { reduceJob } = await import('../reduce.js')
  const initial = settings.get('initial')
  let value: unknown
  const { end, exitCode } = await conductJob({
    start: async watch => {
      const request = { function: fn, input, options, ...(shared === undefined ? {} : { shared }), ...watch }
      const folded = await reduceJob(hands, request, initial)
      value = folded.value
      return folded.end
    },
    close: async () => {
      await hands.close()
      await input.close()
    },
    progress,
    total: input.count,
    tagged: true,
    quiet,
    verbose: settings.isOn('verbose'),
    json: settings.isOn('json'),
    receiptFile,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
  })
  if (exitCode !== EXIT.done || end === undefined) return exitCode
  if (value === undefined && end.settled === 0 && initial === undefined) {
    throw new Fault(
      'MH-INPUT',
      'there are no items, and nothing to start from: a fold of nothing has no value',
      'Give --initial JSON.',
    )
  }
  process.stdout.write(jsonLineOf(value))
  return exitCode
}
