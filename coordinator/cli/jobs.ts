// `manyhands jobs`: what can be gone on with. In: the folders of this machine's jobs. Out: a line each, or JSON.
import { hostname } from 'node:os'
import { JobFolder } from '../durable/job-folder.js'
import type { Command } from './command.js'
import { EXIT, Fault } from './fault.js'
import { formatCount, plural } from './figures.js'
import { jobsFolderOf } from './job-selector.js'
import { hasEnded } from './kept-job.js'
import { isRemote } from './remote/open.js'
import type { Settings } from './settings.js'

/** One job as programs read it. */
interface JobLine {
  readonly name: string
  /** `whole`: its output is, but for items that failed. */
  readonly state: 'running' | 'ended' | 'whole'
  /** Of the process that has it. */
  readonly pid?: number
  readonly host?: string
  /** Items whose outcomes are written, as of its newest checkpoint. */
  readonly items_written: number
  readonly items_failed: number
  readonly items: number | null
  readonly output: string
  readonly folder: string
  readonly asked: string
}

const lineOf = async (folder: JobFolder): Promise<JobLine> => {
  const { name, count, options, cwd, asked } = folder.record
  const [owner, checkpoint, isWhole] = await Promise.all([folder.owner(), folder.checkpoint(), hasEnded(folder)])
  return {
    name,
    state: owner !== undefined ? 'running' : isWhole ? 'whole' : 'ended',
    ...(owner && { pid: owner.pid, host: owner.host }),
    items_written: (checkpoint?.written ?? []).reduce((items, { start, end }) => items + end - start, 0),
    items_failed: checkpoint?.failed ?? 0,
    items: count,
    output: options['output'] ?? '-',
    folder: cwd,
    asked,
  }
}

const textOf = ({
  name,
  state,
  pid,
  host,
  items_written,
  items_failed,
  items,
  output,
  folder,
  asked,
}: JobLine): string => {
  const of =
    items === null ? plural(items_written, 'item') : `${formatCount(items_written)} of ${plural(items, 'item')}`
  const failed = items_failed > 0 ? `, ${formatCount(items_failed)} of them failed` : ''
  const who = {
    running: `runs as process ${pid}${host === hostname() ? '' : ` of ${host}`}`,
    ended: `ended before its last item: manyhands resume ${name}`,
    whole: `has items that failed: manyhands resume ${name} --retry-failed`,
  }[state]
  return `${name}  ${who}\n  ${of} written to ${output} in ${folder}${failed}; asked for at ${asked}\n`
}

const listJobs = async (settings: Settings): Promise<JobLine[]> => {
  const folders = await JobFolder.list(jobsFolderOf(settings))
  // One that ends in this moment is in the list no more.
  const lines = await Promise.all(folders.map(folder => lineOf(folder).catch(() => undefined)))
  return lines.filter(line => line !== undefined)
}

export const jobs: Command = async invocation => {
  const { settings, operands } = invocation
  if (isRemote(settings)) return (await import('./remote/jobs.js')).remoteJobs(invocation)
  if (operands.length > 0)
    throw new Fault('MH-USAGE-VALUE', `jobs ${operands.join(' ')}: only those of a daemon are shown one by one`)
  const lines = await listJobs(settings)
  if (settings.isOn('json')) process.stdout.write(`${JSON.stringify(lines, undefined, 2)}\n`)
  else if (lines.length === 0) process.stdout.write('no job of this machine waits to be gone on with\n')
  else for (const line of lines) process.stdout.write(textOf(line))
  return EXIT.done
}
