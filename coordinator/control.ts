// The gRPC service of a daemon: its desk, for programs of any language. In: a desk, an address. Out: a server, with the standard
// services for health and reflection. Always true: what a client sends is read no faster than the desk takes it, and sent no faster
// than the client does; a call that was cancelled ends what the desk does for it.
import {
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'
import {
  type ControlServiceServer,
  ControlServiceService,
  type SubmitRequest,
  type SubmitResponse,
} from '../proto/gen/control.js'
import { CONTROL_DESCRIPTOR } from '../proto/gen/control-descriptor.js'
import type { Log } from '../proto/log.js'
import { isLoopback } from '../proto/transport/url.js'
import { drained } from './control-drain.js'
import { toRefusal } from './control-errors.js'
import {
  agentToWire,
  askedOfWire,
  detailToWire,
  partOfWire,
  resultsAskedOfWire,
  viewToWire,
} from './control-messages.js'
import { outcomesToWire } from './control-outcomes.js'
import { type AskedPart, type Desk, DeskError } from './serve/desk.js'

export interface ControlOptions {
  /** Of this machine alone: 127.0.0.1, ::1 or localhost. */
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  readonly log: Log
}

export interface Control {
  /** HOST:PORT. */
  readonly address: string
  /** Takes no more calls; those under way have so long to end. Idempotent. */
  close(graceSeconds: number): Promise<void>
}

const SERVICE = 'manyhands.control.v1.ControlService'
const MIB = 1024 * 1024

const LIMITS = {
  'grpc.max_receive_message_length': 4 * MIB,
  // A single value may be longer than what is usually sent.
  'grpc.max_send_message_length': -1,
  'grpc.max_concurrent_streams': 1000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
}

export const openControl = async (desk: Desk, { host, port, log }: ControlOptions): Promise<Control> => {
  if (!isLoopback(host))
    throw new Error(
      `the control service listens on this machine alone, for now: ${host} is not 127.0.0.1, ::1 or localhost; ssh -L reaches it from elsewhere`,
    )
  const server = new Server(LIMITS)
  const calls = new Calls(log)
  server.addService(ControlServiceService, serviceOf(desk, calls))
  const health = new HealthImplementation({ '': 'SERVING', [SERVICE]: 'SERVING' })
  health.addToServer(server)
  new ReflectionService(loadFileDescriptorSetFromBuffer(Buffer.from(CONTROL_DESCRIPTOR, 'base64'))).addToServer(server)
  const bound = await new Promise<number>((resolve, reject) => {
    const at = host.includes(':') ? `[${host}]` : host
    server.bindAsync(`${at}:${port}`, ServerCredentials.createInsecure(), (error, boundPort) =>
      error === null ? resolve(boundPort) : reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`)),
    )
  })
  let closing: Promise<void> | undefined
  const close = async (graceSeconds: number): Promise<void> => {
    for (const name of ['', SERVICE]) health.setStatus(name, 'NOT_SERVING')
    calls.end()
    const force = setTimeout(() => server.forceShutdown(), graceSeconds * 1000)
    await new Promise<void>(resolve => server.tryShutdown(() => resolve()))
    clearTimeout(force)
  }
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: graceSeconds => {
      closing ??= close(graceSeconds)
      return closing
    },
  }
}

/** The calls under way, each of which may be long. */
class Calls {
  readonly #log: Log
  readonly #open = new Set<AbortController>()
  #isEnding = false

  constructor(log: Log) {
    this.#log = log
  }

  end(): void {
    this.#isEnding = true
    for (const controller of this.#open) controller.abort(ENDING())
  }

  unary<Q, A>(answer: (request: Q) => Promise<A>) {
    return (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>): void => {
      this.#ready(() => answer(call.request)).then(
        value => callback(null, value),
        error => callback(toRefusal(error, this.#log)),
      )
    }
  }

  stream<Q, A>(answers: (request: Q, signal: AbortSignal) => AsyncIterable<A>) {
    return async (call: ServerWritableStream<Q, A>): Promise<void> => {
      const controller = new AbortController()
      this.#open.add(controller)
      call.once('cancelled', () => controller.abort())
      const { signal } = controller
      try {
        await this.#ready(async () => {})
        for await (const answer of answers(call.request, signal)) {
          if (call.cancelled) return
          if (!call.write(answer)) await drained(call, signal)
        }
        call.end()
      } catch (error) {
        // Nobody hears it.
        if (call.cancelled) return
        call.emit('error', toRefusal(signal.aborted ? signal.reason : error, this.#log))
      } finally {
        controller.abort()
        this.#open.delete(controller)
      }
    }
  }

  submit(take: (messages: AsyncIterable<SubmitRequest>) => Promise<SubmitResponse>) {
    return (
      call: ServerReadableStream<SubmitRequest, SubmitResponse>,
      callback: sendUnaryData<SubmitResponse>,
    ): void => {
      this.#ready(() => take(untilCancelled(call))).then(
        value => callback(null, value),
        error => {
          if (!call.cancelled) callback(toRefusal(error, this.#log))
        },
      )
    }
  }

  async #ready<T>(step: () => Promise<T>): Promise<T> {
    if (this.#isEnding) throw ENDING()
    return step()
  }
}

const ENDING = (): DeskError =>
  new DeskError('ENDING', 'this daemon is ending: ask another one, or this one when it is back')

/**
 * A call that was cancelled tells its reader nothing of it by itself. What was read is held no more: a race of each message against one
 * promise would hold them all until the call has ended.
 */
async function* untilCancelled<M>(call: ServerReadableStream<M, unknown>): AsyncGenerator<M> {
  const gone = (): Error => new Error('the client went away')
  // Who reads hears of it; there may be nobody any more.
  call.on('error', () => {})
  call.once('cancelled', () => call.destroy(gone()))
  if (call.cancelled) throw gone()
  const messages: AsyncIterable<M> = call
  for await (const message of messages) yield message
  // It may look like an end.
  if (call.cancelled) throw gone()
}

/** A stream that was cut off may look like one that has ended: its last message tells. */
async function* partsOf(messages: AsyncIterator<SubmitRequest>): AsyncGenerator<AskedPart> {
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    const part = partOfWire(next.value)
    if (part === undefined) return
    yield part
  }
  throw new DeskError('ASKED', 'the submission has no end: it was cut off, or its last message was not sent', {
    field: 'end',
  })
}

const submitTo =
  (desk: Desk) =>
  async (messages: AsyncIterable<SubmitRequest>): Promise<SubmitResponse> => {
    const iterator = messages[Symbol.asyncIterator]()
    const first = await iterator.next()
    const part = first.done ? undefined : first.value.part
    if (part?.$case !== 'description')
      throw new DeskError(
        'ASKED',
        `the first message is ${part?.$case ?? 'missing'}: expected the description of the job`,
        {
          field: 'description',
        },
      )
    return { job: viewToWire(await desk.submit(askedOfWire(part.value), partsOf(iterator))) }
  }

const serviceOf = (desk: Desk, calls: Calls): ControlServiceServer => ({
  submit: calls.submit(submitTo(desk)),
  watch: calls.stream(async function* ({ jobId }, signal) {
    for await (const view of desk.watch(jobId, signal)) yield { job: viewToWire(view) }
  }),
  results: calls.stream(async function* (request, signal) {
    const { jobId, acceptsF64 } = request
    for await (const outcomes of desk.results(jobId, resultsAskedOfWire(request), signal))
      yield* outcomesToWire(outcomes, acceptsF64)
  }),
  cancel: calls.unary(async ({ jobId, reason }) => ({ job: viewToWire(await desk.cancel(jobId, reason)) })),
  resume: calls.unary(async ({ jobId }) => ({ job: viewToWire(await desk.resume(jobId)) })),
  forget: calls.unary(async ({ jobId }) => {
    await desk.forget(jobId)
    return {}
  }),
  listJobs: calls.unary(async () => ({ jobs: (await desk.jobs()).map(viewToWire) })),
  describeJob: calls.unary(async ({ jobId }) => detailToWire(await desk.describe(jobId))),
  listAgents: calls.unary(async () => ({ agents: (await desk.agents()).map(agentToWire) })),
  drainAgent: calls.unary(async ({ name }) => ({ agent: agentToWire(await desk.drain(name)) })),
  setAgentSlots: calls.unary(async ({ name, slots }) => ({ agent: agentToWire(await desk.setSlots(name, slots)) })),
})
