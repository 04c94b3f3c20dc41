// `manyhands resume JOB --retry-failed`: runs the items of a whole output again that have failed, and puts their outcomes in
// their places. In: a job that has ended, taken. Out: as of map. Always true: the output stays as it is until it is whole again;
// interrupted, the same items are run again by the next try.
import type { Checkpoint } from '../durable/checkpoint.js'
import type { JobFolder } from '../durable/job-folder.js'
import { PickedInput, placedEnd, RetryOutput } from '../durable/retry.js'
import { fileMark } from '../output/file.js'
import { openMergedOutput } from '../output/open.js'
import { conductJob } from './conduct.js'
import { Fault, messageOf } from './fault.js'
import type { Prepared } from './prepare.js'
import { keptOf } from './results.js'
import type { Settings } from './settings.js'

const openOutput = async (settings: Settings, from: Checkpoint, places: Float64Array) => {
  const path = settings.get('output') as string
  const tagged = settings.isOn('tagged')
  const unordered = settings.isOn('unordered')
  const format = settings.get('outputFormat')
  try {
    return await openMergedOutput(path, { tagged, unordered, format, state: from.output.format, anew: places })
  } catch (error) {
    throw new Fault('MH-OUTPUT', `${settings.at('output')}: ${messageOf(error)}`, undefined, error)
  }
}

export const retryFailed = async (
  settings: Settings,
  { request, hands, conduct }: Prepared,
  folder: JobFolder,
  from: Checkpoint,
): Promise<number> => {
  const places = await folder.failedItems(from)
  const merged = await openOutput(settings, from, places).catch(async error => {
    await conduct.close()
    throw error
  })
  const output = new RetryOutput(merged.output, places)
  const input = new PickedInput(request.input, places)
  const { exitCode, end } = await conductJob({
    ...conduct,
    total: places.length,
    start: async watch => placedEnd(await hands.run({ ...request, ...watch, input, operation: 'map', output }), places),
    kept: end => keptOf(settings, end),
  })
  if (end?.state !== 'done') return exitCode
  const path = settings.get('output') as string
  if (output.failed.length === 0) await folder.remove()
  else
    await folder.replaceFailed(
      {
        ...from,
        output: { ...from.output, file: (await fileMark(path)) ?? '', format: merged.state() },
        failed: end.failed,
        failures: end.failures,
      },
      output.failed,
    )
  return exitCode
}
