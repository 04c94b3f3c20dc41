// A desk over gRPC: the twin of the one in a daemon, which is what commands hold. In: the addresses of the daemons of a cluster. Out:
// a Desk. Always true: a call of a daemon that is gone is one of the next; a stream of it breaks, and the one that is begun after it is
// the next one's; a job is submitted once, or it is said that nobody knows.
import {
  type CallOptions,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import {
  type CancelResponse,
  ControlServiceClient,
  type DescribeJobResponse,
  type DrainAgentResponse,
  type ForgetResponse,
  type ListAgentsResponse,
  type ListJobsResponse,
  type ResumeResponse,
  type SetAgentSlotsResponse,
  type SubmitRequest,
  type SubmitResponse,
} from '../proto/gen/control.js'
import type { Outcomes } from '../proto/outcome.js'
import { drained } from './control-drain.js'
import { toDeskError } from './control-errors.js'
import {
  agentOfWire,
  askedToWire,
  detailOfWire,
  END_OF_SUBMISSION,
  partToWire,
  viewOfWire,
} from './control-messages.js'
import { outcomesOfWire } from './control-outcomes.js'
import { checkAsked, checkSlots } from './serve/asked.js'
import {
  type AgentView,
  type AskedPart,
  type Desk,
  DeskError,
  type JobAsked,
  type JobDetail,
  type JobView,
  type ResultsAsked,
} from './serve/desk.js'

export interface DeskClient extends Desk {
  close(): void
}

/** Smaller gives up on a busy daemon, larger waits for one that is frozen. */
const CALL_SECONDS = 10
/** A job that is asked to end is waited for. */
const CANCEL_SECONDS = 30
/** A daemon that was there is waited for so long: another one takes its jobs over meanwhile. */
const PATIENCE_SECONDS = 20
const RETRY_MS = 300
/** A part of a longer one; smaller: more messages. Larger: what daemons refuse. */
const PART_BYTES = 1024 * 1024

const OPTIONS = {
  'grpc.max_receive_message_length': -1,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  // What is asked again is asked by this file.
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1000,
}

/** `addresses`: HOST:PORT, several with commas. Nothing is sent before the first call. */
export const openClient = async (addresses: string): Promise<DeskClient> => new Client(addresses.split(','))

interface Stub {
  readonly address: string
  readonly service: ControlServiceClient
}

/** The answer of one that cannot be the answer of all. */
const isPassing = (error: unknown): boolean =>
  error instanceof DeskError && ['UNREACHABLE', 'ENDING'].includes(error.code)

class Client implements DeskClient {
  readonly #stubs: readonly Stub[]
  /** The one that answered last. */
  #current = 0
  #wasReached = false

  constructor(addresses: readonly string[]) {
    this.#stubs = addresses.map(address => ({
      address,
      service: new ControlServiceClient(address, credentials.createInsecure(), OPTIONS),
    }))
  }

  async submit(asked: JobAsked, parts: AsyncIterable<AskedPart>): Promise<JobView> {
    // What a message could not even say is refused here.
    checkAsked(asked)
    // Which of them is there is found out by what may be asked twice.
    await this.jobs()
    const { service } = this.#stubAt(this.#current)
    const over = new AbortController()
    let call: SubmitCall | undefined
    const answered = new Promise<SubmitResponse>((resolve, reject) => {
      call = service.submit((error: ServiceError | null, response: SubmitResponse) => {
        if (error === null) return resolve(response)
        over.abort(toDeskError(error))
        reject(over.signal.reason)
      })
    })
    // Who refuses a job does so before it was sent whole.
    const refused = new Promise<never>((_, reject) => {
      over.signal.addEventListener('abort', () => reject(over.signal.reason))
    })
    const sent = send(call as SubmitCall, asked, parts, over.signal)
    try {
      await Promise.race([sent, refused])
      return viewOfWire((await answered).job)
    } catch (error) {
      for (const nobodys of [answered, refused, sent]) nobodys.catch(() => {})
      // Without its last message it is not taken. (A cancellation behind data that waits may never leave this process.)
      call?.end()
      // One that ends has not taken it.
      if (!(error instanceof DeskError) || error.code !== 'UNREACHABLE') throw error
      const what = `${error.message}; whether it has taken the job nobody knows: look at the jobs there are`
      throw new DeskError('UNREACHABLE', what, { cause: error })
    }
  }

  async *watch(job: string, signal: AbortSignal): AsyncGenerator<JobView> {
    yield* this.#stream(
      service => service.watch({ jobId: job }),
      signal,
      ({ job: view }) => viewOfWire(view),
    )
  }

  async *results(job: string, asked: ResultsAsked, signal: AbortSignal): AsyncGenerator<Outcomes> {
    const { start = 0, ordered = true, settledOnly = false } = asked
    const request = { jobId: job, startIndex: BigInt(start), unordered: !ordered, settledOnly, acceptsF64: true }
    yield* this.#stream(service => service.results(request), signal, outcomesOfWire)
  }

  async cancel(job: string, reason: string): Promise<JobView> {
    const request = { jobId: job, reason }
    const { job: view } = await this.#ask<CancelResponse>(
      (service, ...how) => service.cancel(request, ...how),
      CANCEL_SECONDS,
    )
    return viewOfWire(view)
  }

  async resume(job: string): Promise<JobView> {
    const { job: view } = await this.#ask<ResumeResponse>((service, ...how) => service.resume({ jobId: job }, ...how))
    return viewOfWire(view)
  }

  async forget(job: string): Promise<void> {
    await this.#ask<ForgetResponse>((service, ...how) => service.forget({ jobId: job }, ...how))
  }

  async jobs(): Promise<readonly JobView[]> {
    const { jobs } = await this.#ask<ListJobsResponse>((service, ...how) => service.listJobs({}, ...how))
    return jobs.map(viewOfWire)
  }

  async describe(job: string): Promise<JobDetail> {
    return detailOfWire(
      await this.#ask<DescribeJobResponse>((service, ...how) => service.describeJob({ jobId: job }, ...how)),
    )
  }

  async agents(): Promise<readonly AgentView[]> {
    const { agents } = await this.#ask<ListAgentsResponse>((service, ...how) => service.listAgents({}, ...how))
    return agents.map(agentOfWire)
  }

  async drain(agent: string): Promise<AgentView> {
    const { agent: view } = await this.#ask<DrainAgentResponse>((service, ...how) =>
      service.drainAgent({ name: agent }, ...how),
    )
    return agentOfWire(view)
  }

  async setSlots(agent: string, slots: number): Promise<AgentView> {
    checkSlots(slots)
    const { agent: view } = await this.#ask<SetAgentSlotsResponse>((service, ...how) =>
      service.setAgentSlots({ name: agent, slots }, ...how),
    )
    return agentOfWire(view)
  }

  close(): void {
    for (const { service } of this.#stubs) service.close()
  }

  #ask<A>(call: UnaryCall<A>, seconds = CALL_SECONDS): Promise<A> {
    return this.#persist(
      service =>
        new Promise<A>((resolve, reject) => {
          const deadline = Date.now() + seconds * 1000
          call(service, new Metadata(), { deadline }, (error, answer) =>
            error === null ? resolve(answer) : reject(toDeskError(error)),
          )
        }),
    )
  }

  /** Asks one daemon after the other, for a while where one of them has ever answered. */
  async #persist<A>(ask: (service: ControlServiceClient) => Promise<A>): Promise<A> {
    const untilMs = performance.now() + PATIENCE_SECONDS * 1000
    let at = this.#current
    for (let tries = 1; ; tries++) {
      try {
        const answer = await ask(this.#stubAt(at).service)
        this.#wasReached = true
        this.#current = at
        return answer
      } catch (error) {
        if (!isPassing(error)) throw error
        at = this.#follow(at)
        if (tries % this.#stubs.length > 0) continue
        if (!this.#wasReached || performance.now() > untilMs) throw this.#unreachable(error)
        await new Promise(resolve => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  /** Of one daemon; whoever begins another one after it broke begins it at the next. */
  async *#stream<M, A>(
    begin: (service: ControlServiceClient) => ClientReadableStream<M>,
    signal: AbortSignal,
    of: (message: M) => A,
  ): AsyncGenerator<A> {
    signal.throwIfAborted()
    const at = this.#current
    const stream = begin(this.#stubAt(at).service)
    const stop = (): void => stream.cancel()
    signal.addEventListener('abort', stop)
    try {
      for await (const message of stream) yield of(message as M)
    } catch (error) {
      signal.throwIfAborted()
      const told = toDeskError(error)
      if (isPassing(told)) this.#follow(at)
      throw told
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  }

  #stubAt(at: number): Stub {
    return this.#stubs[at] as Stub
  }

  /** The one after it, which is asked first from now on, unless somebody has found another one meanwhile. */
  #follow(at: number): number {
    const next = (at + 1) % this.#stubs.length
    if (this.#current === at) this.#current = next
    return next
  }

  #unreachable(error: unknown): DeskError {
    const where = this.#stubs.map(({ address }) => address).join(', ')
    const why = (error as Error).message
    return new DeskError('UNREACHABLE', `no daemon answers at ${where}: ${why}`, { cause: error })
  }
}

type UnaryCall<A> = (
  service: ControlServiceClient,
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: (error: ServiceError | null, answer: A) => void,
) => unknown

type SubmitCall = ClientWritableStream<SubmitRequest>

/** Ends, with the signal's reason, when the call is over. */
const send = async (
  call: SubmitCall,
  asked: JobAsked,
  parts: AsyncIterable<AskedPart>,
  over: AbortSignal,
): Promise<void> => {
  const write = async (message: SubmitRequest): Promise<void> => {
    if (!call.write(message)) await drained(call, over)
    over.throwIfAborted()
  }
  await write({ part: { $case: 'description', value: askedToWire(asked) } })
  for await (const part of parts) {
    // An empty file is one, too.
    for (let at = 0; at === 0 || at < part.data.length; at += PART_BYTES)
      await write(partToWire({ ...part, data: part.data.subarray(at, at + PART_BYTES) }))
  }
  await write(END_OF_SUBMISSION)
  call.end()
}
