// A worker that is started before there is an agent whose slot it will sit in, so that both come up at the same time.
// In: a runner. Out: what starts workers for an agent in this process; the first one asked of it, in the same folder and of the
// same runner, is the one that is starting. Always true: whoever takes it hears everything that it said, in order, later than the call.
import { monotonicSeconds } from '../proto/timing.js'
import { startWorker } from './process.js'
import type { Worker, WorkerEvent, WorkerOptions } from './worker.js'

export const startAhead = (runner: WorkerOptions['runner']): ((options: WorkerOptions) => Worker) => {
  const cwd = process.cwd()
  const said: WorkerEvent[] = []
  const printed: string[] = []
  let taker: WorkerOptions | undefined
  const ahead = startWorker({
    runner,
    cwd,
    clock: monotonicSeconds,
    onEvent: event => (taker === undefined ? said.push(event) : taker.onEvent(event)),
    onPrint: line => (taker === undefined ? printed.push(line) : taker.onPrint(line)),
  })
  const handOver = (options: WorkerOptions): void => {
    for (const line of printed) options.onPrint(line)
    for (const event of said) options.onEvent(event)
    taker = options
  }
  let isFree = true
  return options => {
    if (!isFree || options.runner !== runner || options.cwd !== cwd) return startWorker(options)
    isFree = false
    queueMicrotask(() => handOver(options))
    return ahead
  }
}
