// Where a job's values go, as the command line says it: --output, --output-format, --tagged. In: settings. Out: an Output,
// and what to say of it when the job did not end well.
import { existsSync, realpathSync } from 'node:fs'
import type { JobEnd } from '../job.js'
import type { Output, OutputPoint } from '../output/output.js'
import { Fault, messageOf } from './fault.js'
import type { Settings } from './settings.js'

/** `from`: an earlier process has written so far. */
export const outputOf = async (settings: Settings, from?: OutputPoint): Promise<Output> => {
  const { openOutput } = await import('../output/open.js')
  const format = settings.get('outputFormat')
  const how = { tagged: settings.isOn('tagged'), unordered: settings.isOn('unordered'), from }
  try {
    return await openOutput(settings.get('output') ?? '-', format === undefined ? how : { ...how, format })
  } catch (error) {
    // What cannot be written so is a matter of usage; a file that cannot be written is not.
    const code = error instanceof TypeError ? 'MH-USAGE-VALUE' : 'MH-OUTPUT'
    throw new Fault(code, `${settings.at('output')}: ${messageOf(error)}`, undefined, error)
  }
}

/** Where a file is written until it is whole. A link keeps pointing to its file: the part lies beside that. */
export const partOf = (file: string): string => `${existsSync(file) ? realpathSync(file) : file}.part`

/** What a job that did not end well left behind, in a sentence. */
export const keptOf = (settings: Settings, end: JobEnd): string | undefined => {
  if (end.state === 'done') return undefined
  const file = settings.get('output')
  if (file === undefined || file === '-') return undefined
  const part = partOf(file)
  return existsSync(part) ? `${file} was not written; what was settled is kept in ${part}.` : undefined
}
