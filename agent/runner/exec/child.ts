// An exec worker: runs a command for each item. In: LOAD, RUN and CLOSE on descriptor 3. Out: READY, LOADED, REFUSED and
// OUTCOMES there, announcements on descriptor 4, the commands' standard error on its own.
// Always true: no more commands than the job asks for run at a time (one by default); when the agent dies, the command and this process are killed.
import { toUSVString } from 'node:util'
import type { JobSpec } from '../../../proto/shard.js'
import { Announcer } from '../../progress.js'
import type { LoadedCode, WorkerRun } from '../../worker.js'
import { Channel } from '../channel.js'
import { runConcurrent, type Settled } from '../concurrent.js'
import { childrenCpuSeconds } from '../cpu.js'
import { Lanes } from '../lanes.js'
import { Part } from '../part.js'
import { sourceOf } from '../source.js'
import { callCommand } from './call.js'
import { type CommandLine, commandFor, textOf } from './command.js'

type LineOf = (text: string, index: number) => CommandLine

const channel = new Channel()
const announcer = new Announcer(4)
const loads = new Map<number, { readonly line: LineOf; readonly spec: JobSpec; readonly lanes: Lanes }>()
const nowSeconds = (): number => performance.now() / 1000

const lineOf = ({ spec }: LoadedCode): LineOf => {
  if (spec.command === undefined) throw new TypeError('a job for exec without a command')
  if (spec.operation === 'fold') throw new TypeError('a command cannot fold; it can only map')
  if (spec.init !== undefined) throw new TypeError('a command has no init')
  return commandFor(spec.command.argv, spec.command.shell)
}

/** The item as an argument; throws where it cannot be one. */
const argumentOf = (item: unknown): string => {
  const text = textOf(item)
  if (text.includes('\0')) throw new TypeError('an argument cannot hold a NUL character')
  if (toUSVString(text) !== text) throw new TypeError('an argument cannot hold half a surrogate pair')
  return text
}

const settle = async (line: LineOf, index: number, item: () => unknown): Promise<Settled> => {
  let command: CommandLine
  try {
    command = line(argumentOf(item()), index)
  } catch (error) {
    return { failure: { reason: 'undecodable', message: (error as Error).message } }
  }
  return callCommand(command)
}

const run = async ({ run, load, start, items, careful, timeBoxSeconds }: WorkerRun): Promise<void> => {
  const found = loads.get(load)
  // It was refused; the agent had sent this before it knew.
  if (found === undefined) return
  const { line, lanes, spec } = found
  const source = sourceOf(items)
  const { count } = source
  const part = new Part(
    run,
    start,
    count,
    (outcomes, onWritten) => channel.send(outcomes, onWritten),
    childrenCpuSeconds,
  ).spreadOver(timeBoxSeconds)
  const endSeconds = nowSeconds() + timeBoxSeconds
  if (lanes.count > 1 && !careful) {
    const { timeoutSeconds } = spec
    const prepare = (offset: number): void => source.prepare(offset, offset + 1)
    const begin = (offset: number, end: (settled: Settled) => void): undefined => {
      void settle(line, start + offset, () => source.at(offset)).then(end)
    }
    const concurrent = { run, start, count, part, from: 0, endSeconds, timeoutSeconds, lanes, channel, announcer }
    if (await runConcurrent({ ...concurrent, prepare, begin })) await channel.leave()
    return
  }
  const isWanted = (offset: number): boolean => start + offset < announcer.limitOf(run, true)
  for (let offset = 0; offset < count; offset++) {
    source.prepare(offset, offset + 1)
    announcer.announce(run, start + offset, 1)
    // Behind the announcement: the agent reads that after it has set a limit.
    if (!isWanted(offset)) break
    const began = nowSeconds()
    const settled = await settle(line, start + offset, () => source.at(offset))
    if ('value' in settled) part.value(settled.value)
    else part.fail(settled.failure)
    const now = nowSeconds()
    part.computed(now - began)
    if (now >= endSeconds) break
    if (offset + 1 < count && (careful || part.due(now))) {
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
      const { spec } = code
      loads.set(load, { line: lineOf(code), spec, lanes: new Lanes(spec.concurrency ?? 1, childrenCpuSeconds) })
      return undefined
    } catch (error) {
      return { reason: 'error', message: (error as Error).message }
    }
  },
  run,
  // The command is in this group.
  orphaned: () => process.kill(-process.pid, 'SIGKILL'),
})
