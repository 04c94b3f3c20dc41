// A coordinator's side of NATS: makes the queues, offers tasks, reads reports, answers agents.
// In: tasks, broadcasts; from agents reports, beats, requests for chunks. Out: JetStream's queues, core NATS's messages.
// Always true: an offer resolves only when the server has stored it, and a job's channel that the server has lost says so.
import { subjects } from '../subjects.js'
import type { CoordinatorTransport, JobChannel, OnReport, Subscription } from '../transport.js'
import { guarded } from './guard.js'
import type { NatsLink } from './nats.js'
import { connectNats } from './nats-connect.js'
import { NatsJob } from './nats-job.js'
import { createReportStream, createTaskStream, deleteStream, taskStreamsOf } from './nats-streams.js'
import type { NatsOptions } from './url.js'

class NatsCoordinator implements CoordinatorTransport {
  readonly limitBytes: number
  readonly closed: Promise<Error | undefined>
  readonly #link: NatsLink
  readonly #jobs = new Set<NatsJob>()

  constructor(link: NatsLink) {
    this.#link = link
    this.limitBytes = link.limitBytes
    this.closed = link.closed
  }

  async openJob(job: string, epoch: number, onReport: OnReport): Promise<JobChannel> {
    const [reports] = await Promise.all([createReportStream(this.#link, job), createTaskStream(this.#link, job, epoch)])
    const channel = new NatsJob(this.#link, job, epoch, reports.created, guarded(onReport), () =>
      this.#jobs.delete(channel),
    )
    this.#jobs.add(channel)
    return channel
  }

  async dropEpochsBefore(job: string, epoch: number): Promise<void> {
    const streams = await taskStreamsOf(this.#link, job)
    const earlier = streams.filter(stream => stream.epoch < epoch)
    await Promise.all(earlier.map(({ name }) => deleteStream(this.#link, name)))
  }

  broadcast(message: Uint8Array): void {
    this.#link.publish(subjects.broadcast, message)
  }

  onBeat(handler: (beat: Uint8Array) => void): Subscription {
    return this.#link.subscribe(subjects.beats, message => handler(message.data))
  }

  serveBlobs(handler: (request: Uint8Array) => Uint8Array | undefined): Subscription {
    return this.#link.subscribe(subjects.blobs, message => {
      const answer = message.reply ? handler(message.data) : undefined
      if (answer && message.reply) this.#link.publish(message.reply, answer)
    })
  }

  async close(): Promise<void> {
    for (const job of [...this.#jobs]) job.detach()
    await this.#link.close()
  }
}

/** Connects a coordinator; `name` is for the server's listings. Streams outlive it, so that a job can be resumed. */
export const connectNatsCoordinator = async (
  options: NatsOptions & { readonly name: string },
): Promise<CoordinatorTransport> => {
  const link = await connectNats(options, `manyhands coordinator ${options.name}`, '_INBOX.c')
  return new NatsCoordinator(link)
}
