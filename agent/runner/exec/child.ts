// An exec worker: runs a command for each item. In: LOAD, RUN and CLOSE on descriptor 3. Out: READY, LOADED, REFUSED and
// OUTCOMES there, announcements on descriptor 4, the commands' standard error on its own.
// Always true: one command runs at a time; when the agent dies, the command and this process are killed.
import { readFileSync } from 'node:fs'
import { toUSVString } from 'node:util'
import { Announcer } from '../../progress.js'
import type { LoadedCode, WorkerRun } from '../../worker.js'
import { Channel } from '../channel.js'
import { Part } from '../part.js'
import { sourceOf } from '../source.js'
import { callCommand } from './call.js'
import { type CommandLine, commandFor, textOf } from './command.js'

type LineOf = (text: string, index: number) => CommandLine

const channel = new Channel()
const announcer = new Announcer(4)
const loads = new Map<number, LineOf>()
const nowSeconds = (): number => performance.now() / 1000

const lineOf = ({ spec }: LoadedCode): LineOf => {
  if (spec.command === undefined) throw new TypeError('a job for exec without a command')
  if (spec.operation === 'fold') throw new TypeError('a command cannot fold; it can only map')
  if (spec.init !== undefined) throw new TypeError('a command has no init')
  return commandFor(spec.command.argv, spec.command.shell)
}

/** CPU seconds of the commands that have ended, where the system tells (in ticks of 10 ms). */
const commandSeconds = (): number => {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[13]) + Number(fields[14])) / 100
  } catch {
    return 0
  }
}

/** The item as an argument; throws where it cannot be one. */
const argumentOf = (item: unknown): string => {
  const text = textOf(item)
  if (text.includes('\0')) throw new TypeError('an argument cannot hold a NUL character')
  if (toUSVString(text) !== text) throw new TypeError('an argument cannot hold half a surrogate pair')
  return text
}

const settle = async (part: Part, line: LineOf, item: () => unknown): Promise<void> => {
  let command: CommandLine
  try {
    command = line(argumentOf(item()), part.next)
  } catch (error) {
    part.fail({ reason: 'undecodable', message: (error as Error).message })
    return
  }
  const called = await callCommand(command)
  if ('value' in called) part.value(called.value)
  else part.fail(called.failure)
}

const run = async ({ run, load, start, items, careful, timeBoxSeconds }: WorkerRun): Promise<void> => {
  const line = loads.get(load)
  // It was refused; the agent had sent this before it knew.
  if (line === undefined) return
  const source = sourceOf(items)
  const part = new Part(
    run,
    start,
    source.count,
    (outcomes, onWritten) => channel.send(outcomes, onWritten),
    commandSeconds,
  )
  const endSeconds = nowSeconds() + timeBoxSeconds
  for (let offset = 0; offset < source.count; offset++) {
    source.prepare(offset, offset + 1)
    announcer.announce(run, start + offset, 1)
    const began = nowSeconds()
    await settle(part, line, () => source.at(offset))
    const now = nowSeconds()
    part.computed(now - began)
    if (now >= endSeconds) break
    if (offset + 1 < source.count && (careful || part.due(now))) {
      announcer.rest(run, part.next)
      part.flush(false)
      await channel.written()
    }
  }
  announcer.rest(run, part.next)
  part.flush(true)
}

channel.serve({
  load: async (load, code) => {
    try {
      loads.set(load, lineOf(code))
      return undefined
    } catch (error) {
      return { reason: 'error', message: (error as Error).message }
    }
  },
  run,
  // The command is in this group.
  orphaned: () => process.kill(-process.pid, 'SIGKILL'),
})
