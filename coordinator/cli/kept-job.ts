// A map that a later process can go on with, as the command line asks for it: what is written down of it, and what becomes of
// that when it ends. In: settings, a prepared job. Out: the job's folder, taken; its end. Always true: a job that cannot be
// gone on with, because its input or output cannot be read or written a second time, is refused when --job asks for it.
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { toToken } from '../../proto/subjects.js'
import type { Checkpoint, Durable } from '../durable/checkpoint.js'
import { type Fingerprint, fingerprintOfFile, fingerprintOfPaths } from '../durable/fingerprint.js'
import { JobFolder } from '../durable/job-folder.js'
import type { JobEnd } from '../job.js'
import { fileMark, partOf } from '../output/file.js'
import { Fault, messageOf } from './fault.js'
import { jobsFolderOf } from './job-selector.js'
import { OPTION_KEYS, type OptionKey, optionsOf } from './options.js'
import type { Prepared } from './prepare.js'
import type { Settings } from './settings.js'

/** What is said of a job that is not the job: how it is spoken of, where it is written down, what its code was made from. */
const NOT_THE_JOB: readonly OptionKey[] = [
  'job',
  'state',
  'explain',
  'require',
  'quiet',
  'json',
  'receipt',
  'costs',
  'verbose',
  'init',
  'shared',
  'shell',
]

/** The input as it is now; null where its options say all. */
export const fingerprintOf = async (settings: Settings): Promise<Fingerprint | null | undefined> => {
  const pattern = settings.get('glob')
  if (pattern !== undefined) return fingerprintOfPaths(await (await import('../input/glob.js')).pathsOf(pattern))
  const file = settings.get('input')
  if (file === undefined) return null
  return file === '-' ? undefined : fingerprintOfFile(file)
}

/** Why the job could not be gone on with; undefined when it could. */
const obstacle = async (settings: Settings): Promise<string | undefined> => {
  const output = settings.get('output')
  if (output === undefined || output === '-')
    return 'standard output cannot be taken back to where the job was: give --output FILE'
  const there = await stat(output).catch(() => undefined)
  if (there !== undefined && !there.isFile())
    return `${output} is no file, and cannot be taken back to where the job was`
  if (settings.get('place') === 'inline')
    return 'with --place inline the command itself is the only worker: give --place local'
  if (settings.isOn('explain')) return '--explain runs a part of the items before the job begins'
  if (settings.get('input') === '-') return 'standard input cannot be read a second time: give --input FILE'
  return undefined
}

/** A job that this process has. */
export interface KeptJob {
  readonly folder: JobFolder
  readonly owner: number
  readonly from?: Checkpoint | undefined
}

export const durableOf = ({ folder, owner, from }: KeptJob): Durable => ({
  job: folder.record.job,
  owner,
  from,
  save: (checkpoint, failed) => folder.save(checkpoint, failed),
})

/** Whether the job is to be written down: where --job asks for it, and on a cluster wherever it can be. */
export const isKept = async (settings: Settings): Promise<boolean> => {
  const asked = settings.has('job')
  if (!asked && !(settings.has('nats') && settings.get('place') !== 'local')) return false
  const why = await obstacle(settings)
  if (why === undefined) return true
  if (asked) throw new Fault('MH-USAGE-CONFLICT', `a job with ${settings.at('job')} is to be gone on with: ${why}`)
  return false
}

const optionsToKeep = (settings: Settings): Record<string, string> => {
  const texts: Record<string, string> = {}
  for (const key of optionsOf('map')) {
    const text = settings.text(key)
    if (text === undefined || NOT_THE_JOB.includes(key)) continue
    // Secrets are written down nowhere: who goes on says the server again.
    if (key === 'nats' && text.includes('@')) continue
    texts[key] = text
  }
  return texts
}

/** So many jobs are remembered that have ended, for the sake of their failed items. */
const MOST_ENDED = 20

/** Forgets the job of this name where it has ended, and the oldest of the others that have. */
const makeRoom = async (jobs: string, name: string): Promise<void> => {
  await JobFolder.sweep(jobs)
  const ended: JobFolder[] = []
  for (const folder of await JobFolder.list(jobs)) if (await hasEnded(folder)) ended.push(folder)
  for (const [nth, folder] of ended.entries())
    if (nth >= MOST_ENDED || folder.record.name === name) await folder.remove()
}

/** Whoever types the same line again may not know that there is something to go on with. */
const sayEarlier = async (jobs: string, { record }: JobFolder): Promise<void> => {
  for (const folder of await JobFolder.list(jobs)) {
    const { name, cwd, options } = folder.record
    const isSame = cwd === record.cwd && options['output'] === record.options['output'] && name !== record.name
    if (!isSame || (await folder.owner().catch(() => undefined)) !== undefined || (await hasEnded(folder))) continue
    process.stderr.write(
      `manyhands: ${name}, an earlier job into the same output, has not ended: manyhands resume ${name} goes on with it\n`,
    )
    return
  }
}

/** Writes the job down. Call isKept before. */
export const keepJob = async (settings: Settings, { request, keepReports }: Prepared): Promise<KeptJob | undefined> => {
  const { function: fn, shared, input } = request
  const fingerprint = await fingerprintOf(settings)
  if (fingerprint === undefined) {
    if (!settings.has('job')) return undefined
    throw new Fault(
      'MH-USAGE-CONFLICT',
      `a job with ${settings.at('job')} is to be gone on with: ${settings.get('input')} is no file, and cannot be read a second time`,
    )
  }
  const own = toToken(fn.name).slice(0, 24)
  const name = settings.get('job') ?? `${/^[A-Za-z0-9]/.test(own) ? own : 'job'}-${randomUUID().slice(0, 4)}`
  const jobs = jobsFolderOf(settings)
  const asked = {
    name,
    job: `${Date.now().toString(36)}-${randomUUID().slice(0, 8)}-${own}`,
    cwd: process.cwd(),
    options: optionsToKeep(settings),
    function: fn,
    shared,
    input: fingerprint,
    count: input.count ?? null,
  }
  const folder = await makeRoom(jobs, name)
    .then(() => JobFolder.create(jobs, asked))
    .catch(error => {
      if (!settings.has('job')) {
        process.stderr.write(
          `manyhands: the job cannot be written down in ${jobs}, nor gone on with: ${messageOf(error)}\n`,
        )
        return null
      }
      throw new Fault(
        'MH-JOB-NAME',
        `the job cannot be written down in ${jobs}: ${messageOf(error)}`,
        'Give another folder with --state FOLDER.',
        error,
      )
    })
  if (folder === null) return undefined
  if (folder === undefined)
    throw new Fault(
      'MH-JOB-NAME',
      `there is a job ${name} already, which has not ended`,
      `manyhands resume ${name} goes on with it; manyhands cancel ${name} gives it up.`,
    )
  if (!settings.has('job')) await sayEarlier(jobs, folder)
  keepReports(folder.record.job, folder.reports)
  return { folder, owner: await folder.take() }
}

/** Its output is whole; what is kept of it is which items have failed. */
export const hasEnded = async (folder: JobFolder): Promise<boolean> => {
  // A damaged one is told of when it is asked for.
  const checkpoint = await folder.checkpoint().catch(() => undefined)
  const { options, cwd } = folder.record
  const output = resolve(cwd, options['output'] ?? '')
  return (await isComplete(folder, checkpoint, output)) && (await folder.owner().catch(() => undefined)) === undefined
}

/** The last process was ended after it gave the output its name: that is the file that it wrote. */
export const isComplete = async (folder: JobFolder, from: Checkpoint | undefined, output: string): Promise<boolean> =>
  from?.isWhole === true &&
  !existsSync(partOf(output, folder.record.name)) &&
  (await fileMark(output)) === from.output.file

const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/** What to say anew, so that a job does not end at once as it did. */
const anew = (settings: Settings, end: JobEnd): string => {
  if (end.state !== 'stopped') return ''
  return settings.get('onError') === 'stop' ? ' --on-error collect' : ' --max-failures N'
}

/** What can be done about what is missing. */
export const resumeHint = ({ folder }: KeptJob, settings: Settings, end: JobEnd): string | undefined => {
  const state = settings.origin('state')?.rank === 'flag' ? ` --state ${quoted(settings.get('state') ?? '')}` : ''
  const command = `manyhands resume ${folder.record.name}${state}`
  if (end.state !== 'done') return `${command}${anew(settings, end)} goes on with it.`
  return end.failed > 0 ? `${command} --retry-failed runs what failed again.` : undefined
}

/** The job has ended, or cannot be begun: of one that is done nothing is kept but which items have failed. */
export const letGo = async ({ folder, owner }: KeptJob, end: JobEnd | undefined): Promise<void> => {
  if (end?.state === 'done' && end.failed === 0) await folder.remove()
  else await folder.leave(owner)
}

export const isMapOption = (key: string): key is OptionKey => (OPTION_KEYS as readonly string[]).includes(key)
