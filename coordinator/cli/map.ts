// `manyhands map`: a function, or a command, called once for each item. In: where items come from, where values go.
// Out: the values in the output, the verdict on standard error, an exit code.
import type { Command } from './command.js'
import { conductJob } from './conduct.js'
import type { Foreseeing } from './foreseen.js'
import type { KeptJob } from './kept-job.js'
import { type Prepared, prepare } from './prepare.js'
import { isRemote, refuseElsewhere } from './remote/open.js'
import { keptOf, outputOf } from './results.js'
import type { Settings } from './settings.js'

export const map: Command = async invocation => {
  const { settings } = invocation
  if (settings.has('coordinator') && isRemote(settings)) return (await import('./remote/map.js')).remoteMap(invocation)
  refuseElsewhere(settings, ['name'])
  const foreseen = settings.isOn('explain') ? await import('./foreseen.js') : undefined
  foreseen?.checkForeseeable(settings)
  const keeping = settings.has('job') || settings.has('nats') ? await import('./kept-job.js') : undefined
  const isKept = (await keeping?.isKept(settings)) ?? false
  const prepared = await prepare(invocation, true)
  const closed = async (error: unknown): Promise<never> => {
    await prepared.conduct.close()
    throw error
  }
  const ahead = await foreseen?.foreseeMap(settings, prepared).catch(closed)
  if (ahead !== undefined && 'exitCode' in ahead) {
    await prepared.conduct.close()
    return ahead.exitCode
  }
  const kept = isKept ? await keeping?.keepJob(settings, prepared).catch(closed) : undefined
  return runMap(settings, prepared, kept, ahead)
}

/** Runs what was prepared; `kept`: a later process can go on with it, or this one does. */
export const runMap = async (
  settings: Settings,
  { request, hands, conduct }: Prepared,
  kept: KeptJob | undefined,
  ahead?: Exclude<Foreseeing, { readonly exitCode: number }>,
): Promise<number> => {
  const keeping = kept && (await import('./kept-job.js'))
  const durable = kept && keeping?.durableOf(kept)
  // The output comes last: a job that cannot start leaves no file behind.
  const output = await outputOf(settings, { owner: kept?.folder.record.name, from: kept?.from?.output }).catch(
    async error => {
      await conduct.close()
      // What has just begun has nothing to go on with.
      if (kept?.owner === 1) await kept.folder.remove()
      throw error
    },
  )
  const { exitCode, end } = await conductJob({
    ...conduct,
    start: watch =>
      ahead?.run(watch, output) ??
      hands.run({ ...request, ...watch, operation: 'map', output, ...(durable && { durable }) }),
    kept: end =>
      [keptOf(settings, end, kept?.folder.record.name), kept && keeping?.resumeHint(kept, settings, end)]
        .filter(Boolean)
        .join(' ') || undefined,
  })
  if (kept !== undefined) await keeping?.letGo(kept, end)
  return exitCode
}
