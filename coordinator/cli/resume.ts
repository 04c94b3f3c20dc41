// `manyhands resume`: goes on with a map that was ended before its last item. In: which job. Out: as of map; the output is the
// one that the job would have had. Always true: code and options are those of the job as it was asked for, but for what is said
// anew (of the code only for items that failed); an input that has changed, or a job that another process has, is refused.
import { resolve } from 'node:path'
import type { Checkpoint } from '../durable/checkpoint.js'
import { changeOf } from '../durable/fingerprint.js'
import type { JobFolder } from '../durable/job-folder.js'
import type { Command } from './command.js'
import { EXIT, Fault, messageOf } from './fault.js'
import { formatCount, plural } from './figures.js'
import { functionOf, type Named } from './job.js'
import { selectJob, takeJob } from './job-selector.js'
import { fingerprintOf, isComplete, isMapOption, type KeptJob, letGo } from './kept-job.js'
import { runMap } from './map.js'
import { type OptionKey, optionsOf } from './options.js'
import { type Given, prepare } from './prepare.js'
import { isRemote, refuseHere } from './remote/open.js'
import { type Settings, settle } from './settings.js'

/** The options of the job, those said now in their place. */
const settingsOf = ({ record }: JobFolder, now: Settings): Settings => {
  const flags: Record<string, string> = {}
  for (const [key, text] of Object.entries(record.options)) if (isMapOption(key)) flags[key] = text
  for (const key of optionsOf('resume')) {
    const text = now.text(key)
    if (text === undefined) continue
    // What stands in the environment or a config file is there for new jobs.
    if (now.origin(key)?.rank === 'flag' || flags[key] === undefined) flags[key] = text
  }
  const isNow = (key: OptionKey): boolean => now.origin(key)?.rank === 'flag'
  // What is said now is not held against what was said then.
  if (isNow('maxFailures') && !isNow('onError')) delete flags['onError']
  if (isNow('onError') && !isNow('maxFailures')) delete flags['maxFailures']
  // What is about the agents of a cluster says nothing here.
  if (isNow('place') && now.get('place') === 'local' && !isNow('nats'))
    for (const key of ['nats', 'replicas', 'weight', 'priority', 'maxSlots', 'needs'] as const) delete flags[key]
  // Files that are named now are named from here, the job's from where it began.
  for (const key of ['receipt', 'costs'] as const)
    if (isNow(key) && flags[key] !== 'off') flags[key] = resolve(flags[key] as string)
  return settle('map', { flags, env: {}, files: [] })
}

const enter = ({ record }: JobFolder): void => {
  try {
    process.chdir(record.cwd)
  } catch (error) {
    throw new Fault(
      'MH-JOB-CHANGED',
      `the job ${record.name} began in ${record.cwd}, which cannot be entered: ${messageOf(error)}`,
      undefined,
      error,
    )
  }
}

const checkInput = async ({ record }: JobFolder, settings: Settings): Promise<void> => {
  const where = settings.get('input') ?? settings.get('glob') ?? ''
  const now = await fingerprintOf(settings).catch(error => {
    throw new Fault('MH-JOB-CHANGED', `${where}, the input of ${record.name}: ${messageOf(error)}`, undefined, error)
  })
  if (record.input === null) return
  const change = now ? changeOf(record.input, now) : 'it is no file any more'
  if (change === undefined) return
  throw new Fault(
    'MH-JOB-CHANGED',
    `the input of ${record.name}, ${where}, is not what it was when the job began: ${change}`,
    `Its outcomes would be mixed with those of another input. manyhands cancel ${record.name} gives the job up.`,
  )
}

const sayBeginning = ({ folder, from }: KeptJob, settings: Settings): void => {
  if (settings.isOn('quiet')) return
  const { name, count } = folder.record
  const done = (from?.written ?? []).reduce((items, { start, end }) => items + end - start, 0)
  const of = count === null ? plural(done, 'item') : `${formatCount(done)} of ${plural(count, 'item')}`
  process.stderr.write(`${name}: going on behind ${of} that are written\n`)
}

const wholeText = (name: string, output: string, { failed }: Checkpoint): string => {
  const what =
    failed === 0 ? '' : `; ${plural(failed, 'item')} failed: manyhands resume ${name} --retry-failed runs them again`
  return `${name}: ${output} was whole already${what}\n`
}

/** A function beside the job: its items would be of two functions, but for those that have no value yet. */
const checkMended = (settings: Settings, { operands, rest }: Named): void => {
  const named = rest === undefined ? operands[0] : `-- ${rest.join(' ')}`
  if (named === undefined || settings.isOn('retryFailed')) return
  throw new Fault(
    'MH-USAGE-CONFLICT',
    `a job goes on with its code as it was, and ${named} is given: its items would be of two functions`,
    'Leave it out; with --retry-failed the items that failed are run by it. Another function for all items is another job: manyhands map.',
  )
}

/** The code that runs: the job's as it was, or the mended one that is named now. */
const givenOf = async (folder: JobFolder, mended: Named): Promise<Given> => {
  const shared = await folder.shared()
  const { init, command } = folder.record.function
  const isNamed = mended.operands.length > 0 || mended.rest !== undefined
  // What is said of the function stays as it was; it comes from farther than a flag, because it is not said now.
  const env = {
    ...(init !== undefined && { MANYHANDS_INIT: init }),
    ...(command?.shell && { MANYHANDS_SHELL: 'true' }),
  }
  const fn = isNamed ? await functionOf(settle('map', { flags: {}, env, files: [] }), mended) : await folder.function()
  return { function: fn, ...(shared && { shared }) }
}

/** A daemon goes on with its job as it is. */
const AS_ASKED: readonly OptionKey[] = [
  'slots',
  'timeout',
  'retries',
  'onError',
  'maxFailures',
  'memory',
  'costs',
  'receipt',
]

export const resume: Command = async invocation => {
  const { settings: now, operands, rest } = invocation
  if (isRemote(now)) {
    refuseHere(now, AS_ASKED, 'A job of a daemon goes on as it was asked for.')
    if (rest !== undefined)
      throw new Fault(
        'MH-USAGE-CONFLICT',
        `a job of a daemon goes on as it was asked for, and -- ${rest.join(' ')} is given`,
      )
    return (await import('./remote/jobs.js')).remoteResume(invocation)
  }
  const [selector, ...mended] = operands
  const named = { operands: mended, rest }
  checkMended(now, named)
  const folder = await selectJob(now, selector)
  const { name } = folder.record
  const owner = await takeJob(folder)
  const kept: KeptJob = { folder, owner, from: await folder.checkpoint() }
  try {
    const settings = settingsOf(folder, now)
    // A function that is named now is named from here.
    const given = await givenOf(folder, named)
    enter(folder)
    const output = settings.get('output') as string
    const from = (await isComplete(folder, kept.from, output)) ? kept.from : undefined
    const isRetry = now.isOn('retryFailed')
    if (from === undefined && isRetry)
      throw new Fault(
        'MH-USAGE-CONFLICT',
        `${name} has not ended: --retry-failed runs the failed items of a whole output again`,
        `First: manyhands resume ${name}`,
      )
    if (from !== undefined && (!isRetry || from.failed === 0)) {
      if (from.failed > 0) await letGo(kept, undefined)
      else await folder.remove()
      process.stderr.write(wholeText(name, output, from))
      return from.failed > 0 ? EXIT.someFailed : EXIT.done
    }
    await checkInput(folder, settings)
    const prepared = await prepare({ settings, operands: [], rest: undefined }, true, given)
    if (from !== undefined) {
      const { retryFailed } = await import('./retry.js')
      return await retryFailed(settings, prepared, folder, from).finally(() => letGo(kept, undefined))
    }
    prepared.keepReports(folder.record.job, folder.reports)
    sayBeginning(kept, settings)
    return await runMap(settings, prepared, kept)
  } catch (error) {
    await letGo(kept, undefined)
    throw error
  }
}
