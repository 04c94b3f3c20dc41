// `manyhands reduce`: all items folded into one value, which is printed as JSON. In: an associative function of two, an
// input. Out: one line on standard output, or none when there is no value.
import type { Command } from './command.js'
import { conductJob } from './conduct.js'
import { EXIT, Fault } from './fault.js'
import { prepare } from './prepare.js'
import { jsonLineOf } from './print.js'

export const reduce: Command = async invocation => {
  const { settings, rest } = invocation
  if (rest !== undefined) {
    const advice = 'reduce takes a function: file.ts#name, file.js#name, file.py#name.'
    throw new Fault('MH-USAGE-CONFLICT', 'a command behind -- cannot be folded with', advice)
  }
  const { request, hands, conduct } = await prepare(invocation, false)
  const { reduceJob } = await import('../reduce.js')
  const initial = settings.has('initial') ? { value: settings.get('initial') } : undefined
  let value: unknown
  const { exitCode } = await conductJob({
    ...conduct,
    // A fold has no place for failures: the first one ends it.
    tagged: true,
    start: async watch => {
      const folded = await reduceJob(hands, { ...request, ...watch }, initial)
      value = folded.value
      return folded.end
    },
  })
  if (exitCode === EXIT.done) process.stdout.write(jsonLineOf(value))
  return exitCode
}
