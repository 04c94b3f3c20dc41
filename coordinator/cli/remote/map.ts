// `manyhands map --coordinator`: a map that a daemon runs while this command waits. In: as of map. Out: as of map, byte by byte; Ctrl-C
// leaves the job to the daemon. Always true: a job whose output is whole is forgotten by the daemon; of one that has ended otherwise
// or was left it has everything still.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Desk, JobDetail, JobView } from '../../serve/desk.js'
import type { Command } from '../command.js'
import { EXIT, messageOf } from '../fault.js'
import { checkFiles, receiptFileOf } from '../job.js'
import { keptOf, outputOf } from '../results.js'
import type { Settings } from '../settings.js'
import { type Asked, askedOf } from './asked.js'
import { deliver, discard } from './deliver.js'
import { endOf, sayEnd } from './end.js'
import { onLeave } from './follow.js'
import { withDesk } from './open.js'
import { processSpeech, proposal, proposals, type Speech } from './speech.js'
import { handOver, openRemoteProgress } from './submit.js'

const sayLeft = (settings: Settings, view: JobView, { stderr }: Speech): void => {
  stderr.write(
    `job ${view.number}, ${view.name}, goes on without this command: the daemon has it [MH-INTERRUPTED]\n${proposals(settings, view)}`,
  )
}

// After `| head` the user has the prompt again within this.
const HANGUP_SECONDS = 3

/** Nobody reads its results, and nobody was told its number. */
const giveUp = async (desk: Desk, { id }: JobView): Promise<void> => {
  const given = desk.cancel(id, 'the reader of its results went away').then(() => desk.forget(id))
  await Promise.race([given.catch(() => {}), sleep(HANGUP_SECONDS * 1000, undefined, { ref: false })])
}

const forget = async (desk: Desk, settings: Settings, view: JobView, { stderr }: Speech): Promise<void> => {
  try {
    await desk.forget(view.id)
  } catch (error) {
    const later = proposal(settings, 'forget', view)
    stderr.write(`manyhands: the daemon has job ${view.number} still: ${messageOf(error)}; later: ${later}\n`)
  }
}

const keptText = (settings: Settings, detail: JobDetail): string | undefined => {
  const { view } = detail
  if (view.state === 'done') return undefined
  const goesOn = `${proposal(settings, 'resume', view)} goes on with it, ${proposal(settings, 'forget', view)} gives it up.`
  // As of a local job, whose account it is not.
  const { state } = endOf(detail)
  return [keptOf(settings, { state }), goesOn].filter(Boolean).join(' ')
}

export const mapOn = async (desk: Desk, settings: Settings, asked: Asked, speech: Speech): Promise<number> => {
  const receiptFile = receiptFileOf(settings)
  const leaving = onLeave()
  const progress = await openRemoteProgress(settings, asked.job.name, speech)
  try {
    // Before the job is: what cannot be written need not be computed.
    const output = await outputOf(settings)
    const view = await handOver(desk, asked, leaving, progress).catch(async error => {
      await discard(settings, output)
      throw error
    })
    const delivered = await deliver({ desk, settings, job: view, output, leaving, progress, speech })
    if (delivered.how !== 'ended') {
      if (delivered.how === 'left') sayLeft(settings, view, speech)
      else await giveUp(desk, view)
      return delivered.how === 'left' ? EXIT.interrupted : EXIT.done
    }
    const { detail } = delivered
    if (detail.view.state === 'done') await forget(desk, settings, view, speech)
    const { quiet, verbose, tagged, json } = flagsOf(settings)
    const kept = keptText(settings, detail)
    const requirements = settings.get('require')
    return sayEnd(detail, { quiet, verbose, tagged, json, kept, requirements, receiptFile }, speech)
  } finally {
    progress.stop()
    leaving.stop()
  }
}

export const flagsOf = (settings: Settings) => ({
  quiet: settings.isOn('quiet'),
  verbose: settings.isOn('verbose'),
  tagged: settings.isOn('tagged'),
  json: settings.isOn('json'),
})

export const remoteMap: Command = async invocation => {
  const { settings } = invocation
  checkFiles(settings)
  const asked = await askedOf(invocation)
  try {
    return await withDesk(settings, desk => mapOn(desk, settings, asked, processSpeech()))
  } finally {
    await asked.close()
  }
}
