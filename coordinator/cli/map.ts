// `manyhands map`: a function, or a command, called once for each item. In: where items come from, where values go.
// Out: the values in the output, the verdict on standard error, an exit code.
import type { Command } from './command.js'
import { conductJob } from './conduct.js'
import { prepare } from './prepare.js'
import { keptOf, outputOf } from './results.js'

export const map: Command = async invocation => {
  const { settings } = invocation
  const foreseen = settings.isOn('explain') ? await import('./foreseen.js') : undefined
  foreseen?.checkForeseeable(settings)
  const prepared = await prepare(invocation, true)
  const { request, hands, conduct } = prepared
  const ahead = await foreseen?.foreseeMap(settings, prepared).catch(async error => {
    await conduct.close()
    throw error
  })
  if (ahead !== undefined && 'exitCode' in ahead) {
    await conduct.close()
    return ahead.exitCode
  }
  // The output comes last: a job that cannot start leaves no file behind.
  const output = await outputOf(settings).catch(async error => {
    await conduct.close()
    throw error
  })
  const { exitCode } = await conductJob({
    ...conduct,
    start: watch => ahead?.run(watch, output) ?? hands.run({ ...request, ...watch, operation: 'map', output }),
    kept: () => keptOf(settings),
  })
  return exitCode
}
