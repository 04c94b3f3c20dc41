// What a command for a daemon says, and the settings it is given, for its tests. In: flags as texts. Out: settings; streams that keep
// what they are given.
import { PassThrough } from 'node:stream'
import { WriteStream } from 'node:tty'
import type { Invocation } from '../../../../coordinator/cli/command.js'
import type { Speech } from '../../../../coordinator/cli/remote/speech.js'
import { type Settings, settle } from '../../../../coordinator/cli/settings.js'
import type { AgentView, JobView } from '../../../../coordinator/serve/desk.js'

export const settingsOf = (command: string, flags: Readonly<Record<string, unknown>> = {}): Settings =>
  settle(command, { flags: { coordinator: '127.0.0.1:4270', ...flags }, env: {}, files: [] })

export const invoked = (
  command: string,
  operands: readonly string[],
  flags: Readonly<Record<string, unknown>> = {},
): Invocation => ({ settings: settingsOf(command, flags), operands, rest: undefined })

export const openStage = (): { readonly speech: Speech; readonly out: () => string; readonly err: () => string } => {
  const texts = { out: '', err: '' }
  const stdout = new PassThrough().on('data', text => {
    texts.out += text
  })
  // A stream's methods without a terminal behind them.
  const write = (text: string): boolean => {
    texts.err += text
    return true
  }
  const stderr: NodeJS.WriteStream = Object.create(WriteStream.prototype, {
    write: { value: write },
    isTTY: { value: false },
  })
  return { speech: { stdout, stderr, env: { NO_COLOR: '1' } }, out: () => texts.out, err: () => texts.err }
}

export const view = (over: Partial<JobView> = {}): JobView => ({
  id: 'k3f9-double',
  number: 1,
  name: 'double',
  state: 'done',
  items: 10,
  settled: 10,
  failed: 0,
  wallSeconds: 1.5,
  submitted: '2026-01-02T03:04:05.000Z',
  weight: 1,
  priority: 0,
  slots: 4,
  ...over,
})

export const agent = (over: Partial<AgentView> = {}): AgentView => ({
  name: 'alpha-x1',
  host: 'alpha',
  slots: 4,
  busySlots: 1,
  draining: false,
  secondsSinceBeat: 0.3,
  labels: [],
  program: '0.1.0',
  ...over,
})
