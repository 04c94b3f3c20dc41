// `manyhands submit`: a map that a daemon runs, and nobody waits for. In: as of map. Out: the job's id on standard output. Always
// true: once it is printed the job needs this command no more; interrupted before, the daemon has nothing of it.
import { monotonicSeconds } from '../../../proto/timing.js'
import type { AskedPart, Desk, JobView } from '../../serve/desk.js'
import type { Command } from '../command.js'
import { EXIT, Fault } from '../fault.js'
import { formatBytes } from '../figures.js'
import { openProgress, type ProgressLine } from '../progress.js'
import type { Settings } from '../settings.js'
import { type Asked, askedOf } from './asked.js'
import { type Leaving, onLeave } from './follow.js'
import { withDesk } from './open.js'
import { processSpeech, proposals, type Speech } from './speech.js'
import { viewJson } from './view.js'

const sending = (bytes: number): string => `the input is being sent (${formatBytes(bytes)})`

/** Hands the job over. */
export const handOver = async (
  desk: Desk,
  asked: Asked,
  leaving: Leaving,
  progress: ProgressLine,
): Promise<JobView> => {
  const beganAt = monotonicSeconds()
  const none = { settled: 0, failed: 0, total: undefined, slots: 0, agents: 0 }
  const onSent = (bytes: number): void =>
    progress.update({ ...none, wallSeconds: monotonicSeconds() - beganAt, waiting: sending(bytes) })
  let unread: unknown
  async function* parts(): AsyncGenerator<AskedPart> {
    try {
      yield* asked.parts(leaving.signal, onSent)
    } catch (error) {
      unread = error
      throw error
    }
  }
  try {
    return await desk.submit(asked.job, parts())
  } catch (error) {
    if (leaving.signal.aborted)
      throw new Fault('MH-INTERRUPTED', 'interrupted before the job was submitted: the daemon has nothing of it')
    // What could not be read is told, not what the daemon made of it.
    throw unread ?? error
  }
}

export const openRemoteProgress = (settings: Settings, name: string, { stderr, stdout, env }: Speech) =>
  openProgress({
    name,
    stream: stderr,
    quiet: settings.isOn('quiet'),
    clock: monotonicSeconds,
    env,
    isShared: (settings.get('output') ?? '-') === '-' && stdout === process.stdout && process.stdout.isTTY,
  })

export const submitTo = async (desk: Desk, settings: Settings, asked: Asked, speech: Speech): Promise<number> => {
  const leaving = onLeave()
  const progress = await openRemoteProgress(settings, asked.job.name, speech)
  try {
    const view = await handOver(desk, asked, leaving, progress)
    progress.stop()
    const isJson = settings.isOn('json')
    speech.stdout.write(isJson ? `${JSON.stringify(viewJson(view), undefined, 2)}\n` : `${view.id}\n`)
    if (!settings.isOn('quiet'))
      speech.stderr.write(`job ${view.number}, ${view.name}, is the daemon's:\n${proposals(settings, view)}`)
    return EXIT.done
  } finally {
    progress.stop()
    leaving.stop()
  }
}

export const submit: Command = async invocation => {
  const { settings } = invocation
  const asked = await askedOf(invocation)
  try {
    return await withDesk(settings, desk => submitTo(desk, settings, asked, processSpeech()))
  } finally {
    await asked.close()
  }
}
