// A coordinator's side of NATS: makes the queues, offers tasks, reads reports, answers agents.
// In: tasks, broadcasts; from agents reports, beats, requests for chunks. Out: JetStream's queues, core NATS's messages.
// Always true: an offer resolves only when the server has stored it, and a job's channel that the server has lost says so.
import { type Log, silentLog } from '../log.js'
import { subjects } from '../subjects.js'
import type { BlobHandler, CoordinatorTransport, JobChannel, OnReport, Subscription } from '../transport.js'
import { guarded } from './guard.js'
import type { NatsLink } from './nats.js'
import { connectNats } from './nats-connect.js'
import { NatsJob } from './nats-job.js'
import { createReportStream, createTaskStream, deleteStream, type StreamInfo, taskStreamsOf } from './nats-streams.js'
import type { NatsOptions } from './url.js'

class NatsCoordinator implements CoordinatorTransport {
  readonly limitBytes: number
  readonly closed: Promise<Error | undefined>
  readonly #link: NatsLink
  readonly #replicas: number
  readonly #log: Log
  readonly #jobs = new Set<NatsJob>()

  constructor(link: NatsLink, replicas: number, log: Log) {
    this.#link = link
    this.#replicas = replicas
    this.#log = log
    this.limitBytes = link.limitBytes
    this.closed = link.closed
  }

  async openJob(job: string, epoch: number, onReport: OnReport): Promise<JobChannel> {
    const { created } = await this.#createStreams(job, epoch)
    const channel = new NatsJob({
      link: this.#link,
      job,
      epoch,
      reportsCreated: created,
      log: this.#log,
      onReport: guarded(onReport),
      onEnd: () => this.#jobs.delete(channel),
    })
    this.#jobs.add(channel)
    return channel
  }

  /** Both or, as far as the server hears us, none: what is half made would be left behind. */
  async #createStreams(job: string, epoch: number): Promise<StreamInfo> {
    const [reports, tasks] = await Promise.allSettled([
      createReportStream(this.#link, job, this.#replicas),
      createTaskStream(this.#link, job, epoch, this.#replicas),
    ])
    if (reports.status === 'fulfilled' && tasks.status === 'fulfilled') return reports.value
    // Of a later epoch the reports were there before it.
    const streams = [subjects.taskStream(job, epoch), ...(epoch === 1 ? [subjects.reportStream(job)] : [])]
    await Promise.allSettled(streams.map(stream => this.#link.api(`STREAM.DELETE.${stream}`)))
    throw reports.status === 'rejected' ? reports.reason : (tasks as PromiseRejectedResult).reason
  }

  async dropEpochsBefore(job: string, epoch: number): Promise<void> {
    const streams = await taskStreamsOf(this.#link, job)
    const earlier = streams.filter(stream => stream.epoch < epoch)
    await Promise.all(earlier.map(({ name }) => deleteStream(this.#link, name)))
  }

  async dropJob(job: string): Promise<void> {
    await this.dropEpochsBefore(job, Number.POSITIVE_INFINITY)
    await deleteStream(this.#link, subjects.reportStream(job))
  }

  broadcast(message: Uint8Array): void {
    this.#link.publish(subjects.broadcast, message)
  }

  onBeat(handler: (beat: Uint8Array) => void): Subscription {
    return this.#link.subscribe(subjects.beats, message => handler(message.data))
  }

  serveBlobs(handler: BlobHandler): Subscription {
    return this.#link.subscribe(subjects.blobs, ({ reply, data }) => {
      if (reply === undefined) return
      const answer = handler(data)
      if (answer instanceof Uint8Array) this.#link.publish(reply, answer)
      else answer?.then(bytes => this.#link.publish(reply, bytes)).catch(this.#onUnread)
    })
  }

  readonly #onUnread = (error: unknown): void => {
    this.#log('warn', `What an agent asked for could not be read: ${(error as Error).message}`)
  }

  async close(): Promise<void> {
    for (const job of [...this.#jobs]) job.detach()
    await this.#link.close()
  }
}

/** Connects a coordinator; `name` is for the server's listings. Streams outlive it, so that a job can be resumed. */
export const connectNatsCoordinator = async (
  options: NatsOptions & { readonly name: string; readonly log?: Log },
): Promise<CoordinatorTransport> => {
  const link = await connectNats(options, `manyhands coordinator ${options.name}`, '_INBOX.c')
  return new NatsCoordinator(link, options.replicas ?? 1, options.log ?? silentLog)
}
