// A JavaScript worker's end of descriptor 3. In: frames from the agent, served strictly in the order they came, one at a
// time. Out: frames. Always true: a run's last outcomes have left before the next message is begun, unless all since then took
// next to no time; when the agent is gone the worker ends too.
import { Socket } from 'node:net'
import type { Failure } from '../../proto/outcome.js'
import { FrameReader, FrameWriter } from '../frame.js'
import {
  type FromWorker,
  fromAgentFrame,
  fromWorkerFrame,
  PROTOCOL_VERSION,
  TO_WORKER,
  type ToWorker,
} from '../message.js'
import type { LoadedCode, WorkerRun } from '../worker.js'

/** What a runner does; both are awaited before the next message is looked at. */
export interface Service {
  /** Resolves with the failure when the code cannot be used. */
  load(load: number, code: LoadedCode): Promise<Failure | undefined>
  /** Sends outcomes, the last with `last`. */
  run(run: WorkerRun): Promise<void>
  /** The agent has died. */
  orphaned(): void
}

/** More would lose more outcomes in a crash; less would wait for the agent more often. */
const UNSENT_LIMIT_BYTES = 1024 * 1024
/** Outcomes of short runs leave together. Smaller: more system calls. Larger: they may wait for so long, and for a run that is not short. */
const HELD_MS = 0.1
const DESCRIPTOR = 3
// The user's code may put its own in their places.
const { exit } = process
const { performance, setImmediate } = globalThis

/** Gives the event loop its turn. */
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Resolves when standard output and error have taken all: Node queues what a full pipe refuses, and forgets it at its exit. */
const printed = async (): Promise<void> => {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.destroyed || stream.writableEnded || !(stream.writableLength > 0)) continue
    await new Promise<unknown>(resolve => {
      stream.once('error', resolve)
      stream.write('', resolve)
    })
  }
}

export class Channel {
  readonly #socket = new Socket({ fd: DESCRIPTOR, readable: true, writable: true })
  readonly #writer = new FrameWriter(this.#socket)
  readonly #waiting: ToWorker[] = []
  #serving = false

  /** Says that the worker is ready, and serves until the agent closes. */
  serve(service: Service): void {
    const reader = new FrameReader(TO_WORKER)
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of reader.read(chunk)) this.#waiting.push(fromAgentFrame(frame))
      if (!this.#serving) void this.#serve(service)
    })
    this.#socket.on('end', () => service.orphaned())
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      // The user's code has closed the descriptor: the agent is there, sees that, and says so.
      if (error.code !== 'EBADF') service.orphaned()
    })
    this.send({ type: 'ready', protocol: PROTOCOL_VERSION })
  }

  /** `onWritten`: the memory of the message's values is the caller's again. */
  send(message: FromWorker, onWritten?: () => void): void {
    this.#writer.send(fromWorkerFrame(message), onWritten)
  }

  /** Resolves when what was sent has been written, but for a rest that the agent reads too slowly. */
  async written(): Promise<void> {
    await turn()
    while (this.#socket.writableLength > UNSENT_LIMIT_BYTES) {
      await new Promise<void>(resolve => this.#socket.once('drain', resolve))
    }
  }

  /** Ends the process when what was sent and printed has left; nothing more is served. */
  async leave(): Promise<never> {
    // To look at a stream that nobody used creates it, which costs a millisecond: one of these is this channel's own.
    if (process.getActiveResourcesInfo().filter(name => name === 'PipeWrap').length > 1) await printed()
    this.#socket.end(() => exit.call(process, 0))
    return new Promise(() => {})
  }

  async #serve(service: Service): Promise<void> {
    this.#serving = true
    let releasedAtMs = performance.now()
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      if (message.type === 'close') {
        return await this.leave()
      }
      if (message.type === 'run') {
        await service.run(message)
        const now = performance.now()
        if (now - releasedAtMs < HELD_MS) continue
        releasedAtMs = now
        this.#writer.release()
      } else {
        const { load } = message
        const failure = await service.load(load, message.code)
        this.send(failure === undefined ? { type: 'loaded', load } : { type: 'refused', load, failure })
        // A function that ends the process takes along what was not written.
        await this.written()
      }
    }
    this.#serving = false
  }
}
