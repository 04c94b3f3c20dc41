// The port between the two sides: it takes only bytes. `memory` and `nats` are its twins; one contract suite runs on both.
// A transport carries and may lose, repeat, delay and reorder; the ledger decides (design.md, section 6).
// Bytes handed to a transport are its own from then on: the sender never writes to them again, and neither does who
// receives them, as in one process they are the same bytes.

export interface Subscription {
  /** Idempotent. No handler is called after it returns. */
  close(): void
}

/** One job and epoch as its coordinator sees it: the queue of tasks out, the stream of reports back. */
export interface JobChannel {
  /** Puts a task into the queue; resolves when the transport has stored it. `id` makes a repeated publish harmless. */
  offer(id: string, task: Uint8Array): Promise<void>
  /**
   * Resolves when the queue or the reports are gone (deleted, store wiped, consumer lost for good) with why; never on
   * close(). The coordinator then opens the next epoch and offers again what is not settled.
   */
  readonly lost: Promise<string>
  /** Reports up to this position, that one among them, are not needed any more: a hint that bounds what is stored. */
  trim(position: number): void
  /**
   * Deletes the queue and, unless they are kept for a later epoch, the reports; after `lost` the queue alone, as the reports
   * are the next epoch's by then. Idempotent. After the transport's own close() it deletes nothing: what is stored waits for a
   * resume.
   */
  close(keep?: 'reports'): Promise<void>
}

export type BlobHandler = (request: Uint8Array) => Uint8Array | Promise<Uint8Array> | undefined

/** `position` ascends; one that does not says that the reports were lost and are others now. */
export type OnReport = (report: Uint8Array, position: number) => void

export interface CoordinatorTransport {
  /** The largest message in bytes, envelope included. */
  readonly limitBytes: number
  /**
   * Makes the queue of (job, epoch) and reads the job's reports; the reports' stream outlives epochs, so that what was
   * reported to the last one still counts. `onReport` is called for every report stored, in the order of storing, at
   * least once.
   */
  openJob(job: string, epoch: number, onReport: OnReport): Promise<JobChannel>
  /** Deletes the queues of the job's deposed epochs, those before this one. */
  dropEpochsBefore(job: string, epoch: number): Promise<void>
  /** Deletes the queues and the reports of a job that nobody has open. */
  dropJob(job: string): Promise<void>
  broadcast(message: Uint8Array): void
  onBeat(handler: (beat: Uint8Array) => void): Subscription
  /** Answers agents' requests for chunks; `undefined`, or a rejection, stays silent: another coordinator may answer, or be asked again. */
  serveBlobs(handler: BlobHandler): Subscription
  /** Resolves, once, when the transport has given up for good; carries the reason. */
  readonly closed: Promise<Error | undefined>
  close(): Promise<void>
}

/** A task that this agent pulled; it has been acknowledged by the time it is handed over ("ack at receipt"). */
export interface AgentTransport {
  readonly limitBytes: number
  /**
   * Asks for at most `credit` tasks of (job, epoch) and hands each over as it comes. Resolves with the number handed
   * over when the credit is used up, the wait is over, or the signal aborts; with -1 when there is no such queue. A
   * transport may end the wait early, and ends it when the connection is lost; without one it waits for it.
   */
  pull(
    job: string,
    epoch: number,
    credit: number,
    waitSeconds: number,
    onTask: (task: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<number>
  /** Stores a report; resolves when it is stored. `id` makes a repeated publish harmless; rejects when not stored in time. */
  report(address: ReportAddress, id: string, report: Uint8Array): Promise<void>
  beat(message: Uint8Array): void
  onBroadcast(handler: (message: Uint8Array) => void): Subscription
  /** Asks the coordinators for a chunk; rejects when none answers in time. */
  requestBlob(request: Uint8Array, timeoutSeconds: number): Promise<Uint8Array>
  /** Called each time a lost connection is back: whatever was sent before may be lost. */
  onReconnect(handler: () => void): Subscription
  readonly closed: Promise<Error | undefined>
  close(): Promise<void>
}

/** What a report's subject says, so that permission lists and filters can tell reports apart. */
export interface ReportAddress {
  readonly job: string
  readonly shard: number
  readonly attempt: number
}
