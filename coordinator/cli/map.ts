// `manyhands map`: a function, or a command, called once for each item. In: where items come from, where values go.
// Out: the values in the output, the verdict on standard error, an exit code.
import { monotonicSeconds } from '../../proto/timing.js'
import type { Command } from './commands.js'
import { conductJob } from './conduct.js'
import { checkInput, inputOf } from './items.js'
import { functionOf, jobOptionsOf, openHands, placeOf, receiptFileOf, sharedOf } from './job.js'
import { openProgress } from './progress.js'
import { keptOf, outputOf } from './results.js'

export const map: Command = async ({ settings, operands, rest }) => {
  // First what costs nothing to know, then what reads files, then what starts processes.
  checkInput(settings)
  const place = placeOf(settings)
  const options = jobOptionsOf(settings)
  const receiptFile = receiptFileOf(settings)
  const shared = sharedOf(settings)
  const fn = await functionOf(settings, { operands, rest })
  const input = await inputOf(settings)
  const quiet = settings.isOn('quiet')
  const { stderr, stdout, env } = process
  const progress = await openProgress({ name: fn.name, stream: stderr, quiet, clock: monotonicSeconds, env })
  // The output comes last: a job that cannot start leaves no file behind.
  const hands = await openHands(settings, place, line => progress.print(line))
  const close = async (): Promise<void> => {
    progress.stop()
    await hands.close()
    await input.close()
  }
  const output = await outputOf(settings).catch(async error => {
    await close()
    throw error
  })
  const request = { function: fn, operation: 'map' as const, input, output, options, ...(shared ? { shared } : {}) }
  const { exitCode } = await conductJob({
    start: watch => hands.run({ ...request, ...watch }),
    close,
    progress,
    total: input.count,
    tagged: settings.isOn('tagged'),
    quiet,
    verbose: settings.isOn('verbose'),
    json: settings.isOn('json'),
    receiptFile,
    kept: () => keptOf(settings),
    stdout,
    stderr,
    env,
  })
  return exitCode
}
