// What is remembered from job to job of what handing work over costs, as the command line says where. In: settings, the end of a
// job. Out: the file of costs, brought up to date. Always true: nobody fails for it.
import { defaultSlots } from '../../agent/slots.js'
import type { RunnerName } from '../../proto/shard.js'
import { type CostsOptions, functionKey, readCosts, remember } from '../costs.js'
import type { JobFunction } from '../function/function.js'
import type { JobEnd } from '../job.js'
import { withJob } from '../learn.js'
import { measuredStart, recallStartSeconds } from '../start-costs.js'
import type { Settings } from './settings.js'

let cores: number | undefined

export const costsOptionsOf = (settings: Settings): CostsOptions => {
  cores ??= defaultSlots().allowed
  return { cores, file: settings.get('costs') }
}

/** What a job told of costs is there for the next one. */
export const rememberJob = async (settings: Settings, fn: JobFunction, { receipt }: JobEnd): Promise<void> => {
  const { runner } = fn
  const ended = { receipt, runner, key: functionKey(fn), startSeconds: measuredStart(runner) }
  await remember(costsOptionsOf(settings), costs => withJob(costs, ended))
}

/** What the start of a worker took before is known to a job that has started none yet. */
export const recallStart = async (settings: Settings, runner: RunnerName): Promise<void> => {
  const known = (await readCosts(costsOptionsOf(settings))).local[runner]
  if (known !== undefined) recallStartSeconds(runner, known.startSeconds)
}
