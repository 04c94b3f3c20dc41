// What is remembered from job to job of what handing work over costs, as the command line says where. In: settings, the end of a
// job. Out: the file of costs, brought up to date. Always true: nobody fails for it.
import { defaultSlots } from '../../agent/slots.js'
import { type CostsOptions, functionKey, remember } from '../costs.js'
import type { JobFunction } from '../function/function.js'
import type { JobEnd } from '../job.js'
import { withJob } from '../learn.js'
import type { Settings } from './settings.js'

export const costsOptionsOf = (settings: Settings): CostsOptions => ({
  cores: defaultSlots().allowed,
  file: settings.get('costs'),
})

/** What a job told of costs is there for the next one. */
export const rememberJob = async (settings: Settings, fn: JobFunction, { receipt }: JobEnd): Promise<void> => {
  await remember(costsOptionsOf(settings), costs => withJob(costs, receipt, fn.runner, functionKey(fn)))
}
