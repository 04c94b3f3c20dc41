// What commands do with a daemon's jobs at once: list and describe, cancel, resume, forget. In: a Desk, which jobs. Out: a line each,
// or one JSON value, on standard output. Always true: the jobs are gone through in the order in which they were named; the first that
// the daemon refuses ends it, and what was done before is told.
import type { Desk, JobView } from '../../serve/desk.js'
import type { Command } from '../command.js'
import { EXIT } from '../fault.js'
import type { Settings } from '../settings.js'
import { hasEnded } from './end.js'
import { withDesk } from './open.js'
import { selectorOf } from './operands.js'
import { selectJobs } from './select.js'
import { processSpeech, proposal, type Speech } from './speech.js'
import { detailJson, detailText, jobsTable, viewJson } from './view.js'

const writeJson = ({ stdout }: Speech, value: unknown): void => {
  stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}

/** All of them; or those that are named, with all that is known of each. */
export const listOn = async (
  desk: Desk,
  settings: Settings,
  operands: readonly string[],
  speech: Speech,
): Promise<number> => {
  const all = await desk.jobs()
  const isJson = settings.isOn('json')
  if (operands.length === 0) {
    if (isJson) writeJson(speech, all.map(viewJson))
    else speech.stdout.write(all.length === 0 ? 'the daemon has no job\n' : jobsTable(all))
    return EXIT.done
  }
  const details = []
  for (const { id } of selectJobs(selectorOf(operands), all)) details.push(await desk.describe(id))
  if (isJson) writeJson(speech, details.map(detailJson))
  else speech.stdout.write(details.map(detailText).join('\n'))
  return EXIT.done
}

/** Does one thing with each, and says what came of it. */
const each = async (
  { desk, settings, speech }: { readonly desk: Desk; readonly settings: Settings; readonly speech: Speech },
  selector: string,
  act: (job: JobView) => Promise<{ readonly line: string; readonly value: unknown }>,
): Promise<number> => {
  const isJson = settings.isOn('json')
  const done: unknown[] = []
  try {
    for (const job of selectJobs(selector, await desk.jobs())) {
      const { line, value } = await act(job)
      done.push(value)
      if (!isJson) speech.stdout.write(`${line}\n`)
    }
  } finally {
    if (isJson) writeJson(speech, done)
  }
  return EXIT.done
}

const titleOf = ({ number, name }: JobView): string => `job ${number}, ${name},`

export const cancelOn = (desk: Desk, settings: Settings, selector: string, speech: Speech): Promise<number> =>
  each({ desk, settings, speech }, selector, async job => {
    const view = await desk.cancel(job.id, settings.get('reason') ?? '')
    const line = hasEnded(job)
      ? `${titleOf(view)} had ended before: ${view.state}`
      : `${titleOf(view)} is cancelled; ${proposal(settings, 'resume', view)} goes on with it`
    return { line, value: viewJson(view) }
  })

export const resumeOn = (desk: Desk, settings: Settings, selector: string, speech: Speech): Promise<number> =>
  each({ desk, settings, speech }, selector, async job => {
    const view = await desk.resume(job.id)
    const line = hasEnded(job) ? 'goes on' : 'had not ended'
    return { line: `${titleOf(view)} ${line}: ${proposal(settings, 'watch', view)}`, value: viewJson(view) }
  })

export const forgetOn = (desk: Desk, settings: Settings, selector: string, speech: Speech): Promise<number> =>
  each({ desk, settings, speech }, selector, async job => {
    await desk.forget(job.id)
    return { line: `${titleOf(job)} is forgotten`, value: viewJson(job) }
  })

type Act = (desk: Desk, settings: Settings, selector: string, speech: Speech) => Promise<number>

const command =
  (act: Act, otherwise?: string): Command =>
  async ({ settings, operands }) => {
    const selector = selectorOf(operands, otherwise)
    return withDesk(settings, desk => act(desk, settings, selector, processSpeech()))
  }

export const remoteCancel = command(cancelOn)
export const remoteResume = command(resumeOn, 'last')
export const forget = command(forgetOn)
export const remoteJobs: Command = ({ settings, operands }) =>
  withDesk(settings, desk => listOn(desk, settings, operands, processSpeech()))
