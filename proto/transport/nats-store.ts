// What daemons keep together, on NATS: a bucket for jobs, one for daemons, two streams a job.
// In: an address. Out: a Store. Always true: buckets are there once it is open; they are as the first daemon made them.
import type { Bucket, Journal, Store } from '../store.js'
import { subjects } from '../subjects.js'
import type { Subscription } from '../transport.js'
import type { NatsLink } from './nats.js'
import { NatsBucket } from './nats-bucket.js'
import { connectNats } from './nats-connect.js'
import { NatsJournal } from './nats-journal.js'
import type { NatsOptions } from './url.js'

/**
 * How long a daemon that is not heard of keeps its jobs. A single server is away for a moment when it restarts, a cluster for up
 * to 7 s while it chooses a leader. Smaller: jobs change hands for nothing. Larger: they wait longer after a death.
 */
const DAEMON_SECONDS = { single: 5, replicated: 15 }

class NatsStore implements Store {
  readonly limitBytes: number
  readonly closed: Promise<Error | undefined>
  readonly jobs: Bucket
  readonly daemons: Bucket
  readonly #link: NatsLink
  readonly #replicas: number

  constructor(link: NatsLink, replicas: number, jobs: Bucket, daemons: Bucket) {
    this.#link = link
    this.#replicas = replicas
    this.jobs = jobs
    this.daemons = daemons
    this.limitBytes = link.limitBytes
    this.closed = link.closed
  }

  journal(kind: 'in' | 'out', job: string): Journal {
    return new NatsJournal(this.#link, kind, job, this.#replicas)
  }

  tell(job: string, news: Uint8Array): void {
    this.#link.publish(subjects.news(job), news)
  }

  onNews(handler: (job: string, news: Uint8Array) => void): Subscription {
    return this.#link.subscribe(subjects.allNews, ({ subject, data }) =>
      handler(subject.slice(subject.lastIndexOf('.') + 1), data),
    )
  }

  onReconnect(handler: () => void): Subscription {
    return { close: this.#link.onReconnect(handler) }
  }

  close(): Promise<void> {
    return this.#link.close()
  }
}

/** Connects a daemon's store; `name` is for the server's listings. */
export const connectNatsStore = async (options: NatsOptions & { readonly name: string }): Promise<Store> => {
  const { name, replicas = 1 } = options
  const link = await connectNats(options, name, '_INBOX.c')
  const ageSeconds = DAEMON_SECONDS[replicas > 1 ? 'replicated' : 'single']
  const jobs = new NatsBucket(link, { name: 'mh_jobs', replicas })
  const daemons = new NatsBucket(link, { name: 'mh_daemons', replicas, ageSeconds })
  try {
    await Promise.all([jobs.create(), daemons.create()])
  } catch (error) {
    await link.close()
    throw error
  }
  return new NatsStore(link, replicas, jobs, daemons)
}
