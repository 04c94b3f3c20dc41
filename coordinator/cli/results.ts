// Where a job's values go, as the command line says it: --output, --output-format, --tagged. In: settings. Out: an Output,
// and what to say of it when the job did not end well.
import { existsSync } from 'node:fs'
import type { JobEnd } from '../job.js'
import { type FileOptions, partOf } from '../output/file.js'
import type { Output } from '../output/output.js'
import { Fault, messageOf } from './fault.js'
import type { Settings } from './settings.js'

export const outputOf = async (settings: Settings, file: FileOptions = {}): Promise<Output> => {
  const { openOutput } = await import('../output/open.js')
  const format = settings.get('outputFormat')
  const how = { tagged: settings.isOn('tagged'), unordered: settings.isOn('unordered'), ...file }
  try {
    return await openOutput(settings.get('output') ?? '-', format === undefined ? how : { ...how, format })
  } catch (error) {
    // What cannot be written so is a matter of usage; a file that cannot be written is not.
    const code = error instanceof TypeError ? 'MH-USAGE-VALUE' : 'MH-OUTPUT'
    throw new Fault(code, `${settings.at('output')}: ${messageOf(error)}`, undefined, error)
  }
}

/** What a job that did not end well left behind, in a sentence. */
export const keptOf = (settings: Settings, end: Pick<JobEnd, 'state'>, owner?: string): string | undefined => {
  if (end.state === 'done') return undefined
  const file = settings.get('output')
  if (file === undefined || file === '-') return undefined
  const part = partOf(file, owner)
  return existsSync(part) ? `${file} was not written; what was settled is kept in ${part}.` : undefined
}
