// Where a command for a daemon speaks, and the lines that say what to type next. In: settings. Out: text. Always true: a command
// that is proposed goes to the same daemon as the one that proposes it.
import type { JobView } from '../../serve/desk.js'
import type { Settings } from '../settings.js'
import { table } from './view.js'

export interface Speech {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WriteStream
  readonly env: NodeJS.ProcessEnv
}

export const processSpeech = (): Speech => ({ stdout: process.stdout, stderr: process.stderr, env: process.env })

/** `manyhands watch 12`; with the daemon's address where it is no setting that the next command has anyway. */
export const proposal = (settings: Settings, command: string, { number }: Pick<JobView, 'number'>): string => {
  const isFlag = settings.origin('coordinator')?.rank === 'flag'
  const isOpen = settings.isOn('insecure') && settings.origin('insecure')?.rank === 'flag'
  const where = isFlag ? ` --coordinator ${settings.text('coordinator')}${isOpen ? ' --insecure' : ''}` : ''
  return `manyhands ${command} ${number}${where}`
}

/** What can be done with a job that goes on by itself. */
export const proposals = (settings: Settings, view: JobView): string => {
  const [watch, results, cancel] = ['watch', 'results', 'cancel'].map(name => proposal(settings, name, view))
  return table([
    [`  ${watch}`, 'says how far it is'],
    [`  ${results}`, 'writes what it gives'],
    [`  ${cancel}`, 'ends it'],
  ])
}
