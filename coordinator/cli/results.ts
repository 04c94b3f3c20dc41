// Where a job's values go, as the command line says it: --output, --output-format, --tagged. In: settings. Out: an Output.
import type { Output } from '../output/output.js'
import { attempt } from './job.js'
import type { Settings } from './settings.js'

export const outputOf = async (settings: Settings): Promise<Output> => {
  const { openOutput } = await import('../output/open.js')
  const format = settings.get('outputFormat')
  const options = { ...(format === undefined ? {} : { format }), tagged: settings.isOn('tagged') }
  return attempt(() => openOutput({ file: settings.get('output') ?? '-', ...options }), 'MH-OUTPUT')
}

/** What a job that did not end well leaves behind, in a sentence. */
export const keptOf = (settings: Settings): string | undefined => {
  const file = settings.get('output')
  if (file === undefined || file === '-') return undefined
  return `${file} was not written; what was settled is kept in ${file}.part.`
}
