// Which of this machine's jobs is meant, as people say it: a name, the beginning of one, `last`. In: settings, a selector.
// Out: its folder. Always true: what names no job, or several, is an error that lists those there are.
import { isAbsolute, join, resolve } from 'node:path'
import { homeFolder } from '../../proto/home.js'
import { JobFolder } from '../durable/job-folder.js'
import { Fault } from './fault.js'
import type { Settings } from './settings.js'

/** Where jobs are written down. */
export const jobsFolderOf = (settings: Settings, env: NodeJS.ProcessEnv = process.env): string => {
  const named = settings.get('state')
  if (named !== undefined) return resolve(named)
  const state = env['XDG_STATE_HOME']
  // The XDG rules: a relative path is to be ignored.
  const folder = state && isAbsolute(state) ? state : join(env['HOME'] || homeFolder(), '.local', 'state')
  return join(folder, 'manyhands', 'jobs')
}

const MOST_LISTED = 10

const there = (all: readonly JobFolder[]): string => {
  if (all.length === 0) return 'There is none: map --job NAME makes one, and so does map --nats URL --output FILE.'
  const names = all.map(({ record }) => record.name)
  const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more (manyhands jobs)` : ''
  return `There are: ${names.slice(0, MOST_LISTED).join(', ')}${more}.`
}

export const selectJob = async (settings: Settings, selector = 'last'): Promise<JobFolder> => {
  const jobs = jobsFolderOf(settings)
  const all = await JobFolder.list(jobs)
  // Its error says more than that it is not in the list.
  const exact = all.find(({ record }) => record.name === selector) ?? (await JobFolder.open(jobs, selector))
  if (exact !== undefined) return exact
  const [newest] = all
  if (selector === 'last' && newest !== undefined) return newest
  const begin = all.filter(({ record }) => record.name.startsWith(selector))
  const [only] = begin
  if (only !== undefined && begin.length === 1) return only
  if (begin.length > 1)
    throw new Fault('MH-JOB-UNKNOWN', `${selector} is the beginning of more than one job's name`, there(begin))
  const what = selector === 'last' ? 'there is no job to go on with' : `there is no job ${selector}`
  throw new Fault('MH-JOB-UNKNOWN', what, there(all))
}

/** From now on this process has the job. */
export const takeJob = async (folder: JobFolder): Promise<number> => {
  try {
    return await folder.take()
  } catch (error) {
    // Whoever had it has let it go meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Fault('MH-JOB-UNKNOWN', `the job ${folder.record.name} has just ended`, undefined, error)
    throw error
  }
}
