// The agent's side of one worker process. In: loads and runs to send; frames on its socket, its output, its end.
// Out: WorkerEvents. Always true: the first cause of a worker's end is the one that is told; what was in the pipe when it
// died is delivered before `ended`; its process group does not outlive it; an item that takes too long is found by looking
// at the progress record, since a busy worker cannot be asked.
import type { ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import type { FailureReason } from '../proto/outcome.js'
import { Flight } from './flight.js'
import { FrameError, FrameReader, FrameWriter } from './frame.js'
import { readInflow } from './inflow.js'
import { FROM_WORKER, fromWorker, toWorkerFrame } from './message.js'
import { Prints } from './print.js'
import { type Progress, ProgressFile } from './progress.js'
import { killGroup, spawnWorker } from './spawn.js'
import type { LoadedCode, Worker, WorkerEvent, WorkerOptions, WorkerRun } from './worker.js'

/** A grandchild that left the group may hold the pipes for ever. */
const PIPE_GRACE_SECONDS = 0.3
const LONGEST_POLL_SECONDS = 0.1
const STDERR_TAIL = 4 * 1024

type Cause = { readonly type: 'timeout' | 'protocol' | 'killed' | 'start'; readonly message: string }

class WorkerProcess implements Worker {
  readonly #options: WorkerOptions
  readonly #startedSeconds: number
  readonly #flight = new Flight()
  readonly #prints: Prints
  readonly #progress = new ProgressFile()
  /** That have come so far, on descriptor 3 and what is printed. */
  #chunks = 0
  readonly #reader = new FrameReader(FROM_WORKER, { passing: true })
  readonly #child: ChildProcess | undefined
  readonly #writer: FrameWriter | undefined
  readonly #ended: Promise<void>
  #resolveEnded: () => void = () => {}
  #isReady = false
  #isOver = false
  #wanted = false
  #cause: Cause | undefined
  #exit: { code: number | null; signal: NodeJS.Signals | null } | undefined
  #pollTimer: NodeJS.Timeout | undefined
  #endTimer: NodeJS.Timeout | undefined
  #pollSeconds = Number.POSITIVE_INFINITY
  #seen = { sequence: -1, sinceSeconds: 0 }

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#startedSeconds = options.clock()
    this.#prints = new Prints(options.onPrint, options.clock)
    this.#ended = new Promise(resolve => {
      this.#resolveEnded = resolve
    })
    try {
      this.#child = spawnWorker(options.runner, options.cwd, this.#progress.descriptor)
    } catch (error) {
      this.#failToStart(error as Error)
      return
    }
    this.#writer = this.#attach(this.#child)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  load(load: number, code: LoadedCode): void {
    this.#flight.sendLoad(load, code)
    this.#prints.forget()
    this.#writer?.send(toWorkerFrame({ type: 'load', load, code }))
  }

  run(run: WorkerRun): void {
    const { spec } = this.#flight.sendRun(run, this.#options.clock())
    this.#writer?.send(toWorkerFrame({ type: 'run', ...run }))
    if (spec.timeoutSeconds !== undefined) this.#pollEvery(Math.min(spec.timeoutSeconds / 10, LONGEST_POLL_SECONDS))
  }

  isBeyond(run: number): boolean {
    return this.#progress.read().run > run
  }

  curtail(run: number): number | undefined {
    if (this.#isOver) return undefined
    const end = this.#flight.curtail(run, this.#progress.read())
    if (end === undefined) return undefined
    this.#progress.limit(run, end)
    // What it has announced meanwhile it may have begun before it saw the limit.
    const later = this.#flight.curtail(run, this.#progress.read()) ?? end
    if (later > end) this.#progress.limit(run, later)
    return Math.max(end, later)
  }

  async close(graceSeconds: number): Promise<void> {
    if (!this.#wanted && !this.#isOver) this.#writer?.send(toWorkerFrame({ type: 'close' }))
    this.#wanted = true
    const timer = setTimeout(() => this.#end({ type: 'killed', message: 'killed' }), graceSeconds * 1000)
    await this.#ended
    clearTimeout(timer)
  }

  async kill(): Promise<void> {
    this.#wanted = true
    this.#end({ type: 'killed', message: 'killed' })
    await this.#ended
  }

  #attach(child: ChildProcess): FrameWriter {
    const socket = readInflow(child.stdio[3] as Duplex, {
      onBytes: bytes => this.#receive(bytes),
      onEnd: () => this.#streamEnded(),
      target: () => this.#reader.target,
    })
    for (const stream of [child.stdout, child.stderr]) {
      const print = this.#prints.stream()
      stream?.on('data', chunk => {
        this.#chunks += 1
        print(chunk)
      })
      stream?.on('error', () => {})
      stream?.on('close', () => print(undefined))
    }
    child.on('error', error => this.#failToStart(error))
    child.on('exit', (code, signal) => this.#exited(child, code, signal))
    child.on('close', () => this.#finish())
    return new FrameWriter(socket)
  }

  #failToStart(error: Error): void {
    if (this.#child?.pid !== undefined) return
    this.#cause ??= {
      type: 'start',
      message: `could not start a ${this.#options.runner} worker in ${this.#options.cwd}: ${error.message}`,
    }
    setImmediate(() => this.#finish())
  }

  #receive(chunk: Uint8Array): void {
    this.#chunks += 1
    if (this.#isOver || this.#cause?.type === 'protocol') return
    try {
      for (const frame of this.#reader.read(chunk)) this.#handle(frame)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      const message = `wrote something to descriptor 3 that is not the worker protocol (${error.message})`
      this.#end({ type: 'protocol', message })
    }
  }

  #handle(frame: Parameters<typeof fromWorker>[0]): void {
    const message = fromWorker(frame, run => this.#flight.run(run)?.spec.operation)
    const nowSeconds = this.#options.clock()
    if ((message.type === 'ready') === this.#isReady) throw new FrameError(`'${message.type}' out of turn`)
    if (message.type === 'ready') {
      this.#isReady = true
      this.#options.onEvent({ type: 'ready', startSeconds: nowSeconds - this.#startedSeconds })
      return
    }
    if (message.type !== 'outcomes') {
      if (message.type === 'refused') this.#flight.refused(message.load, nowSeconds)
      else this.#flight.loaded(message.load, nowSeconds)
      this.#options.onEvent(message)
      return
    }
    const timing = this.#flight.outcomes(message, nowSeconds)
    const { type, run, span, values, failures, last } = message
    this.#options.onEvent({ type, run, span, values, failures, timing, last })
  }

  /** The worker closed its end. Unless it is about to exit, it can never be heard again. */
  #streamEnded(): void {
    if (this.#isOver) return
    this.#endTimer = setTimeout(() => {
      // What the system has to tell is heard first.
      setImmediate(() => {
        if (this.#exit === undefined) this.#end({ type: 'protocol', message: 'closed descriptor 3' })
      })
    }, PIPE_GRACE_SECONDS * 1000)
  }

  #pollEvery(seconds: number): void {
    if (seconds >= this.#pollSeconds || this.#isOver) return
    this.#pollSeconds = seconds
    clearInterval(this.#pollTimer)
    this.#pollTimer = setInterval(() => this.#poll(), Math.max(5, seconds * 1000))
  }

  #poll(): void {
    if (this.#flight.current?.type !== 'run') return
    const nowSeconds = this.#options.clock()
    const progress = this.#progress.read()
    if (progress.sequence !== this.#seen.sequence) {
      this.#seen = { sequence: progress.sequence, sinceSeconds: nowSeconds }
      return
    }
    const limitSeconds = this.#flight.running(progress)?.run.spec.timeoutSeconds
    if (limitSeconds === undefined || nowSeconds - this.#seen.sinceSeconds < limitSeconds) return
    this.#end({ type: 'timeout', message: `took longer than ${limitSeconds} s` })
  }

  /** The first cause wins. */
  #end(cause: Cause): void {
    if (this.#isOver || this.#exit !== undefined) return
    this.#cause ??= cause
    killGroup(this.pid)
  }

  #exited(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    this.#exit = { code, signal }
    killGroup(child.pid)
    const timer = setTimeout(() => this.#finishUnlessMoreComes(child), PIPE_GRACE_SECONDS * 1000)
    child.once('close', () => clearTimeout(timer))
  }

  /** After a time in which this process had no turn, the grace is over before what lies in the pipes was read. */
  #finishUnlessMoreComes(child: ChildProcess): void {
    const before = this.#chunks
    setImmediate(() => {
      if (this.#chunks !== before && !this.#isOver) return this.#finishUnlessMoreComes(child)
      for (const stream of child.stdio) stream?.destroy()
      this.#finish()
    })
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearInterval(this.#pollTimer)
    clearTimeout(this.#endTimer)
    const progress = this.#progress.read()
    this.#progress.close()
    this.#prints.end()
    const printed = this.#prints.text()
    const message = this.#message(printed)
    this.#refuseLoad(message)
    const blame = this.#blame(progress)
    this.#options.onEvent({
      type: 'ended',
      message,
      stderr: printed.slice(-STDERR_TAIL),
      ...(blame === undefined ? {} : { blame }),
      wanted: this.#wanted,
    } satisfies WorkerEvent)
    this.#resolveEnded()
  }

  /** A worker that dies while it loads has answered: others would die of it as well. */
  #refuseLoad(message: string): void {
    const current = this.#flight.current
    if (!this.#isReady || current?.type !== 'load' || this.#cause?.type === 'killed') return
    const failure = { reason: 'crash' as const, message: `while the code was loaded: ${message}` }
    this.#options.onEvent({ type: 'refused', load: current.load, failure })
  }

  #blame(progress: Progress): { run: number; span: { start: number; end: number }; reason: FailureReason } | undefined {
    const type = this.#cause?.type
    if (type === 'killed') return undefined
    const found =
      type === 'protocol'
        ? this.#flight.breaking(progress)
        : (this.#flight.running(progress) ?? (type === undefined ? this.#flight.unreported(progress) : undefined))
    return found && { run: found.run.run, span: found.span, reason: type === 'timeout' ? 'timeout' : 'crash' }
  }

  #message(printed: string): string {
    if (this.#cause !== undefined)
      return this.#cause.type === 'start' || this.#cause.type === 'timeout'
        ? this.#cause.message
        : `the worker ${this.#cause.message}`
    if (/JavaScript heap out of memory|^MemoryError/m.test(printed)) return 'the worker ran out of memory'
    const { code, signal } = this.#exit ?? { code: null, signal: null }
    if (signal === 'SIGKILL') return 'the worker was killed by SIGKILL (the system does that when memory runs out)'
    return signal !== null ? `the worker was killed by ${signal}` : `the worker ended with exit code ${code}`
  }
}

/** Starts a worker's process at once; `load` and `run` need not wait for `ready`. */
export const startWorker = (options: WorkerOptions): Worker => new WorkerProcess(options)
